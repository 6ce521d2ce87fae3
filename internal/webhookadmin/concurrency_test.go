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
	if enabled := r.Enabled(secretName); created != 1 || !slices.Equal(enabled, []int64{1}) {
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
			run := rotated(After24h)
			if i%3 == 0 {
				run = ensured
			}
			if err := run(t.Context(), r); err != nil {
				t.Errorf("run %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if enabled := r.Enabled(secretName); !slices.Equal(enabled, []int64{5, 4, 3, 2, 1}) {
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
			switch i % 3 {
			case 0:
				_ = ensured(t.Context(), r)
			case 1:
				_ = rotated(After24h)(t.Context(), r)
			default:
				_ = r.newAdmin().Delete(t.Context(), secretName, "")
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
	r.Faults.Set(func(call string) fault {
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
		run     func(context.Context, *rig) error
	}{
		"create": {func(*rig) {}, "POST webhooks", ensured},
		"rotate": {created, "POST :rotateSigningSecret", rotated(After24h)},
		"store":  {created, "AddSecretVersion", rotated(After24h)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, simulator.Options{DisableAfter: -1})
			test.prepare(r)
			waits, proceed := r.standStill(test.call)
			slow := make(chan error, 1)
			go func() { slow <- test.run(t.Context(), r) }()
			<-waits
			r.Lapse()
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
	rotate := func(done chan error) { done <- rotated(After24h)(t.Context(), r) }
	first, second := make(chan error, 1), make(chan error, 1)
	waits, proceedFirst := r.standStill("POST :rotateSigningSecret")
	go rotate(first)
	<-waits
	r.Lapse()
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
	go func() { done <- rotated(After24h)(t.Context(), r) }()
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
	r.Faults.Set(func(call string) fault {
		if call == "POST :rotateSigningSecret" {
			cancel()
		}
		return fine
	})
	if _, err := r.admin.Rotate(ctx, secretName, After24h); err != nil {
		t.Errorf("cancelled under its mark: %v", err)
	}
	r.settled()
	if enabled := r.Enabled(secretName); !slices.Equal(enabled, []int64{2, 1}) {
		t.Errorf("versions %v", enabled)
	}
}

func TestStoringIsTriedAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	left := 3
	r.Faults.Set(func(call string) fault {
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
		r.Faults.Set(admintest.At("AddSecretVersion", refuse))
		for range 3 {
			_, err := r.admin.Rotate(t.Context(), secretName, After24h)
			r.texts.add(err)
			if !errors.Is(err, ErrInterrupted) {
				t.Fatalf("storing is denied: %v", err)
			}
		}
		must(t, r.admin.Ping(t.Context(), secretName))
		if err := r.Verify(r.next(), secretName); err != nil {
			t.Errorf("a delivery while keys cannot be stored: %v", err)
		}
		r.Faults.Set(nil)
		r.ensure(r.desired())
		r.settled()
	}
}

func TestRevocationIsFinished(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	r.ensure(r.desired())
	r.Faults.Set(admintest.At("AddSecretVersion", refuse))
	if _, err := r.admin.Rotate(t.Context(), secretName, Immediately); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("storing is denied: %v", err)
	}
	r.Faults.Set(nil)
	// Whoever comes next finishes it as it was meant: the old version is disabled.
	if _, err := r.admin.Rotate(t.Context(), secretName, After24h); err != nil {
		t.Fatal(err)
	}
	if enabled := r.Enabled(secretName); !slices.Equal(enabled, []int64{2}) {
		t.Errorf("enabled versions %v, want the new one alone", enabled)
	}
	r.settled()
}

func TestAnnotationsOfOthersStay(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	r.Annotate(secretName, map[string]string{"owner": "team", AnnotationPending: "{broken"})
	r.ensure(r.desired())
	r.settled()
	must(t, r.admin.Delete(t.Context(), secretName, ""))
	if all := r.state().Annotations; len(all) != 1 || all["owner"] != "team" {
		t.Errorf("annotations %v, want the owner's alone", all)
	}
}
