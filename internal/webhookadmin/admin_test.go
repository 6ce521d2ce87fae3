package webhookadmin_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	. "example.com/gemini-webhook/internal/webhookadmin"
	"example.com/gemini-webhook/internal/webhookadmin/admintest"
)

func TestEnsureCreatesAndStores(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	d := r.desired()
	plan, err := r.admin.Plan(t.Context(), d)
	if diff := cmp.Diff(Changes{Create: true}, plan); diff != "" || err != nil {
		t.Errorf("plan: %v (-want +got)\n%s", err, diff)
	}
	if st := r.state(); len(st.Annotations) != 0 {
		t.Errorf("a plan has written %v", st.Annotations)
	}
	hook, changes := r.ensure(d)
	if diff := cmp.Diff(Changes{Create: true, Versions: []int64{1}}, changes); diff != "" {
		t.Errorf("changes (-want +got)\n%s", diff)
	}
	if hook.Name != d.Name || hook.URI != d.URI || hook.State != StateEnabled || len(hook.SigningSecrets) != 1 ||
		!slices.Equal(hook.SubscribedEvents, []string{"batch.failed", "batch.succeeded"}) || time.Since(hook.Created) > time.Minute {
		t.Errorf("got %+v", hook)
	}
	r.settled()

	// Again: nothing to do, in whatever order the events are named.
	slices.Reverse(d.SubscribedEvents)
	d.SubscribedEvents = append(d.SubscribedEvents, "batch.failed")
	if plan, err := r.admin.Plan(t.Context(), d); !plan.Empty() || err != nil {
		t.Errorf("plan: %+v, %v, want nothing to do", plan, err)
	}
	again, changes := r.ensure(d)
	if diff := cmp.Diff(hook, again); diff != "" || !changes.Empty() || len(changes.Versions) != 0 {
		t.Errorf("changes %+v (-first +second)\n%s", changes, diff)
	}
	r.settled()
}

func TestEnsureUpdatesWhatDiffers(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{DisableAfter: 1, RetryBase: time.Hour})
	d := r.desired()
	first, _ := r.ensure(d)
	tests := []struct {
		name   string
		change func(*Desired)
		want   []string
	}{
		{"name", func(d *Desired) { d.Name = "renamed" }, []string{"name"}},
		{"uri", func(d *Desired) { d.URI += "/elsewhere" }, []string{"uri"}},
		{"events", func(d *Desired) { d.SubscribedEvents = []string{"video.generated"} }, []string{"subscribed_events"}},
		{"disabled", func(d *Desired) { d.Enabled = false }, []string{"state"}},
		{"all", func(d *Desired) { *d = r.desired() }, []string{"name", "uri", "subscribed_events", "state"}},
	}
	for _, test := range tests {
		test.change(&d)
		plan, err := r.admin.Plan(t.Context(), d)
		if diff := cmp.Diff(Changes{Update: test.want}, plan); diff != "" || err != nil {
			t.Errorf("%s: plan: %v (-want +got)\n%s", test.name, err, diff)
		}
		hook, changes := r.ensure(d)
		if diff := cmp.Diff(Changes{Update: test.want}, changes); diff != "" {
			t.Errorf("%s: changes (-want +got)\n%s", test.name, diff)
		}
		enabled := hook.State == StateEnabled
		if hook.ID != first.ID || hook.Name != d.Name || hook.URI != d.URI || enabled != d.Enabled || !slices.Equal(hook.SubscribedEvents, d.Fields().SubscribedEvents) {
			t.Errorf("%s: got %+v, want %+v", test.name, hook, d)
		}
	}
	r.settled()

	// Gemini disables it after a failed delivery: drift, which is undone.
	r.Receiver.Close()
	must(t, r.admin.Ping(t.Context(), secretName))
	for hook := first; hook.State != StateFailed; time.Sleep(5 * time.Millisecond) {
		var err error
		hook, err = r.admin.Get(t.Context(), secretName)
		must(t, err)
	}
	if plan, err := r.admin.Plan(t.Context(), d); !slices.Equal(plan.Update, []string{"state"}) || err != nil {
		t.Errorf("plan: %+v, %v, want the state updated", plan, err)
	}
	d.Enabled = false
	if plan, err := r.admin.Plan(t.Context(), d); !plan.Empty() || err != nil {
		t.Errorf("wanted disabled, and is: plan %+v, %v", plan, err)
	}
	d.Enabled = true
	if hook, _ := r.ensure(d); hook.State != StateEnabled {
		t.Errorf("state %s, want it enabled again", hook.State)
	}
}

func TestEnsureCreatesDisabled(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	d := r.desired()
	d.Enabled = false
	if plan, err := r.admin.Plan(t.Context(), d); !plan.Create || !slices.Equal(plan.Update, []string{"state"}) || err != nil {
		t.Errorf("plan: %+v, %v", plan, err)
	}
	if hook, changes := r.ensure(d); hook.State != StateDisabled || !changes.Create {
		t.Errorf("state %s, changes %+v, want a disabled webhook", hook.State, changes)
	}
	enabled := StateEnabled
	if hook, err := r.admin.Update(t.Context(), secretName, Fields{State: &enabled}); hook.State != StateEnabled || err != nil {
		t.Errorf("state %s, %v, want enabled", hook.State, err)
	}
}

func TestEnsureAdoptsByNameAndURI(t *testing.T) {
	t.Parallel()
	for _, mode := range signings {
		r := newRig(t, simulator.Options{Signing: mode})
		d := r.desired()
		name, uri, other := d.Name, d.URI, "another"
		byHand, _, err := r.Webhooks(nil).Create(t.Context(), Fields{Name: &name, URI: &uri, SubscribedEvents: []string{"video.generated"}})
		must(t, err)
		stranger, _, err := r.Webhooks(nil).Create(t.Context(), Fields{Name: &other, URI: &uri, SubscribedEvents: []string{"video.generated"}})
		must(t, err)
		want := Changes{Rotate: Adopted, Update: []string{"subscribed_events"}}
		plan, err := r.admin.Plan(t.Context(), d)
		if diff := cmp.Diff(want, plan); diff != "" || err != nil {
			t.Errorf("plan: %v (-want +got)\n%s", err, diff)
		}
		hook, changes := r.ensure(d)
		if want.Versions = []int64{1}; !cmp.Equal(want, changes) || hook.ID != byHand.ID || len(hook.SigningSecrets) != 1 {
			t.Errorf("got %+v, changes %+v, want %s with one key, and %+v", hook, changes, byHand.ID, want)
		}
		must(t, r.Webhooks(nil).Delete(t.Context(), stranger.ID))
		r.settled()

		// Its id is lost, with versions in the secret: first with the overlap.
		r.Annotate(secretName, nil)
		if hook, changes := r.ensure(d); hook.ID != byHand.ID || !slices.Equal(changes.Versions, []int64{2, 3}) || len(hook.SigningSecrets) != 1 {
			t.Errorf("got %+v, changes %+v, want versions 2 and 3, and one key", hook, changes)
		}
		r.settled()
	}
}

func TestEnsureAdoptsByID(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	d := r.desired()
	name, uri := "old name", "https://elsewhere.example/hook"
	old, _, err := r.Webhooks(nil).Create(t.Context(), Fields{Name: &name, URI: &uri, SubscribedEvents: d.SubscribedEvents})
	must(t, err)
	d.ID = old.ID
	if hook, changes := r.ensure(d); hook.ID != old.ID || hook.URI != d.URI || changes.Rotate != Adopted || changes.Create {
		t.Errorf("got %+v, changes %+v, want %s adopted", hook, changes, old.ID)
	}
	r.settled()
}

func TestEnsureRefusesToGuess(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	d := r.desired()
	for range 2 {
		_, _, err := r.Webhooks(nil).Create(t.Context(), d.Fields())
		must(t, err)
	}
	if _, _, err := r.admin.Ensure(t.Context(), d); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("two with the same name and uri: %v", err)
	}
	for name, broken := range map[string]func(*Desired){
		"name":              func(d *Desired) { d.Name = " " },
		"uri":               func(d *Desired) { d.URI = "/hook" },
		"subscribed_events": func(d *Desired) { d.SubscribedEvents = nil },
		"signing_secret":    func(d *Desired) { d.SigningSecret = "signing" },
	} {
		d := r.desired()
		broken(&d)
		if _, _, err := r.admin.Ensure(t.Context(), d); !errors.Is(err, ErrDesired) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := r.admin.Plan(t.Context(), d); !errors.Is(err, ErrDesired) {
			t.Errorf("%s: plan: %v", name, err)
		}
	}
	// What Gemini refuses leaves nothing behind.
	must(t, r.Webhooks(nil).Delete(t.Context(), mustList(r)[0].ID))
	must(t, r.Webhooks(nil).Delete(t.Context(), mustList(r)[0].ID))
	d.SubscribedEvents = []string{"batch.unheard_of"}
	if _, _, err := r.admin.Ensure(t.Context(), d); !errors.Is(err, ErrRefused) || errors.Is(err, ErrInterrupted) {
		t.Errorf("an unknown event: %v", err)
	}
	if st := r.state(); st.ID != "" || st.Pending != nil {
		t.Errorf("left behind: %+v", st)
	}
}

func TestEnsureRecreatesWhatIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	first, _ := r.ensure(r.desired())
	must(t, r.Webhooks(nil).Delete(t.Context(), first.ID))
	if _, err := r.admin.Get(t.Context(), secretName); !errors.Is(err, ErrNoWebhook) {
		t.Errorf("gone: %v", err)
	}
	if hook, changes := r.ensure(r.desired()); !changes.Create || hook.ID == first.ID {
		t.Errorf("got %+v, changes %+v, want another webhook", hook, changes)
	}
	r.settled()
}

func TestEnsureRotatesWhereNoVersionIsEnabled(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	r.ensure(r.desired())
	must(t, r.Store.Disable(secretName, 1))
	if plan, err := r.admin.Plan(t.Context(), r.desired()); plan.Rotate != NoVersion || err != nil {
		t.Errorf("plan: %+v, %v", plan, err)
	}
	if _, changes := r.ensure(r.desired()); changes.Rotate != NoVersion || !slices.Equal(changes.Versions, []int64{2}) {
		t.Errorf("changes %+v", changes)
	}
	r.settled()
}

func TestRotate(t *testing.T) {
	t.Parallel()
	for _, mode := range signings {
		r := newRig(t, simulator.Options{Signing: mode})
		hook, _ := r.ensure(r.desired())
		rotated, err := r.admin.Rotate(t.Context(), secretName, After24h)
		r.texts.add(rotated)
		if diff := cmp.Diff(Rotated{WebhookID: hook.ID, Versions: []int64{2}}, rotated); diff != "" || err != nil {
			t.Errorf("after_24h: %v (-want +got)\n%s", err, diff)
		}
		if hook, err := r.admin.Get(t.Context(), secretName); len(hook.SigningSecrets) != 2 || err != nil {
			t.Errorf("%d keys in force, %v, want two", len(hook.SigningSecrets), err)
		}
		r.settled()
		must(t, r.admin.Ping(t.Context(), secretName))
		before := r.next()
		rotated, err = r.admin.Rotate(t.Context(), secretName, Immediately)
		r.texts.add(rotated)
		if diff := cmp.Diff(Rotated{WebhookID: hook.ID, Versions: []int64{3}, Disabled: []int64{2, 1}}, rotated); diff != "" || err != nil {
			t.Errorf("immediately: %v (-want +got)\n%s", err, diff)
		}
		if hook, err := r.admin.Get(t.Context(), secretName); len(hook.SigningSecrets) != 1 || err != nil {
			t.Errorf("%d keys in force, %v, want one", len(hook.SigningSecrets), err)
		}
		if err := r.Verify(before, secretName); err == nil {
			t.Error("a delivery signed with a revoked key still verifies")
		}
		r.settled()
	}
}

func TestRotateNeedsAWebhook(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	if _, err := r.admin.Rotate(t.Context(), secretName, After24h); !errors.Is(err, ErrNoWebhook) {
		t.Errorf("no webhook: %v", err)
	}
	if err := r.admin.Ping(t.Context(), secretName); !errors.Is(err, ErrNoWebhook) {
		t.Errorf("no webhook: %v", err)
	}
	if _, err := r.admin.Rotate(t.Context(), secretName, "soon"); !errors.Is(err, ErrDesired) {
		t.Errorf("unknown behavior: %v", err)
	}
	r.ensure(r.desired())
	r.Faults.Set(admintest.At("POST :rotateSigningSecret", refuse))
	_, err := r.admin.Rotate(t.Context(), secretName, After24h)
	r.texts.add(err)
	if !errors.Is(err, ErrRefused) || errors.Is(err, ErrInterrupted) {
		t.Errorf("refused: %v", err)
	}
	r.Faults.Set(nil)
	r.settled()
	if enabled := r.Enabled(secretName); !slices.Equal(enabled, []int64{1}) {
		t.Errorf("versions %v, want the first alone", enabled)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	hook, _ := r.ensure(r.desired())
	must(t, r.admin.Delete(t.Context(), secretName, ""))
	must(t, r.admin.Delete(t.Context(), secretName, hook.ID)) // gone already
	if st := r.state(); len(mustList(r)) != 0 || len(st.Annotations) != 0 {
		t.Errorf("%d webhooks, annotations %v, want none", len(mustList(r)), st.Annotations)
	}
	// The secret names another webhook, or is gone: the given one is deleted.
	mine, _ := r.ensure(r.desired())
	name, uri := "other", "https://other.example/"
	other, _, err := r.Webhooks(nil).Create(t.Context(), Fields{Name: &name, URI: &uri, SubscribedEvents: []string{"batch.failed"}})
	must(t, err)
	must(t, r.admin.Delete(t.Context(), secretName, other.ID))
	r.settled()
	must(t, r.admin.Delete(t.Context(), "projects/p/secrets/absent", mine.ID))
	if got := mustList(r); len(got) != 0 {
		t.Errorf("%d webhooks, want none", len(got))
	}
}

func mustList(r *rig) []Webhook {
	r.t.Helper()
	all, err := r.admin.List(r.t.Context())
	must(r.t, err)
	return all
}

// signings are the three ways in which Gemini may sign during an overlap.
var signings = []simulator.Signing{simulator.SignBoth, simulator.SignOldUntilExpiry, simulator.SignNewAtOnce}
