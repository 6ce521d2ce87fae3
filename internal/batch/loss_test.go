package batch_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/localcloud/gcs"
)

// forget deletes the state objects whose names contain part.
func (r *rig) forget(part string) {
	for _, o := range r.gcs.List(stateBucket, "") {
		if strings.Contains(o.Name, part) {
			r.gcs.Delete(stateBucket, o.Name)
		}
	}
}

// whole runs the queue empty and wants all of the 40 lines, and totals that say so.
func (r *rig) whole() {
	r.t.Helper()
	r.run()
	lines, _ := r.lines()
	if len(lines) != 40 {
		r.t.Errorf("%d lines, want 40", len(lines))
	}
	if got := r.completed()["total"]; got != 40.0 {
		r.t.Errorf("total %v, want 40", got)
	}
}

// Any part of the state may be deleted at any time (contract, "State").
func TestDeletedState(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"", "plan", "flag/", "range/", "queued"} {
		for steps := 1; steps <= 8; steps += 2 {
			t.Run(fmt.Sprintf("%q after %d tasks", part, steps), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, chunk(1000))
				r.batch(jsonl(40))
				for range steps {
					r.step()
				}
				r.forget(part)
				r.whole()
			})
		}
	}
}

// The state is deleted in the middle of a task: just before it writes a flag, a
// marker, or reads its last range.
func TestStateDeletedWithinATask(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"", "plan", "range/"} {
		for name, at := range map[string]func(op gcs.Op) bool{
			"queued is written": func(op gcs.Op) bool { return op.Kind == gcs.OpInsert && strings.Contains(op.Object, "/queued") },
			"completed is claimed": func(op gcs.Op) bool {
				return op.Kind == gcs.OpInsert && strings.HasSuffix(op.Object, "/completing")
			},
			"the last range is read": func(op gcs.Op) bool {
				return op.Kind == gcs.OpRead && op.Bucket == resultBucket && op.Offset > 6900
			},
			"a marker is written": func(op gcs.Op) bool {
				return op.Kind == gcs.OpInsert && strings.Contains(op.Object, "range/") && strings.Contains(op.Object, "0000005000")
			},
		} {
			t.Run(fmt.Sprintf("%q before %s", part, name), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, chunk(1000))
				r.batch(jsonl(40))
				var struck atomic.Bool
				r.gcs.Fail(func(op gcs.Op) *gcs.Fault {
					if at(op) && struck.CompareAndSwap(false, true) {
						r.forget(part)
					}
					return nil
				})
				r.whole()
				if !struck.Load() {
					t.Error("nothing was deleted: the test shows nothing")
				}
			})
		}
	}
}

// Markers of a replaced object count for nothing.
func TestStaleMarkersDoNotCountForAReplacedObject(t *testing.T) {
	t.Parallel()
	r := newRig(t, chunk(1000))
	r.batch(jsonl(40))
	for range 4 {
		r.step()
	}
	r.forget("plan")
	r.gcs.Put(resultBucket, "results.jsonl", []byte(jsonl(40)), gcs.Attrs{})
	o, _ := r.gcs.Get(resultBucket, "results.jsonl")
	r.run()
	of := 0
	seen := make(map[string]bool)
	for _, p := range r.outcomes(resultsTopic) {
		if p.data["source"].(map[string]any)["generation"] == fmt.Sprint(o.Generation) && !seen[p.id] {
			seen[p.id] = true
			of++
		}
	}
	if got := r.completed()["total"]; got != 40.0 || of != 40 {
		t.Errorf("total %v, of which %d lines are of the generation that is there, want 40", got, of)
	}
}

// One transient error of any kind repeats nothing.
func TestATransientErrorRepeatsNothing(t *testing.T) {
	t.Parallel()
	faults := map[string]gcs.Fault{"a lost answer": {Cut: gcs.CutReset}}
	for _, code := range []int{408, 429, 500, 502, 503, 504} {
		faults[fmt.Sprint(code)] = gcs.Fault{Status: code}
	}
	for name, fault := range faults {
		for _, of := range []string{"/plan", "/queued", "range/", "/completing", "/completed"} {
			t.Run(name+" "+of, func(t *testing.T) {
				t.Parallel()
				r := newRig(t)
				r.batch(jsonl(40))
				var struck atomic.Bool
				r.gcs.Fail(func(op gcs.Op) *gcs.Fault {
					if op.Kind == gcs.OpInsert && strings.Contains(op.Object, of) && struck.CompareAndSwap(false, true) {
						return &fault
					}
					return nil
				})
				r.run()
				lines, repeats := r.lines()
				if len(lines) != 40 || repeats != 0 || r.countCompleted() != 1 || !struck.Load() {
					t.Errorf("%d lines, %d repeats, %d batch.completed, struck %v; want 40, 0, 1, true", len(lines), repeats, r.countCompleted(), struck.Load())
				}
				for id, n := range r.attempts {
					if n != 1 {
						t.Errorf("task %s took %d attempts, want 1", id, n)
					}
				}
			})
		}
	}
}

// A keeper that was handed on sees to the whole of its range.
func TestMarkersOfAKeepersFirstPartAreDeleted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.batch(jsonl(40))
	now := time.Now()
	r.worker.Now = func() time.Time { now = now.Add(5 * time.Second); return now } // a dozen lines a task
	for range 3 {
		w, ok := r.next()
		if !ok {
			t.Fatal("nothing was handed on")
		}
		w.cutoff = now.Add(time.Minute)
		must(t, r.do(t.Context(), w))
	}
	markers := r.gcs.List(stateBucket, "")
	markers = slices.DeleteFunc(markers, func(o gcs.Object) bool { return !strings.Contains(o.Name, "/range/") })
	if len(markers) != 2 {
		t.Fatalf("%d markers, want 2", len(markers))
	}
	r.gcs.Delete(stateBucket, markers[0].Name)
	r.restart()
	r.whole()
}

// Without its plan a range is not acknowledged: who makes the plan again is
// another's task.
func TestARangeWithoutItsPlanFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, chunk(1000))
	r.batch(jsonl(40))
	if err, _ := r.step(); err != nil {
		t.Fatal(err)
	}
	r.forget("plan")
	if err, _ := r.step(); err == nil {
		t.Error("a range whose plan is gone is done")
	}
	r.whole()
}

// Whoever may publish on the queue cannot make a worker panic.
func TestARangeOfNoObjectFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, chunk(1000))
	r.batch(jsonl(40))
	if err, _ := r.step(); err != nil {
		t.Fatal(err)
	}
	w := r.take()[0]
	made, err := batch.DecodeRange(w.data)
	must(t, err)
	made.Object = 1 // of one
	w.data = made.Encode()
	if err := r.do(t.Context(), w); err == nil {
		t.Error("a range of an object that its plan has not is done")
	}
}

// A keeper that finds more missing than it knows of does not wait.
func TestDeletedMarkersAreMissedAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, chunk(1000))
	r.batch(jsonl(40))
	if err, _ := r.step(); err != nil {
		t.Fatal(err)
	}
	tasks := r.take()
	keeper, others := tasks[len(tasks)-1], tasks[:len(tasks)-1]
	for _, w := range others[1:] {
		must(t, r.do(t.Context(), w))
	}
	must(t, r.do(t.Context(), keeper)) // hands on: one is missing
	keeper = r.take()[0]
	if err := r.do(t.Context(), keeper); !errors.Is(err, batch.ErrWaiting) {
		t.Fatalf("got %v, want ErrWaiting: one range is missing", err)
	}
	r.forget("/range/00000/0000000000000001000-")
	must(t, r.do(t.Context(), keeper))
	if queued := r.take(); len(queued) != 3 {
		t.Errorf("%d tasks are queued, want the two that are missing and the keeper", len(queued))
	}
}

// A keeper whose ranges are lost, and lost again when they were queued once more,
// reports it and goes to the dead letters.
func TestLostRangesAreReported(t *testing.T) {
	t.Parallel()
	r := newRig(t, chunk(1000)) // five attempts
	r.batch(jsonl(40))
	if err, _ := r.step(); err != nil {
		t.Fatal(err)
	}
	last := func(attempt int) message { // all but the keeper are lost
		tasks := r.take()
		keeper := tasks[len(tasks)-1]
		keeper.attempt = attempt
		return keeper
	}
	must(t, r.do(t.Context(), last(1)))
	must(t, r.do(t.Context(), last(3))) // queues them again
	keeper := last(3)
	if err := r.do(t.Context(), keeper); err == nil || errors.Is(err, batch.ErrWaiting) {
		t.Fatalf("got %v, want that they are lost", err)
	}
	if got := r.outcomes(outcomesTopic); len(got) != 0 {
		t.Fatalf("outcomes %v with an attempt to spare", r.types(outcomesTopic))
	}
	keeper.attempt = 4
	err := r.do(t.Context(), keeper)
	if got := r.types(outcomesTopic); err == nil || len(got) != 1 || got[0] != "batch.incomplete" {
		t.Errorf("%v, outcomes %v; want an error, and one batch.incomplete", err, got)
	}
}
