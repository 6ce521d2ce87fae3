package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/gemini-webhook/internal/secret/store/storetest"
)

// A hundred deliveries at once cause one look-up.
func TestColdStartSingleFlight(t *testing.T) {
	t.Parallel()
	source := storetest.Of(secretA, payload1)
	r := newRig(source, nil)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if got := r.deliver(t, payload1); got != "ok" {
				t.Errorf("got %s", got)
			}
		})
	}
	wg.Wait()
	if lists, accesses := source.Lookups(); lists != 1 || accesses != 1 {
		t.Errorf("%d lists and %d accesses, want 1 and 1", lists, accesses)
	}
}

// Genuine deliveries, forgeries and rotations at once, for the race detector;
// a delivery of the newest version is always accepted 5 s after it was added.
func TestConcurrentRotation(t *testing.T) {
	t.Parallel()
	source := storetest.Of(secretA, payload1)
	r := newRig(source, nil)
	for _, next := range []string{payload2, payload3} {
		source.Add(secretA, next, r.Now())
		r.Add(5 * time.Second)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { r.deliver(t, "a stranger's own secret") })
			wg.Go(func() {
				if got := r.deliver(t, next); got != "ok" {
					t.Errorf("newest: got %s", got)
				}
			})
			wg.Go(func() {
				if got := r.deliver(t, payload1); got != "ok" {
					t.Errorf("oldest, in its overlap: got %s", got)
				}
			})
		}
		wg.Wait()
	}
}

// A secret manager that hangs holds nobody for long, and those that the last
// set serves not at all, but for the one that looks.
func TestHangingSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := storetest.Of(secretA, payload1)
		r := newRig(source, nil, onClock(time.Now))
		if got := r.deliver(t, payload1); got != "ok" {
			t.Fatalf("got %s", got)
		}
		source.Do(func() { source.Hang = true })
		time.Sleep(5 * time.Minute)
		var held atomic.Int32
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				began := time.Now()
				if got := r.deliver(t, payload1); got != "ok" {
					t.Errorf("got %s", got)
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("held for %s", took)
				} else if took > 0 {
					held.Add(1)
				}
			})
		}
		wg.Wait()
		if held.Load() != 1 {
			t.Errorf("%d of 50 deliveries were held, want the one that looks", held.Load())
		}
		began := time.Now()
		if got := r.deliver(t, payload2); got != "signature_mismatch" {
			t.Errorf("forgery: got %s", got)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("a forgery was held for %s", took)
		}
	})
}

func TestHangingSourceFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := storetest.Of(secretA, payload1)
		source.Do(func() { source.Hang = true })
		r := newRig(source, nil, onClock(time.Now))
		began := time.Now()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got := r.deliver(t, payload1); got != "unavailable" {
					t.Errorf("got %s", got)
				}
			})
		}
		wg.Wait()
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("held for %s", took)
		}
		if lists, _ := source.Lookups(); lists != 1 {
			t.Errorf("%d look-ups, want 1", lists)
		}
	})
}
