package provider

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// operation is an apply that is interrupted.
type operation struct {
	typeName string
	before   func(*rig) values // applied before without a fault; nil: nothing
	prepare  func(*rig)        // done after that
	apply    func(*rig) values // nil: destroy
	calls    [2]int            // that it makes, at least: all, and those that change something
}

// operations are all that the resources do.
var operations = map[string]operation{
	"create": {typeName: "gemini_webhook", apply: (*rig).webhook, calls: [2]int{16, 4}},
	"create disabled": {typeName: "gemini_webhook", calls: [2]int{18, 5},
		apply: func(r *rig) values { return r.webhook().with(values{"enabled": truth(false)}) }},
	"create, adopting": {typeName: "gemini_webhook", apply: (*rig).webhook, calls: [2]int{21, 5}, prepare: func(r *rig) {
		d := webhookadmin.Desired{Name: "ours", URI: r.Receiver.URL + "/static", Enabled: true, SigningSecret: otherSecret,
			SubscribedEvents: []string{"video.generated"}}
		_, _, err := r.admin().Ensure(r.t.Context(), d)
		must(r.t, err)
	}},
	"update": {typeName: "gemini_webhook", before: (*rig).webhook, calls: [2]int{17, 1}, apply: func(r *rig) values {
		return r.webhook().with(values{"name": text("renamed"), "uri": text(r.Receiver.URL + "/other"),
			"subscribed_events": texts("video.generated"), "enabled": truth(false)})
	}},
	"rotate": {typeName: "gemini_webhook", before: (*rig).webhook, calls: [2]int{28, 4},
		apply: func(r *rig) values { return r.webhook().with(values{"rotation_triggers": triggers("1")}) }},
	"rotate immediately": {typeName: "gemini_webhook", before: (*rig).webhook, calls: [2]int{32, 6}, apply: func(r *rig) values {
		return r.webhook().with(values{"rotation_triggers": triggers("1"), "revocation": text("immediately")})
	}},
	"change the secret": {typeName: "gemini_webhook", before: (*rig).webhook, calls: [2]int{24, 5},
		apply: func(r *rig) values { return r.webhook().with(values{"signing_secret": text(otherSecret)}) }},
	"delete":       {typeName: "gemini_webhook", before: (*rig).webhook, calls: [2]int{11, 4}},
	"create token": {typeName: "gemini_webhook_token", apply: (*rig).token, calls: [2]int{2, 1}},
	"rotate token": {typeName: "gemini_webhook_token", before: (*rig).token, calls: [2]int{3, 1},
		apply: func(r *rig) values { return r.token().with(values{"rotation_triggers": triggers("1")}) }},
	"delete tokens": {typeName: "gemini_webhook_token", before: (*rig).token, calls: [2]int{4, 2},
		prepare: func(r *rig) { r.Store.Add(tokenSecret, []byte("a-second-one-that-is-newer-0123456789")) }},
}

// parallel is how many crashes are tried at once: they mostly wait for the
// clients' pauses before they try again.
const parallel = 16

// TestKilledAtEveryCall kills the provider at each call of each operation:
// before the call arrived, after it was done, and after all was done. Nothing
// arrives after that, and Terraform's state stays as it was. Then the clock
// passes the lease, and the next apply must bring about the same as if nothing
// had happened.
func TestKilledAtEveryCall(t *testing.T) {
	t.Parallel()
	slots := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	defer wg.Wait()
	for name, op := range operations {
		for i, how := range []fault{drop, lose} {
			run := func(n int) (calls int) {
				slots <- struct{}{}
				defer func() { <-slots }()
				t.Run(fmt.Sprintf("%s/%s/%d", name, how, n), func(t *testing.T) { calls = crash(t, op, n, how) })
				return calls
			}
			wg.Go(func() {
				calls := run(never)
				if calls < op.calls[i] {
					t.Errorf("%s: only %d calls, want %d", name, calls, op.calls[i])
				}
				for n := 1; n <= calls; n++ {
					wg.Go(func() { run(n) })
				}
			})
		}
	}
}

// never is more calls than any operation makes.
const never = 10_000

// crash kills the provider at the n-th call, or where there is none after all
// was done, and checks that the next apply heals. It says how many calls there
// were.
func crash(t *testing.T, op operation, n int, how fault) (calls int) {
	ctx := t.Context()
	signing := []simulator.Signing{simulator.SignBoth, simulator.SignOldUntilExpiry, simulator.SignNewAtOnce}[n%3]
	r := newRig(t, simulator.Options{Signing: signing})
	w := newWorkspace(r, op.typeName)
	if op.before != nil {
		must(t, w.apply(ctx, op.before(r)))
	}
	if op.prepare != nil {
		op.prepare(r)
	}
	var config values
	if op.apply != nil {
		config = op.apply(r)
	}

	f := &nth{n: n, how: how}
	r.Faults.Set(f.choose)
	before := w.state
	err := w.apply(ctx, config)
	r.Faults.Set(nil)
	calls, call := f.seen()
	switch {
	case n == never:
		must(t, err)
		checkApplied(t, w, config)
	case call == "":
		t.Fatalf("there were only %d calls", calls)
	case err != nil:
		for _, secret := range r.payloads(signingSecret, otherSecret, tokenSecret) {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("call %d (%s): a secret is in the error", n, call)
			}
		}
	}
	w.state = before // a killed Terraform saves nothing
	r.Lapse()
	if next := w.apply(ctx, config); next != nil {
		t.Fatalf("call %d (%s) failed with %v; the next apply: %v", n, call, err, next)
	}
	checkApplied(t, w, config)
	return calls
}

// checkApplied checks that all is as configured, and that a plan is empty.
func checkApplied(t *testing.T, w *workspace, config values) {
	t.Helper()
	r := w.rig
	changed, err := w.plan(t.Context(), config)
	must(t, err)
	if len(changed) > 0 {
		t.Errorf("a plan after the apply changes %v", changed)
	}
	switch {
	case w.typeName == "gemini_webhook_token":
		if enabled := r.Enabled(tokenSecret); (config == nil) != (len(enabled) == 0) {
			t.Errorf("enabled tokens: %v", enabled)
		}
	case config == nil:
		if all, annotations := r.webhooks(), r.Annotations(signingSecret); len(all) > 0 || len(annotations) > 0 {
			t.Errorf("after the destroy: %d webhooks, annotations %v", len(all), annotations)
		}
	default:
		checkWebhook(t, w, config)
	}
}

// checkWebhook checks that there is one webhook, as configured, and that a ping
// is verified.
func checkWebhook(t *testing.T, w *workspace, config values) {
	t.Helper()
	r := w.rig
	var name, uri, signing string
	var events []tftypes.Value
	must(t, config["name"].As(&name))
	must(t, config["uri"].As(&uri))
	must(t, config["signing_secret"].As(&signing))
	must(t, config["subscribed_events"].As(&events))
	must(t, r.settled(secret.Name(signing)))
	hook := r.webhooks()[0]
	state := "enabled"
	if value, ok := config["enabled"]; ok && value.Equal(truth(false)) {
		state = "disabled"
	}
	if hook.Name != name || hook.URI != uri || hook.State != state || len(hook.SubscribedEvents) != len(events) || w.attribute("id") != hook.ID {
		t.Errorf("Gemini has %+v", hook)
	}
	if other := r.Annotations(otherSecret); signing == signingSecret && len(other) > 0 && other[webhookadmin.AnnotationID] != hook.ID {
		t.Errorf("the other secret has %v", other)
	}
	if signing == otherSecret && len(r.Annotations(signingSecret)) > 0 {
		t.Error("the former secret still names the webhook")
	}
	_, rotated := config["rotation_triggers"]
	if enabled := r.Enabled(secret.Name(signing)); rotated && config["revocation"].Equal(text("immediately")) && len(enabled) != 1 {
		t.Errorf("enabled versions after an immediate rotation: %v", enabled)
	}
}
