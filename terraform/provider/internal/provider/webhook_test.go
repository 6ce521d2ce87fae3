package provider

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
)

func (r *rig) webhook() values {
	return values{
		"name": text("ours"), "uri": text(r.Receiver.URL + "/static"),
		"subscribed_events": texts("batch.succeeded", "batch.failed"), "signing_secret": text(signingSecret),
	}
}

func (r *rig) token() values { return values{"secret": text(tokenSecret)} }

// created is a webhook that was applied.
func created(t *testing.T) (*rig, *workspace) {
	t.Helper()
	r := newRig(t, simulator.Options{})
	w := newWorkspace(r, "gemini_webhook")
	must(t, w.apply(t.Context(), r.webhook()))
	return r, w
}

// changes is a plan that succeeds.
func (w *workspace) mustPlan(v values) []string {
	w.rig.t.Helper()
	changed, err := w.plan(w.rig.t.Context(), v)
	must(w.rig.t, err)
	return changed
}

// warned checks that a warning has this text.
func (w *workspace) warned(text string) {
	w.rig.t.Helper()
	if all := strings.Join(w.warnings, "\n"); !strings.Contains(all, text) {
		w.rig.t.Errorf("warnings %q, want one with %q", all, text)
	}
}

// TestPlansWhatChanges: every field is changed in place, alone, and of what is
// computed that alone is planned to change which does.
func TestPlansWhatChanges(t *testing.T) {
	t.Parallel()
	r, w := created(t)
	unknown := tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	for _, test := range []struct {
		name   string
		values values
		want   []string
	}{
		{"nothing", nil, nil},
		{"name", values{"name": text("renamed")}, []string{"name", "update_time"}},
		{"uri", values{"uri": text(r.Receiver.URL + "/other")}, []string{"update_time", "uri"}},
		{"events", values{"subscribed_events": texts("video.generated")}, []string{"subscribed_events", "update_time"}},
		{"disabled", values{"enabled": truth(false)}, []string{"enabled", "state", "update_time"}},
		{"triggers", values{"rotation_triggers": triggers("1")}, []string{"rotation_triggers", "signing_secrets", "update_time"}},
		{"triggers again", values{"rotation_triggers": triggers("2")}, []string{"rotation_triggers", "signing_secrets", "update_time"}},
		{"revocation", values{"revocation": text("immediately")}, []string{"revocation"}},
		{"API key", values{"api_key_secret": text(keySecret)}, []string{"api_key_secret"}},
		{"secret", values{"signing_secret": text(otherSecret)}, []string{"signing_secret", "signing_secrets", "update_time"}},
		{"to be known later", values{"uri": unknown, "signing_secret": unknown}, []string{"signing_secret", "signing_secrets", "update_time", "uri"}},
	} {
		config := r.webhook().with(test.values)
		if diff := cmp.Diff(test.want, w.mustPlan(config)); diff != "" {
			t.Errorf("%s: planned (-want +got):\n%s", test.name, diff)
		}
		if test.name == "to be known later" {
			continue
		}
		must(t, w.apply(t.Context(), config))
		if changed := w.mustPlan(config); len(changed) > 0 {
			t.Errorf("%s: planned after the apply: %v", test.name, changed)
		}
		checkWebhook(t, w, config)
		must(t, w.apply(t.Context(), r.webhook()))
	}
}

// TestRotationsByTriggers: which changes of the triggers rotate.
func TestRotationsByTriggers(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	w := newWorkspace(r, "gemini_webhook")
	for _, step := range []struct {
		values values
		want   []int64
	}{
		{values{"rotation_triggers": triggers("1")}, []int64{1}}, // the creation
		{values{"rotation_triggers": triggers("1")}, []int64{1}},
		{values{"rotation_triggers": triggers("2")}, []int64{2, 1}},
		{values{"rotation_triggers": triggers("2"), "revocation": text("immediately")}, []int64{2, 1}},
		{values{"rotation_triggers": triggers("3"), "revocation": text("immediately")}, []int64{3}},
		{nil, []int64{3}}, // the removal
		{values{"rotation_triggers": triggers("3")}, []int64{4, 3}},
	} {
		must(t, w.apply(t.Context(), r.webhook().with(step.values)))
		if diff := cmp.Diff(step.want, r.Enabled(signingSecret)); diff != "" {
			t.Errorf("after %v: enabled versions (-want +got):\n%s", step.values, diff)
		}
		must(t, r.settled(signingSecret))
	}
}

// TestRotationThatHeals: what makes a new key anyway is the rotation that the
// triggers ask for, unless older versions are to be disabled.
func TestRotationThatHeals(t *testing.T) {
	t.Parallel()
	for revocation, want := range map[string][]int64{"after_24h": {3, 2, 1}, "immediately": {4}} {
		r, w := created(t)
		r.mark(false)
		config := r.webhook().with(values{"rotation_triggers": triggers("1"), "revocation": text(revocation)})
		must(t, w.apply(t.Context(), config))
		if diff := cmp.Diff(want, r.Enabled(signingSecret)); diff != "" {
			t.Errorf("%s: enabled versions (-want +got):\n%s", revocation, diff)
		}
		checkApplied(t, w, config)
	}
}

// TestApplyAfterKilledDestroy creates the webhook again.
func TestApplyAfterKilledDestroy(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"DELETE webhook", "UpdateSecret"} { // of which the first takes the mark
		r, w := created(t)
		before := w.state
		r.Faults.Set(killAt(call, lose))
		if err := w.apply(t.Context(), nil); err == nil {
			t.Fatal("destroyed, though killed")
		}
		r.Faults.Set(nil)
		w.state = before
		r.Lapse()
		if changed := w.mustPlan(r.webhook()); len(changed) == 0 {
			t.Errorf("%s: nothing is planned", call)
		}
		must(t, w.apply(t.Context(), r.webhook()))
		checkApplied(t, w, r.webhook())
	}
}

// TestEvents: unknown ones are passed on with a warning.
func TestEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	for _, test := range []struct {
		events  tftypes.Value
		warning string
		err     string
	}{
		{texts(subscribable...), "", ""},
		{texts("batch.failed", "batch.invented"), `"batch.invented" is not known`, ""},
		{texts("batch.cancelled"), "batch.cancelled is a documented event, but the API does not accept it", ""},
		{texts("interaction.cancelled"), "interaction.cancelled is a documented event, but the API does not accept it", ""},
		{texts(), "", "Name at least one of"},
		{tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, tftypes.UnknownValue), "", ""},
	} {
		w := newWorkspace(r, "gemini_webhook")
		err := w.validate(r.webhook().with(values{"subscribed_events": test.events}))
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %v, want %q", test.events, err, test.err)
		}
		if w.warned(test.warning); test.warning == "" && len(w.warnings) > 0 {
			t.Errorf("%s: %v", test.events, w.warnings)
		}
	}
	w := newWorkspace(r, "gemini_webhook")
	err := w.apply(t.Context(), r.webhook().with(values{"subscribed_events": texts("batch.invented")}))
	if err == nil || !strings.Contains(err.Error(), "subscribed_events") || len(r.Annotations(signingSecret)) > 0 {
		t.Errorf("the API's refusal: %v, annotations %v", err, r.Annotations(signingSecret))
	}
}

// TestValidation: what cannot be is said before anything is planned.
func TestValidation(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	for name, wrong := range map[string]values{
		"name":           {"name": text(" ")},
		"uri":            {"uri": text("/static")},
		"signing_secret": {"signing_secret": text("gemini-webhook-signing-secret")},
		"api_key_secret": {"api_key_secret": text("projects/p/secrets/api-key/versions/1")},
		"revocation":     {"revocation": text("revoke_previous_secrets_immediately")},
	} {
		if err := newWorkspace(r, "gemini_webhook").validate(r.webhook().with(wrong)); err == nil {
			t.Errorf("%s: %v is accepted", name, wrong)
		}
	}
	must(t, newWorkspace(r, "gemini_webhook").validate(r.webhook()))
	if err := newWorkspace(r, "gemini_webhook_token").validate(values{"secret": text("token")}); err == nil {
		t.Error("a token's secret without its project is accepted")
	}
}

// validate is terraform validate.
func (w *workspace) validate(v values) error {
	server, err := w.rig.process()
	if err != nil {
		return err
	}
	resp, err := server.ValidateResourceConfig(w.rig.t.Context(), &tfprotov6.ValidateResourceConfigRequest{
		TypeName: w.typeName, Config: w.wire(w.config(v)),
	})
	if err != nil {
		return err
	}
	return w.note(resp.Diagnostics)
}
