package main

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/geminiapi"
	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/secrets"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

const (
	signing = "projects/p/secrets/signing"
	uri     = "https://receiver.example/gemini"
	apiKey  = "the-api-key-of-the-test"
)

// rig is Gemini and Secret Manager. It sees all that is printed, and fails a test
// that prints a secret.
type rig struct {
	*testing.T
	store    *secrets.Server
	sm       *secretmanager.Client
	webhooks *geminiapi.Webhooks
	printed  strings.Builder
}

func newRig(t *testing.T) *rig {
	t.Helper()
	g, err := simulator.Start(simulator.Options{APIKey: apiKey})
	must(t, err)
	t.Cleanup(func() { g.Close() })
	t.Setenv("GOOGLE_GEMINI_BASE_URL", g.URL())
	t.Setenv("GEMINI_API_KEY", apiKey)
	t.Setenv("SIGNING_SECRET", signing)
	r := &rig{T: t, store: start(t)}
	if r.sm, err = secretmanager.NewClient(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.sm.Close() })
	r.webhooks = geminiapi.NewWebhooks(geminiapi.WebhooksConfig{
		Key: func(context.Context) (secret.Value, error) { return secret.NewValue([]byte(apiKey)), nil }, BaseURL: g.URL(),
	})
	t.Cleanup(r.checkNoSecrets)
	return r
}

// checkNoSecrets looks for the API key and for every signing secret.
func (r *rig) checkNoSecrets() {
	hidden := []string{apiKey}
	for n := int64(1); ; n++ {
		payload, ok := r.store.Payload(signing, n)
		if !ok {
			break
		}
		hidden = append(hidden, string(payload), strings.TrimPrefix(string(payload), "whsec_"))
	}
	for _, secret := range hidden {
		if strings.Contains(r.printed.String(), secret) {
			r.Error("a secret is printed")
		}
	}
}

// do runs "webhookctl webhook" and checks the exit code.
func (r *rig) do(want int, args ...string) (out, messages string) {
	r.Helper()
	return r.answer(want, nil, args...)
}

func (r *rig) answer(want int, answer *string, args ...string) (out, messages string) {
	r.Helper()
	out, messages, code := answered(r.T, r.Context(), answer, append([]string{"webhook"}, args...)...)
	r.printed.WriteString(out + messages)
	if code != want {
		r.Fatalf("webhook %s: code %d, want %d\n%s%s", strings.Join(args, " "), code, want, out, messages)
	}
	return out, messages
}

// json is do with --json, decoded.
func (r *rig) json(want int, args ...string) map[string]any {
	r.Helper()
	out, _ := r.do(want, append(args, "--json")...)
	var answer map[string]any
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		r.Fatalf("webhook %v --json: %v\n%s", args, err, out)
	}
	return answer
}

// world is all that the commands could change.
type world struct {
	Hooks       []webhookadmin.Webhook
	Annotations map[string]string
	Enabled     []int64 // versions, the newest first
	Secret      bool
}

func (r *rig) world() (w world) {
	r.Helper()
	var err error
	if w.Hooks, err = r.webhooks.List(context.Background()); err != nil {
		r.Fatal(err)
	}
	got, err := r.sm.Get(context.Background(), signing)
	if w.Secret = err == nil; !w.Secret {
		return w
	}
	w.Annotations = got.Annotations
	versions, err := r.sm.Versions(context.Background(), signing)
	must(r, err)
	for _, v := range versions {
		if v.Enabled {
			w.Enabled = append(w.Enabled, v.Number)
		}
	}
	return w
}

// hook is the one webhook there is.
func (r *rig) hook() webhookadmin.Webhook {
	r.Helper()
	hooks := r.world().Hooks
	if len(hooks) != 1 {
		r.Fatalf("%d webhooks, want one", len(hooks))
	}
	return hooks[0]
}

// annotate changes the secret's annotations.
func (r *rig) annotate(set map[string]string) {
	r.Helper()
	got, err := r.sm.Get(r.Context(), signing)
	must(r, err)
	all := map[string]string{}
	maps.Copy(all, got.Annotations)
	maps.Copy(all, set)
	must(r, r.sm.SetAnnotations(r.Context(), signing, all, got.Etag))
}

// dry runs a command with --dry-run twice, for people and for scripts, and
// wants nothing changed by it.
func (r *rig) dry(want int, args ...string) map[string]any {
	r.Helper()
	before := r.world()
	r.do(want, append(args, "--dry-run")...)
	answer := r.json(want, append(args, "--dry-run")...)
	if diff := cmp.Diff(before, r.world()); diff != "" {
		r.Errorf("webhook %s --dry-run changed something (-before +after):\n%s", strings.Join(args, " "), diff)
	}
	if answer["dry_run"] != true || answer["changed"] != (want == codeChanges) {
		r.Errorf("webhook %s --dry-run: dry_run %v, changed %v with code %d", strings.Join(args, " "), answer["dry_run"], answer["changed"], want)
	}
	return answer
}
