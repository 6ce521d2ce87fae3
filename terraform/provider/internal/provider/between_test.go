package provider

import (
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/webhookadmin"
)

// TestBetweenPlanAndApply something happens that the plan did not know. The
// provider's answers stay as they were planned, for Terraform would call
// anything else a bug; the next plan is empty all the same.
func TestBetweenPlanAndApply(t *testing.T) {
	t.Parallel()
	renamed := func(r *rig) values { return r.webhook().with(values{"name": text("renamed")}) }
	for name, between := range map[string]func(*rig){
		"deleted": func(r *rig) { must(r.t, r.remove(r.webhooks()[0].ID)) },
		"rotated": func(r *rig) {
			_, err := r.admin().Rotate(r.t.Context(), signingSecret, webhookadmin.After24h)
			must(r.t, err)
		},
		"a run failed":      func(r *rig) { r.mark(false) },
		"versions disabled": func(r *rig) { must(r.t, r.Store.Disable(signingSecret, 1)) },
		"done by another": func(r *rig) {
			_, _, err := r.admin().Ensure(r.t.Context(), webhookadmin.Desired{Name: "renamed", URI: r.Receiver.URL + "/static",
				Enabled: true, SigningSecret: signingSecret, SubscribedEvents: []string{"batch.succeeded", "batch.failed"}})
			must(r.t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, w := created(t)
			w.between = func() { between(r) }
			must(t, w.apply(t.Context(), renamed(r)))
			checkApplied(t, w, renamed(r))
		})
		t.Run(name+", healing", func(t *testing.T) {
			t.Parallel()
			r, w := created(t)
			r.mark(false)
			w.between = func() { between(r) }
			// Of all this only what Terraform's second look shows to be gone is too much
			// for its rules: it stops before anything is done.
			err := w.apply(t.Context(), r.webhook())
			if stopped := err != nil && strings.Contains(err.Error(), "inconsistent final plan"); stopped != (name == "deleted") {
				t.Errorf("%v", err)
			}
			must(t, w.apply(t.Context(), r.webhook()))
			if name != "done by another" { // which is undone by the second
				checkApplied(t, w, r.webhook())
			}
		})
	}
}
