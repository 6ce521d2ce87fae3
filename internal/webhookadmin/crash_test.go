package webhookadmin_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	. "example.com/gemini-webhook/internal/webhookadmin"
)

// operations are what a crash interrupts. Each begins where a webhook is in
// force, or is to be made.
var operations = map[string]struct {
	prepare func(*rig)
	run     func(context.Context, *rig) error
}{
	"create": {func(*rig) {}, ensured},
	"create beside old versions": {
		func(r *rig) { r.Store.Add(secretName, []byte("whsec_b2xkIGFuZCBvZiBhbm90aGVyIHdlYmhvb2s=")) }, ensured,
	},
	"adopt": {func(r *rig) {
		_, _, err := r.Webhooks(nil).Create(r.t.Context(), r.desired().Fields())
		must(r.t, err)
	}, ensured},
	"rotate":             {created, rotated(After24h)},
	"rotate immediately": {created, rotated(Immediately)},
	"notification": {created, func(ctx context.Context, r *rig) error {
		_, err := r.rotation().HandleNotification(ctx, due(r))
		return err
	}},
}

func created(r *rig) { r.ensure(r.desired()) }

func ensured(ctx context.Context, r *rig) error {
	_, _, err := r.newAdmin().Ensure(ctx, r.desired())
	return err
}

func rotated(behavior Behavior) func(context.Context, *rig) error {
	return func(ctx context.Context, r *rig) error {
		_, err := r.newAdmin().Rotate(ctx, secretName, behavior)
		return err
	}
}

// TestCrashes stops a run at each of its calls, one rig per call: before the call
// arrived, or after it was done. Either all later calls fail too, as when the
// process was killed, or that one call alone. Then the next runs come: first
// whoever applies, then the very operation again.
func TestCrashes(t *testing.T) {
	t.Parallel()
	for name, op := range operations {
		for _, how := range []fault{drop, lose} {
			for _, killed := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, fault %d, killed %v", name, how, killed), func(t *testing.T) {
					t.Parallel()
					for n := 1; ; n++ {
						modes := signings
						if raceDetector {
							modes = signings[n%len(signings):][:1] // in turn
						}
						for _, mode := range modes {
							if !crash(t, mode, op.prepare, op.run, n, how, killed) {
								if n < 5 {
									t.Errorf("only %d calls were seen to fail", n-1)
								}
								return
							}
						}
					}
				})
			}
		}
	}
}

// crash lets the n-th call fail and checks that the next run heals. It says
// whether there was such a call.
func crash(t *testing.T, mode simulator.Signing, prepare func(*rig), run func(context.Context, *rig) error, n int, how fault, killed bool) bool {
	t.Helper()
	r := newRig(t, simulator.Options{Signing: mode, DisableAfter: -1})
	prepare(r)
	f := &nth{n: n, how: how, killed: killed}
	r.Faults.Set(f.choose)
	err := run(t.Context(), r)
	r.Faults.Set(nil)
	r.texts.add(err)
	failed, call := f.failed()
	call = fmt.Sprintf("%s, signing %d", call, mode)
	if !failed {
		if err != nil {
			t.Fatalf("without a fault: %v", err)
		}
		r.settled()
		return false
	}
	if err == nil && killed {
		t.Logf("call %d (%s): no error", n, call)
	}
	st := r.state()
	if st.Pending != nil && st.Pending.Held {
		if !killed {
			t.Errorf("call %d (%s): the run failed and did not say so", n, call)
		}
		r.Lapse()
	}
	if !killed && err != nil && st.Pending != nil && !errors.Is(err, ErrInterrupted) {
		t.Errorf("call %d (%s): %v, but something is unfinished", n, call, err)
	}
	if _, _, err := r.newAdmin().Ensure(t.Context(), r.desired()); err != nil {
		t.Fatalf("call %d (%s): the next run: %v", n, call, err)
	}
	r.settled()
	if err := run(t.Context(), r); err != nil {
		t.Fatalf("call %d (%s): the same again: %v", n, call, err)
	}
	r.settled()
	return true
}

// nth chooses the n-th call to fail.
type nth struct {
	n      int
	how    fault
	killed bool

	mu    sync.Mutex
	count int
	call  string
}

func (f *nth) choose(call string) fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	switch {
	case f.count == f.n:
		f.call = call
		return f.how
	case f.count > f.n && f.killed:
		return refuse // nothing arrives any more, and no client tries again
	}
	return fine
}

func (f *nth) failed() (bool, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count >= f.n, f.call
}
