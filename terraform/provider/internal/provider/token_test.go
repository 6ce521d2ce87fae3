package provider

import (
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
)

// TestTokenVersions: which change of the resource or of the secret makes a
// token, and which version the state follows.
func TestTokenVersions(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	w := newWorkspace(r, "gemini_webhook_token")
	none := tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, nil)
	for _, step := range []struct {
		name     string
		before   func()
		triggers tftypes.Value
		plan     []string
		enabled  []int64 // after the apply
	}{
		{"creation", nil, triggers("1"), []string{"created"}, []int64{1}},
		{"nothing", nil, triggers("1"), nil, []int64{1}},
		{"a trigger", nil, triggers("2"), []string{"create_time", "rotation_triggers", "version"}, []int64{2, 1}},
		{"none", nil, none, []string{"rotation_triggers"}, []int64{2, 1}},
		{"a newer one of somebody", func() { r.Store.Add(tokenSecret, []byte("of-somebody-0123456789-0123456789")) }, none, nil, []int64{3, 2, 1}},
		{"an older one is disabled", func() { must(t, r.Store.Disable(tokenSecret, 2)) }, none, nil, []int64{3, 1}},
		{"the newest is disabled", func() { must(t, r.Store.Disable(tokenSecret, 3)) }, none, []string{"created"}, []int64{4, 1}},
		{"the newest is destroyed", func() { must(t, r.Store.Destroy(tokenSecret, 4)) }, none, []string{"created"}, []int64{5, 1}},
		{"the secret was made again", func() {
			r.Store.Delete(tokenSecret)
			r.Store.Create(tokenSecret)
		}, none, []string{"created"}, []int64{1}},
		{"the secret is gone", func() { r.Store.Delete(tokenSecret) }, none, []string{"created"}, nil},
	} {
		if step.before != nil {
			step.before()
		}
		config := r.token().with(values{"rotation_triggers": step.triggers})
		if diff := cmp.Diff(step.plan, w.mustPlan(config)); diff != "" {
			t.Errorf("%s: planned (-want +got):\n%s", step.name, diff)
		}
		if step.enabled == nil {
			break
		}
		must(t, w.apply(t.Context(), config))
		if diff := cmp.Diff(step.enabled, r.Enabled(tokenSecret)); diff != "" {
			t.Errorf("%s: enabled (-want +got):\n%s", step.name, diff)
		}
		if changed := w.mustPlan(config); len(changed) > 0 {
			t.Errorf("%s: planned after the apply: %v", step.name, changed)
		}
		if got, want := w.version(t), step.enabled[0]; got != want {
			t.Errorf("%s: the state has version %d, want %d", step.name, got, want)
		}
	}
}

// version is the state's.
func (w *workspace) version(t *testing.T) int64 {
	t.Helper()
	var number big.Float
	must(t, attributes(w.state)["version"].As(&number))
	version, _ := number.Int64()
	return version
}

// TestDestroyOfTokens disables the oldest first: one that was killed does not
// bring an older token back into force. A newer one, which this resource does
// not have, stays.
func TestDestroyOfTokens(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	w := newWorkspace(r, "gemini_webhook_token")
	r.Store.Add(tokenSecret, []byte("an-older-one-0123456789-0123456789"))
	must(t, w.apply(t.Context(), r.token()))
	before := w.state
	r.Faults.Set(killAt("DisableSecretVersion", lose))
	if err := w.apply(t.Context(), nil); err == nil || !slices.Equal(r.Enabled(tokenSecret), []int64{2}) {
		t.Errorf("killed after the first: %v, enabled %v, want the newest", err, r.Enabled(tokenSecret))
	}
	r.Faults.Set(nil)
	w.state = before
	w.between = func() { r.Store.Add(tokenSecret, []byte("a-newer-one-0123456789-0123456789")) }
	must(t, w.apply(t.Context(), nil))
	if enabled := r.Enabled(tokenSecret); !slices.Equal(enabled, []int64{3}) {
		t.Errorf("enabled %v, want the one that was added after the refresh", enabled)
	}
}
