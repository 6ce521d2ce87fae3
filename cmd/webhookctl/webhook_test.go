package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/localcloud/secrets"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// TestWebhookLife goes from no secret to no webhook, each step first as a dry run.
func TestWebhookLife(t *testing.T) {
	r := newRig(t)
	create := []string{"create", "--uri", uri}

	// Nothing is there.
	for _, args := range [][]string{{"get"}, {"ping"}, {"rotate"}, {"rotate", "--dry-run"}, {"update", "--name", "x"}, {"delete", "--yes"}} {
		r.do(codeNotFound, args...)
	}
	r.do(codeUsage, "create", "--uri", "/gemini")
	if r.world().Secret {
		t.Error("a secret was made for a webhook that cannot be")
	}
	plan := r.dry(codeChanges, create...)
	if want := (map[string]any{"create": true}); plan["secret_created"] != true || !cmp.Equal(plan["changes"], any(want)) {
		t.Errorf("plan of the first create: %v", plan)
	}

	// Create; again, it is as desired.
	made := r.json(codeDone, create...)
	hook := r.hook()
	if hook.Name != "gemini-webhook" || hook.URI != uri || hook.State != "enabled" || len(hook.SubscribedEvents) != 7 {
		t.Errorf("the webhook is %+v", hook)
	}
	if made["secret_created"] != true || made["webhook"].(map[string]any)["id"] != hook.ID || !cmp.Equal(made["changes"], any(map[string]any{"create": true, "versions": []any{1.0}})) {
		t.Errorf("create --json: %v", made)
	}
	if payload, ok := r.store.Payload(signing, 1); !ok || !strings.HasPrefix(string(payload), strings.TrimSuffix(hook.SigningSecrets[0].Truncated, "...")) {
		t.Error("the stored version is not the webhook's signing secret")
	}
	r.dry(codeDone, create...)
	if made = r.json(codeDone, create...); made["changed"] != false {
		t.Errorf("create again: %v", made)
	}
	if out, _ := r.do(codeDone, create...); !strings.Contains(out, "nothing to do") {
		t.Errorf("create again: %s", out)
	}

	// Get and list.
	got := r.json(codeDone, "get")
	if id := got["webhook"].(map[string]any)["id"]; id != hook.ID || len(got["versions"].([]any)) != 1 || got["pending"] != nil {
		t.Errorf("get --json: %v", got)
	}
	other := webhookadmin.Fields{URI: ptr("https://other.example"), SubscribedEvents: []string{"batch.failed"}}
	if _, _, err := r.webhooks.Create(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	marks := map[string]any{}
	for _, l := range r.json(codeDone, "list")["webhooks"].([]any) {
		marks[l.(map[string]any)["uri"].(string)] = l.(map[string]any)["of_secret"]
	}
	if diff := cmp.Diff(map[string]any{uri: true, "https://other.example": false}, marks); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if out, _ := r.do(codeDone, "list"); strings.Count(out, "of the secret") != 1 || !strings.Contains(out, hook.ID) {
		t.Errorf("list:\n%s", out)
	}

	// Update.
	update := []string{"update", "--events", "batch.failed, batch.succeeded", "--disabled"}
	if plan := r.dry(codeChanges, update...); !cmp.Equal(plan["changes"], any(map[string]any{"update": []any{"subscribed_events", "state"}})) {
		t.Errorf("plan of an update: %v", plan)
	}
	r.do(codeDone, update...)
	r.dry(codeDone, update...)
	if now, err := r.webhooks.Get(t.Context(), hook.ID); err != nil || now.State != "disabled" || !slices.Equal(now.SubscribedEvents, []string{"batch.failed", "batch.succeeded"}) || now.Name != hook.Name {
		t.Errorf("after the update: %+v, %v", now, err)
	}
	r.dry(codeChanges, create...) // it would undo that
	r.do(codeDone, create...)
	r.do(codeDone, "ping")

	// Rotate.
	if plan := r.dry(codeChanges, "rotate"); plan["revocation"] != "after_24h" || len(plan["disabled"].([]any)) != 0 {
		t.Errorf("plan of a rotation: %v", plan)
	}
	if turn := r.json(codeDone, "rotate"); !cmp.Equal(turn["versions"], any([]any{2.0})) || turn["webhook_id"] != hook.ID {
		t.Errorf("rotate --json: %v", turn)
	}
	if got, _ := r.webhooks.Get(t.Context(), hook.ID); len(got.SigningSecrets) != 2 {
		t.Errorf("%d keys in force after a rotation, want 2", len(got.SigningSecrets))
	}
	if plan := r.dry(codeChanges, "rotate", "--now"); !cmp.Equal(plan["disabled"], any([]any{1.0, 2.0})) {
		t.Errorf("plan of a revocation: %v", plan)
	}
	out, _ := r.do(codeDone, "rotate", "--now")
	for _, want := range []string{"versions/3", "disabled: 1 2\n", "SECRET_TTL", "ping"} {
		if !strings.Contains(out, want) {
			t.Errorf("rotate --now does not say %q:\n%s", want, out)
		}
	}
	if got, _ := r.webhooks.Get(t.Context(), hook.ID); len(got.SigningSecrets) != 1 || !slices.Equal(r.world().Enabled, []int64{3}) {
		t.Errorf("after a revocation %d keys are in force and versions %v enabled", len(got.SigningSecrets), r.world().Enabled)
	}

	// Delete.
	r.dry(codeChanges, "delete")
	r.do(codeUsage, "delete") // nobody to ask
	r.answer(codeFailed, ptr("n\n"), "delete")
	r.answer(codeFailed, ptr(""), "delete")
	if len(r.world().Hooks) != 2 {
		t.Fatal("deleted without a yes")
	}
	if _, asked := r.answer(codeDone, ptr("yes\n"), "delete"); !strings.Contains(asked, hook.ID) || !strings.Contains(asked, uri) {
		t.Errorf("the question does not name the webhook: %s", asked)
	}
	if left := r.hook(); left.URI != *other.URI || !slices.Equal(r.world().Enabled, []int64{3}) {
		t.Errorf("after the delete: %+v", r.world())
	}
	r.dry(codeDone, "delete")
	if again := r.json(codeDone, "delete", "--yes"); again["changed"] != false {
		t.Errorf("delete again: %v", again)
	}
	id := r.hook().ID // of the other
	r.dry(codeChanges, "delete", "--id", id)
	r.do(codeDone, "delete", "--yes", "--id", id)
	if n := len(r.world().Hooks); n != 0 {
		t.Errorf("%d webhooks are left", n)
	}
}

func ptr[T any](v T) *T { return &v }

// TestAdoption: a webhook that the secret does not name gets a new key.
func TestAdoption(t *testing.T) {
	r := newRig(t)
	fields := webhookadmin.Fields{Name: ptr("gemini-webhook"), URI: ptr(uri), SubscribedEvents: strings.Split(defaultEvents, ",")}
	if _, _, err := r.webhooks.Create(t.Context(), fields); err != nil {
		t.Fatal(err)
	}
	want := any(map[string]any{"rotate": "adopted"})
	if plan := r.dry(codeChanges, "create", "--uri", uri); !cmp.Equal(plan["changes"], want) {
		t.Errorf("plan without a secret: %v", plan)
	}
	r.store.Create(signing)
	if plan := r.dry(codeChanges, "create", "--uri", uri); !cmp.Equal(plan["changes"], want) {
		t.Errorf("plan with a secret: %v", plan)
	}
	r.do(codeDone, "create", "--uri", uri)
	if hook := r.hook(); r.world().Annotations[webhookadmin.AnnotationID] != hook.ID {
		t.Errorf("not adopted: %+v", r.world())
	}
	if _, _, err := r.webhooks.Create(t.Context(), fields); err != nil {
		t.Fatal(err)
	}
	r.do(codeDone, "create", "--uri", uri) // the secret names one of the two
	r.annotate(map[string]string{webhookadmin.AnnotationID: ""})
	if _, messages := r.do(codeFailed, "create", "--uri", uri); !strings.Contains(messages, "delete all but one") {
		t.Errorf("two of one name and uri: %s", messages)
	}
}

// TestPastedSecret: what somebody stored and receivers refuse is said by every
// command that could have seen it, and no more once there is a good one.
func TestPastedSecret(t *testing.T) {
	r := newRig(t)
	r.do(codeDone, "create", "--uri", uri)
	r.store.Add(signing, []byte("GEMINI_WEBHOOK_SECRET=whsec_MDEyMzQ1Njc4OWFiY2RlZg=="))
	says := func(want bool, code int, args ...string) {
		t.Helper()
		_, messages := r.do(code, args...)
		if got := strings.Contains(messages, "receivers refuse version 2 of "+signing) && strings.Contains(messages, "store the signing secret alone"); got != want {
			t.Errorf("%v: %q; want it said: %v", args, messages, want)
		}
	}
	says(true, codeDone, "get")
	says(true, codeDone, "create", "--uri", uri)
	says(true, codeChanges, "rotate", "--dry-run")
	r.store.Fail(func(op secrets.Op) *secrets.Fault {
		if op.Method == "AccessSecretVersion" {
			return &secrets.Fault{Err: status.Error(codes.PermissionDenied, "denied on purpose")}
		}
		return nil
	})
	says(false, codeDone, "get") // who may not read it cannot know
	r.store.Fail(nil)
	says(false, codeDone, "rotate")
	says(false, codeDone, "get")
}

// TestUnfinished: a key that cannot be stored is 3, and the next run heals.
func TestUnfinished(t *testing.T) {
	r := newRig(t)
	r.do(codeDone, "create", "--uri", uri)
	r.store.Fail(func(op secrets.Op) *secrets.Fault {
		if op.Method == "AddSecretVersion" {
			return &secrets.Fault{Err: status.Error(codes.PermissionDenied, "denied on purpose")}
		}
		return nil
	})
	if _, messages := r.do(codeAgain, "rotate"); !strings.Contains(messages, "run it again") {
		t.Errorf("message: %s", messages)
	}
	if got := r.json(codeDone, "get"); got["pending"] == nil {
		t.Errorf("get does not show what is unfinished: %v", got)
	}
	if plan := r.dry(codeChanges, "create", "--uri", uri); !cmp.Equal(plan["changes"], any(map[string]any{"rotate": "interrupted"})) {
		t.Errorf("plan: %v", plan)
	}
	r.store.Fail(nil)
	r.do(codeDone, "create", "--uri", uri)
	if got := r.json(codeDone, "get"); got["pending"] != nil || len(got["webhook"].(map[string]any)["signing_secrets"].([]any)) != 1 {
		t.Errorf("not healed: %v", got)
	}
}

// TestBusy: a run that is interrupted while it waits for another one is 3.
func TestBusy(t *testing.T) {
	r := newRig(t)
	r.do(codeDone, "create", "--uri", uri)
	r.annotate(map[string]string{webhookadmin.AnnotationPending: fmt.Sprintf(`{"run":"other","doing":"rotate","since":%q,"held":true}`, time.Now().UTC().Format(time.RFC3339))})
	if plan := r.dry(codeDone, "create", "--uri", uri); plan["changes"].(map[string]any)["busy"] != true {
		t.Errorf("the plan does not say that another run is at work: %v", plan)
	}
	for _, args := range [][]string{{"create", "--uri", uri}, {"rotate", "--now"}, {"delete", "--yes"}} {
		ctx, cancel := context.WithCancel(t.Context()) // as a signal does
		before := r.world()
		time.AfterFunc(50*time.Millisecond, cancel)
		_, messages, code := answered(t, ctx, nil, append([]string{"webhook"}, args...)...)
		cancel()
		if code != codeAgain || messages == "" {
			t.Errorf("%v: code %d, %s", args, code, messages)
		}
		if diff := cmp.Diff(before, r.world()); diff != "" {
			t.Errorf("%v changed something:\n%s", args, diff)
		}
	}
}

// TestFailures are those that change nothing.
func TestFailures(t *testing.T) {
	r := newRig(t)
	r.store.Create(signing)
	keySecret := "projects/p/secrets/api-key"
	for name, test := range map[string]struct {
		code int
		says string
		args []string
	}{
		"no uri":                  {codeUsage, "--uri", []string{"create"}},
		"a relative uri":          {codeUsage, "https://HOST/PATH", []string{"create", "--uri", "/gemini"}},
		"no events":               {codeUsage, "--events", []string{"create", "--uri", uri, "--events", ","}},
		"an unknown event":        {codeFailed, "status 400: INVALID_ARGUMENT, subscribed_events", []string{"create", "--uri", uri, "--events", "batch.failed,batch.exploded"}},
		"a bad secret":            {codeUsage, "projects/PROJECT/secrets/SECRET", []string{"create", "--uri", uri, "--secret", "signing"}},
		"a bad key secret":        {codeUsage, "--api-key-secret", []string{"list", "--api-key-secret", "key"}},
		"no key in the secret":    {codeFailed, "API key", []string{"list", "--api-key-secret", keySecret}},
		"an update of nothing":    {codeUsage, "--enabled", []string{"update"}},
		"enabled and disabled":    {codeUsage, "--disabled", []string{"update", "--enabled", "--disabled"}},
		"the key as a flag":       {codeUsage, "unknown flag", []string{"list", "--api-key", "k"}},
		"a webhook of nobody's":   {codeNotFound, "create it first", []string{"update", "--enabled"}},
		"plain http":              {codeUsage, "https://", []string{"create", "--uri", "http://receiver.example/gemini"}},
		"plain http, dry":         {codeUsage, "https://", []string{"create", "--dry-run", "--uri", "http://receiver.example/gemini"}},
		"an update to plain http": {codeUsage, "https://", []string{"update", "--uri", "http://receiver.example/gemini"}},
		"get without a webhook":   {codeNotFound, "create it first", []string{"get"}},
		"ping without a webhook":  {codeNotFound, "create it first", []string{"ping"}},
		"now without a webhook":   {codeNotFound, "create it first", []string{"rotate", "--now"}},
		"delete without a secret": {codeNotFound, "not found", []string{"delete", "--yes", "--secret", "projects/p/secrets/none"}},
	} {
		r.Run(name, func(t *testing.T) {
			out, messages, code := webhookctl(t, append([]string{"webhook"}, test.args...)...)
			r.printed.WriteString(out + messages)
			if code != test.code || out != "" || !strings.Contains(messages, test.says) {
				t.Errorf("code %d, %q, %q; want %d and %q", code, out, messages, test.code, test.says)
			}
		})
	}
	if w := r.world(); len(w.Hooks) != 0 || len(w.Annotations) != 0 {
		t.Errorf("something was done: %+v", w)
	}

	t.Setenv("GEMINI_API_KEY", "")
	if _, messages := r.do(codeUsage, "list"); !strings.Contains(messages, "GEMINI_API_KEY") {
		t.Errorf("no key: %s", messages)
	}
	r.store.Add(keySecret, []byte(apiKey+"\n"))
	r.do(codeDone, "create", "--uri", uri, "--api-key-secret", keySecret)
	r.hook()

	t.Setenv("GEMINI_API_KEY", "wrong-"+apiKey)
	r.do(codeFailed, "list")
}

// TestPartlyDone: the key is stored and the rest is refused, so that there is
// something to go on with.
func TestPartlyDone(t *testing.T) {
	r := newRig(t)
	// It is adopted, and then the update is refused.
	fields := webhookadmin.Fields{Name: ptr("gemini-webhook"), URI: ptr(uri), SubscribedEvents: []string{"batch.failed"}}
	if _, _, err := r.webhooks.Create(t.Context(), fields); err != nil {
		t.Fatal(err)
	}
	if _, messages := r.do(codeAgain, "create", "--uri", uri, "--events", "batch.exploded"); !strings.Contains(messages, "subscribed_events") {
		t.Errorf("message: %s", messages)
	}
	if w := r.world(); len(w.Enabled) == 0 || w.Annotations[webhookadmin.AnnotationID] == "" {
		t.Errorf("the key is not stored: %+v", w)
	}
}
