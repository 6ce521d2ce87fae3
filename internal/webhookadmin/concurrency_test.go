package webhookadmin_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	. "example.com/gemini-webhook/internal/webhookadmin"
	"example.com/gemini-webhook/internal/webhookadmin/admintest"
)

func TestEnsureAtOnceCreatesOne(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	var mu sync.Mutex
	created := 0
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			_, changes, err := r.newAdmin().Ensure(t.Context(), r.desired())
			if err != nil {
				t.Errorf("Ensure: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			if changes.Create {
				created++
			}
		})
	}
	wg.Wait()
	if enabled := r.enabled(); created != 1 || !slices.Equal(enabled, []int64{1}) {
		t.Errorf("%d created, versions %v, want one", created, enabled)
	}
	r.settled()
}

func TestRunsAtOnceTakeTurns(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	r.ensure(r.desired())
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			a := r.newAdmin()
			var err error
			switch i % 3 {
			case 0:
				_, _, err = a.Ensure(t.Context(), r.desired())
			default:
				_, err = a.Rotate(t.Context(), secretName, After24h)
			}
			if err != nil {
				t.Errorf("run %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if enabled := r.enabled(); !slices.Equal(enabled, []int64{1, 2, 3, 4, 5}) {
		t.Errorf("versions %v, want the first and one of each of the four rotations", enabled)
	}
	r.settled()
}

func TestDeleteBesideOthers(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	r.ensure(r.desired())
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			a := r.newAdmin()
			switch i % 3 {
			case 0:
				_, _, _ = a.Ensure(t.Context(), r.desired())
			case 1:
				_, _ = a.Rotate(t.Context(), secretName, After24h)
			default:
				_ = a.Delete(t.Context(), secretName, "")
			}
		})
	}
	wg.Wait()
	r.ensure(r.desired())
	r.settled()
	must(t, r.admin.Delete(t.Context(), secretName, ""))
	if left := mustList(r); len(left) != 0 {
		t.Errorf("%d webhooks left", len(left))
	}
}

// standStill makes the first call of that name wait before it arrives. It
// returns when somebody waits there, and what lets that one go on.
func (r *rig) standStill(name string) (waits chan struct{}, proceed func()) {
	waits, gate := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	r.faults.Set(func(call string) fault {
		if call == name && first.CompareAndSwap(false, true) {
			close(waits)
			<-gate
		}
		return fine
	})
	return waits, func() { close(gate) }
}

// TestTakenOver lets a run stand still under its mark for longer than the lease,
// while another one takes over.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare func(*rig)
		call    string
		run     func(*rig) error
	}{
		"create": {func(*rig) {}, "POST webhooks", func(r *rig) error { return ensured(t.Context(), r) }},
		"rotate": {func(r *rig) { r.ensure(r.desired()) }, "POST :rotateSigningSecret", func(r *rig) error {
			_, err := r.newAdmin().Rotate(t.Context(), secretName, After24h)
			return err
		}},
		"store": {func(r *rig) { r.ensure(r.desired()) }, "AddSecretVersion", func(r *rig) error {
			_, err := r.newAdmin().Rotate(t.Context(), secretName, After24h)
			return err
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, simulator.Options{DisableAfter: -1})
			test.prepare(r)
			waits, proceed := r.standStill(test.call)
			slow := make(chan error, 1)
			go func() { slow <- test.run(r) }()
			<-waits
			r.lapse()
			r.ensure(r.desired())
			r.settled()
			proceed()
			err := <-slow
			r.texts.add(err)
			if !errors.Is(err, ErrConflict) {
				t.Errorf("the run that was taken over from: %v", err)
			}
			if p := r.state().Pending; p == nil || p.Held || !p.Unknown {
				t.Errorf("mark %+v, want one for the next run", p)
			}
			r.ensure(r.desired())
			r.settled()
		})
	}
}

// TestDisturbed lets the one that took over be at work still when the other one
// goes on: neither may say that all is well.
func TestDisturbed(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{DisableAfter: -1})
	r.ensure(r.desired())
	rotate := func(done chan error) {
		_, err := r.newAdmin().Rotate(t.Context(), secretName, After24h)
		done <- err
	}
	first, second := make(chan error, 1), make(chan error, 1)
	waits, proceedFirst := r.standStill("POST :rotateSigningSecret")
	go rotate(first)
	<-waits
	r.lapse()
	waits, proceedSecond := r.standStill("POST :rotateSigningSecret")
	go rotate(second)
	<-waits
	proceedFirst()
	if err := <-first; !errors.Is(err, ErrConflict) {
		t.Errorf("the first: %v", err)
	}
	proceedSecond()
	if err := <-second; !errors.Is(err, ErrConflict) {
		t.Errorf("the second: %v", err)
	}
	if _, changes := r.ensure(r.desired()); changes.Rotate != Interrupted {
		t.Errorf("changes %+v, want it rotated once more", changes)
	}
	r.settled()
}

func TestARunAtWorkIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	r.ensure(r.desired())
	waits, proceed := r.standStill("POST :rotateSigningSecret")
	done := make(chan error, 1)
	go func() {
		_, err := r.newAdmin().Rotate(t.Context(), secretName, After24h)
		done <- err
	}()
	<-waits
	if plan, err := r.admin.Plan(t.Context(), r.desired()); !plan.Busy || !plan.Empty() || err != nil {
		t.Errorf("plan %+v, %v, want it busy", plan, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := r.newAdmin().Rotate(ctx, secretName, After24h)
	if !errors.Is(err, ErrConflict) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "run again after") {
		t.Errorf("no patience: %v", err)
	}
	proceed()
	must(t, <-done)
	r.settled()
}

func TestACancelledRunStoresWhatItHasAskedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	r.ensure(r.desired())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.faults.Set(func(call string) fault {
		if call == "POST :rotateSigningSecret" {
			cancel()
		}
		return fine
	})
	if _, err := r.admin.Rotate(ctx, secretName, After24h); err != nil {
		t.Errorf("cancelled under its mark: %v", err)
	}
	r.settled()
	if enabled := r.enabled(); !slices.Equal(enabled, []int64{1, 2}) {
		t.Errorf("versions %v", enabled)
	}
}

func TestStoringIsTriedAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	left := 3
	r.faults.Set(func(call string) fault {
		if call == "AddSecretVersion" && left > 0 {
			left--
			return drop
		}
		return fine
	})
	if _, changes := r.ensure(r.desired()); !changes.Create || !slices.Equal(changes.Versions, []int64{1}) {
		t.Errorf("changes %+v", changes)
	}
	r.settled()
}

// TestAnUnstorableKeyLeavesTheStoredOnesInForce: as long as nothing can be
// stored, runs that try again take nothing away from deliveries where Gemini
// signs with older keys too.
func TestAnUnstorableKeyLeavesTheStoredOnesInForce(t *testing.T) {
	t.Parallel()
	for _, mode := range []simulator.Signing{simulator.SignBoth, simulator.SignOldUntilExpiry} {
		r := newRig(t, simulator.Options{Signing: mode})
		r.ensure(r.desired())
		r.faults.Set(admintest.At("AddSecretVersion", refuse))
		for range 3 {
			_, err := r.admin.Rotate(t.Context(), secretName, After24h)
			r.texts.add(err)
			if !errors.Is(err, ErrInterrupted) {
				t.Fatalf("storing is denied: %v", err)
			}
		}
		must(t, r.admin.Ping(t.Context(), secretName))
		if err := r.verify(r.next(), 24*time.Hour); err != nil {
			t.Errorf("a delivery while keys cannot be stored: %v", err)
		}
		r.faults.Set(nil)
		r.ensure(r.desired())
		r.settled()
	}
}

func TestRevocationIsFinished(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	r.ensure(r.desired())
	r.faults.Set(admintest.At("AddSecretVersion", refuse))
	if _, err := r.admin.Rotate(t.Context(), secretName, Immediately); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("storing is denied: %v", err)
	}
	r.faults.Set(nil)
	// Whoever comes next finishes it as it was meant: the old version is disabled.
	if _, err := r.admin.Rotate(t.Context(), secretName, After24h); err != nil {
		t.Fatal(err)
	}
	if enabled := r.enabled(); !slices.Equal(enabled, []int64{2}) {
		t.Errorf("enabled versions %v, want the new one alone", enabled)
	}
	r.settled()
}

func TestAnnotationsOfOthersStay(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	got, err := r.sm.Get(t.Context(), secretName)
	must(t, err)
	must(t, r.sm.SetAnnotations(t.Context(), secretName, map[string]string{"owner": "team", AnnotationPending: "{broken"}, got.Etag))
	r.ensure(r.desired())
	r.settled()
	must(t, r.admin.Delete(t.Context(), secretName, ""))
	if all := r.state().Annotations; len(all) != 1 || all["owner"] != "team" {
		t.Errorf("annotations %v, want the owner's alone", all)
	}
}
