package webhookadmin_test

import (
	"maps"
	"testing"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	. "example.com/gemini-webhook/internal/webhookadmin"
	"example.com/gemini-webhook/internal/webhookadmin/admintest"
)

// TestRelease lets a webhook move to another secret.
func TestRelease(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{Signing: simulator.SignOldUntilExpiry})
	const former = "projects/p/secrets/former"
	r.Store.Create(former)
	r.Annotate(former, map[string]string{"team": "ours"})
	d := r.desired()
	d.SigningSecret = former
	hook, _ := r.ensure(d)

	must(t, r.admin.Release(t.Context(), former, "whother"))
	if named, err := r.admin.Get(t.Context(), former); err != nil || named.ID != hook.ID {
		t.Errorf("after the release of another webhook: %+v, %v", named, err)
	}
	must(t, r.admin.Release(t.Context(), former, hook.ID))
	must(t, r.admin.Release(t.Context(), former, hook.ID)) // again
	must(t, r.admin.Release(t.Context(), "projects/p/secrets/none", hook.ID))
	if got, want := r.Annotations(former), map[string]string{"team": "ours"}; !maps.Equal(want, got) {
		t.Errorf("annotations %v, want %v", got, want)
	}

	d = r.desired()
	d.Name, d.ID = "renamed meanwhile", hook.ID
	moved, changes := r.ensure(d)
	if moved.ID != hook.ID || changes.Rotate != Adopted {
		t.Errorf("moved to another secret: %+v, %+v", moved, changes)
	}
	r.settled()
}

// TestReleaseOfUnfinishedRun: what an interrupted run has left in the former secret is
// healed by the adoption, which revokes all older keys.
func TestReleaseOfUnfinishedRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{Signing: simulator.SignOldUntilExpiry})
	const former = "projects/p/secrets/former"
	r.Store.Create(former)
	d := r.desired()
	d.SigningSecret = former
	hook, _ := r.ensure(d)
	r.Faults.Set(admintest.At("AddSecretVersion", refuse))
	if _, err := r.admin.Rotate(t.Context(), former, After24h); err == nil {
		t.Fatal("rotated without storing")
	}
	r.Faults.Set(nil)
	must(t, r.admin.Release(t.Context(), former, hook.ID))
	d = r.desired()
	d.ID = hook.ID
	r.ensure(d)
	r.settled()
}
