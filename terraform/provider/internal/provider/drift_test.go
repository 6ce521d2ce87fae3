package provider

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// TestNoChange: what happens by itself, or by others who are allowed to, is not
// planned to be undone.
func TestNoChange(t *testing.T) {
	t.Parallel()
	var ahead time.Duration
	r := newRig(t, simulator.Options{Now: func() time.Time { return time.Now().Add(ahead) }})
	w := newWorkspace(r, "gemini_webhook")
	must(t, w.apply(t.Context(), r.webhook()))
	for _, change := range []struct {
		name string
		make func()
		want int // signing secrets
	}{
		{"rotated by schedule", func() {
			_, err := r.admin().Rotate(t.Context(), signingSecret, webhookadmin.After24h)
			must(t, err)
		}, 2},
		{"the older secret has expired", func() { ahead = 25 * time.Hour }, 1},
		{"an older version is disabled", func() { must(t, r.Store.Disable(signingSecret, 1)) }, 1},
		{"somebody else's annotation", func() {
			all := r.Annotations(signingSecret)
			all["team"] = "ours"
			r.Annotate(signingSecret, all)
		}, 1},
	} {
		change.make()
		if changed := w.mustPlan(r.webhook()); len(changed) > 0 {
			t.Errorf("%s: planned %v", change.name, changed)
		}
		var secrets []tftypes.Value
		must(t, attributes(w.state)["signing_secrets"].As(&secrets))
		if len(secrets) != change.want {
			t.Errorf("%s: %d signing secrets in the state, want %d", change.name, len(secrets), change.want)
		}
	}
}

// TestDrift: what others did is planned to be undone, and is undone.
func TestDrift(t *testing.T) {
	t.Parallel()
	heal := []string{"signing_secrets", "update_time"}
	for name, drift := range map[string]struct {
		make    func(*rig)
		want    []string
		warning string
	}{
		"renamed": {func(r *rig) { r.edit(webhookadmin.Fields{Name: new("theirs")}) }, []string{"name", "update_time"}, ""},
		"moved":   {func(r *rig) { r.edit(webhookadmin.Fields{URI: new("https://elsewhere.example/")}) }, []string{"update_time", "uri"}, ""},
		"other events": {func(r *rig) { r.edit(webhookadmin.Fields{SubscribedEvents: []string{"batch.failed"}}) },
			[]string{"subscribed_events", "update_time"}, ""},
		"disabled":          {func(r *rig) { r.edit(webhookadmin.Fields{State: new("disabled")}) }, []string{"enabled", "state", "update_time"}, ""},
		"deleted":           {func(r *rig) { must(r.t, r.remove(r.webhooks()[0].ID)) }, []string{"created"}, ""},
		"versions disabled": {func(r *rig) { must(r.t, r.Store.Disable(signingSecret, 1)) }, heal, "No version of the secret is enabled"},
		"annotations lost": {func(r *rig) {
			r.Annotate(signingSecret, nil)
		}, heal, "will be adopted"},
		"a run failed": {func(r *rig) { r.mark(false) }, heal, "A run did not finish"},
		"a run was killed": {func(r *rig) {
			r.mark(true)
			r.Lapse()
		}, heal, "A run did not finish"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, w := created(t)
			drift.make(r)
			if diff := cmp.Diff(drift.want, w.mustPlan(r.webhook())); diff != "" {
				t.Errorf("planned (-want +got):\n%s", diff)
			}
			w.warned(drift.warning)
			must(t, w.apply(t.Context(), r.webhook()))
			checkApplied(t, w, r.webhook())
		})
	}
}

// edit changes the webhook as somebody else would.
func (r *rig) edit(fields webhookadmin.Fields) {
	r.t.Helper()
	_, err := r.Webhooks(nil).Update(r.t.Context(), r.webhooks()[0].ID, fields)
	must(r.t, err)
}

// mark leaves the mark of a run whose new key is lost.
func (r *rig) mark(held bool) {
	r.t.Helper()
	all := r.Annotations(signingSecret)
	_, err := r.Webhooks(nil).Rotate(r.t.Context(), all[webhookadmin.AnnotationID], false)
	must(r.t, err)
	mark := `{"run":"R","doing":"rotate","since":"` + r.Now().UTC().Format(time.RFC3339) + `","held":false,"unknown":true}`
	if held {
		mark = strings.Replace(mark, `"held":false`, `"held":true`, 1)
	}
	all[webhookadmin.AnnotationPending] = mark
	r.Annotate(signingSecret, all)
}

// TestRunAtWork: a run that may be at work, or have been killed just now, shows
// in a plan, which does not wait for it.
func TestRunAtWork(t *testing.T) {
	t.Parallel()
	r, w := created(t)
	r.mark(true)
	if diff := cmp.Diff([]string{"signing_secrets", "update_time"}, w.mustPlan(r.webhook())); diff != "" {
		t.Errorf("planned (-want +got):\n%s", diff)
	}
	w.warned("Another run is at work")
}

// TestSecretIsGone with its annotations, and is made again: the webhook that
// Terraform knows is adopted, whatever its name is by now.
func TestSecretIsGone(t *testing.T) {
	t.Parallel()
	r, w := created(t)
	r.Store.Delete(signingSecret)
	if diff := cmp.Diff([]string{"signing_secrets", "update_time"}, w.mustPlan(r.webhook())); diff != "" {
		t.Errorf("planned (-want +got):\n%s", diff)
	}
	config := r.webhook().with(values{"name": text("renamed")})
	if err := w.apply(t.Context(), config); err == nil {
		t.Error("applied without the secret")
	}
	r.Store.Create(signingSecret)
	must(t, w.apply(t.Context(), config))
	checkApplied(t, w, config)

	r.Store.Delete(signingSecret)
	must(t, w.apply(t.Context(), nil))
	if all := r.webhooks(); len(all) > 0 {
		t.Errorf("destroyed without the secret: %d webhooks are left", len(all))
	}
}
