package provider

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/webhookadmin"
	"example.com/gemini-webhook/internal/webhookadmin/admintest"
)

// ofGemini fails all calls of Gemini.
func ofGemini(how fault) func(string) fault {
	return func(call string) fault {
		if strings.Contains(call, "webhook") {
			return how
		}
		return fine
	}
}

// TestAway: whatever is not there now stops neither a plan nor a destroy, and
// the webhook is not forgotten in silence.
func TestAway(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		faults func(string) fault
		begin  func(*rig)
		says   string
	}{
		"Gemini is unreachable":         {faults: ofGemini(drop), says: "no answer from Gemini"},
		"Gemini is broken":              {faults: ofGemini(broken), says: "status 500"},
		"Gemini has enough":             {faults: ofGemini(throttled), says: "status 429"},
		"the key is denied":             {faults: admintest.At("AccessSecretVersion", dead), says: keySecret},
		"the key's secret is gone":      {begin: func(r *rig) { r.Store.Delete(keySecret) }, says: keySecret},
		"the key's version is disabled": {begin: func(r *rig) { must(r.t, r.Store.Disable(keySecret, 1)) }, says: keySecret},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, simulator.Options{})
			w := newWorkspace(r, "gemini_webhook")
			must(t, w.apply(t.Context(), r.webhook()))
			id := w.attribute("id")
			r.Faults.Set(test.faults)
			if test.begin != nil {
				test.begin(r)
			}
			w.warnings = nil
			if changed := w.mustPlan(r.webhook()); len(changed) > 0 {
				t.Errorf("planned %v", changed)
			}
			if said := strings.Join(w.warnings, "\n"); !strings.Contains(said, "The webhook was not looked at") || !strings.Contains(said, test.says) {
				t.Errorf("the plan warns %q, want %q", said, test.says)
			}
			w.warnings = nil
			must(t, w.apply(t.Context(), nil))
			if said := strings.Join(w.warnings, "\n"); !strings.Contains(said, "The webhook stays at Gemini") || !strings.Contains(said, id) {
				t.Errorf("the destroy warns %q", said)
			}

			// What was left is found again, not made twice.
			r.Faults.Set(nil)
			r.Store.Create(keySecret)
			r.Store.Add(keySecret, []byte(apiKey))
			must(t, w.apply(t.Context(), r.webhook()))
			if all := r.webhooks(); len(all) != 1 || all[0].ID != id {
				t.Errorf("Gemini has %d webhooks", len(all))
			}
		})
	}
}

// TestAwayBy tells what is away from what is wrong, where a call would take its
// full minute.
func TestAwayBy(t *testing.T) {
	t.Parallel()
	for want, errs := range map[bool][]error{
		true: {
			fmt.Errorf("get: %w: %w: access: %w", webhookadmin.ErrRefused, webhookadmin.ErrNoKey, context.DeadlineExceeded),
			context.DeadlineExceeded,
		},
		false: {
			fmt.Errorf("get: %w: %w: %w", webhookadmin.ErrRefused, webhookadmin.ErrNoKey, errNoKey),
			fmt.Errorf("get: %w, check the API key", webhookadmin.ErrRefused),
		},
	} {
		for _, err := range errs {
			if away(err) != want {
				t.Errorf("away(%v) is %t", err, !want)
			}
		}
	}
}

// TestRefused: a key that Gemini refuses is a mistake, and not an outage.
func TestRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	w := newWorkspace(r, "gemini_webhook")
	must(t, w.apply(t.Context(), r.webhook()))
	r.Faults.Set(ofGemini(dead))
	if _, err := w.plan(t.Context(), r.webhook()); err == nil || !strings.Contains(err.Error(), "check the API key") {
		t.Errorf("planned with a refused key: %v", err)
	}
}

// TestImportSeesTheWebhook: what is imported is not known, so that nothing can
// be taken to be as it was.
func TestImportSeesTheWebhook(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	made := newWorkspace(r, "gemini_webhook")
	must(t, made.apply(t.Context(), r.webhook()))
	w := newWorkspace(r, "gemini_webhook")
	must(t, w.importState(t.Context(), signingSecret))
	r.Faults.Set(ofGemini(broken))
	if _, err := w.plan(t.Context(), r.webhook()); err == nil {
		t.Error("planned what was imported and never seen")
	}
}

// TestTokenAway: a token that cannot be looked at is taken to be as it was.
func TestTokenAway(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	w := newWorkspace(r, "gemini_webhook_token")
	must(t, w.apply(t.Context(), r.token()))
	r.Faults.Set(admintest.At("ListSecretVersions", drop))
	if changed := w.mustPlan(r.token()); len(changed) > 0 {
		t.Errorf("planned %v", changed)
	}
	if said := strings.Join(w.warnings, "\n"); !strings.Contains(said, "The token was not looked at") {
		t.Errorf("the plan warns %q", said)
	}
}

// TestKeyWithoutVersion is found while the first plan is made, before the door
// that the webhook is to point to is there.
func TestKeyWithoutVersion(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		begin  func(*rig)
		faults func(string) fault
		want   string // in the error, or none
	}{
		"there is one":     {},
		"none is enabled":  {begin: func(r *rig) { must(r.t, r.Store.Disable(keySecret, 1)) }, want: "gcloud secrets versions add api-key --project=p"},
		"no secret":        {begin: func(r *rig) { r.Store.Delete(keySecret) }, want: "gcloud secrets create api-key --project=p"},
		"not to be listed": {faults: admintest.At("ListSecretVersions", dead)},
	} {
		r := newRig(t, simulator.Options{})
		w := newWorkspace(r, "gemini_webhook")
		if test.begin != nil {
			test.begin(r)
		}
		r.Faults.Set(test.faults)
		_, err := w.plan(t.Context(), r.webhook().with(values{"uri": tftypes.NewValue(tftypes.String, tftypes.UnknownValue)}))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// TestGuard refuses a destroy while it is planned, until that was applied away.
func TestGuard(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	w := newWorkspace(r, "gemini_deletion_guard")
	guard := values{"enabled": truth(true), "remedy": text("Apply it away.")}
	must(t, w.apply(t.Context(), guard))
	if _, err := w.plan(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "Apply it away.") {
		t.Errorf("a destroy was planned: %v", err)
	}
	if changed := w.mustPlan(guard); len(changed) > 0 {
		t.Errorf("planned %v", changed)
	}
	must(t, w.apply(t.Context(), guard.with(values{"enabled": truth(false)})))
	must(t, w.apply(t.Context(), nil))
}
