package batch_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
	"example.com/gemini-webhook/internal/object"
)

func TestStateLostInTheMiddle(t *testing.T) {
	t.Parallel()
	r := newRig(t, chunk(1000))
	r.batch(jsonl(40))
	for range 3 {
		r.step()
	}
	for _, o := range r.gcs.List(stateBucket, "") {
		r.gcs.Delete(stateBucket, o.Name)
	}
	r.run()
	if lines, _ := r.lines(); len(lines) != 40 {
		t.Errorf("%d lines, want 40", len(lines))
	}
	if got := r.completed()["total"]; got != 40.0 {
		t.Errorf("total %v, want 40", got)
	}
}

func TestMissingObjectIsRetriedAndReported(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.deliver("msg_1", succeeded("gs://results-bucket/results.jsonl"))
	for attempt := 1; attempt <= 5; attempt++ {
		err, ok := r.step()
		if !errors.Is(err, object.ErrNotFound) || !ok {
			t.Fatalf("attempt %d: got %v, want ErrNotFound", attempt, err)
		}
		want := 0
		if attempt >= 4 { // the last but one
			want = 1
		}
		if got := r.types(outcomesTopic); len(got) != want {
			t.Fatalf("after attempt %d: outcomes %v, want %d", attempt, got, want)
		}
	}
	if got := r.types(outcomesTopic); got[0] != "batch.incomplete" {
		t.Errorf("got %v", got)
	}
	r.gcs.Put(resultBucket, "results.jsonl", []byte(jsonl(3)), gcs.Attrs{}) // and a redrive
	r.run()
	if got := r.completed()["total"]; got != 3.0 {
		t.Errorf("total %v, want 3", got)
	}
}

func TestObjectReplacedInTheMiddle(t *testing.T) {
	t.Parallel()
	r := newRig(t, chunk(1000))
	r.batch(jsonl(20))
	for range 3 {
		r.step() // plan and two ranges
	}
	r.gcs.Put(resultBucket, "results.jsonl", []byte(jsonl(20)), gcs.Attrs{})
	err, _ := r.step()
	if !errors.Is(err, object.ErrNotFound) {
		t.Fatalf("got %v, want ErrNotFound: the pinned generation is gone", err)
	}
	all := r.outcomes(outcomesTopic)
	if len(all) != 1 || all[0].data["type"] != "batch.incomplete" {
		t.Fatalf("got %v, want batch.incomplete at once", r.types(outcomesTopic))
	}
	ranges := all[0].data["ranges"].(map[string]any)
	if ranges["done"] != 2.0 || ranges["missing"].(float64) < 1 {
		t.Errorf("ranges %v, want 2 done and some missing", ranges)
	}
	for range 20 {
		r.step()
	}
	seen := map[string]int{}
	for _, p := range r.outcomes(outcomesTopic) {
		seen[p.id]++
	}
	for id, n := range seen {
		if n > 1 {
			t.Errorf("outcome %s reported %d times", id, n)
		}
	}
}

// Reads that break, look complete but are short, or fail for a while.
func TestBrokenReads(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]gcs.Fault{
		"short":       {Cut: gcs.CutShort, CutAfter: 700},
		"nothing":     {Cut: gcs.CutShort},
		"reset":       {Cut: gcs.CutReset, CutAfter: 700},
		"unavailable": {Status: 503},
		"refused":     {Status: 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, chunk(2000))
			r.batch(jsonl(60))
			var reads atomic.Int32
			r.gcs.Fail(func(op gcs.Op) *gcs.Fault {
				if op.Kind == gcs.OpRead && op.Bucket == resultBucket && reads.Add(1) <= 3 {
					return &fault
				}
				return nil
			})
			r.run()
			lines, _ := r.lines()
			if len(lines) != 60 || r.completed()["total"] != 60.0 {
				t.Errorf("%d lines, totals %v, want 60", len(lines), r.completed())
			}
		})
	}
}

// A state bucket in which every call fails once costs time and nothing else.
func TestStateFails(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]gcs.Fault{
		"unavailable":      {Status: 503},
		"refused":          {Status: 403},
		"answers are lost": {Cut: gcs.CutReset},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, chunk(2000))
			r.batch(jsonl(60))
			var mu sync.Mutex
			asked, failed := make(map[gcs.Op]bool), make(map[gcs.Kind]int)
			r.gcs.Fail(func(op gcs.Op) *gcs.Fault {
				mu.Lock()
				defer mu.Unlock()
				if op.Bucket != stateBucket || asked[op] {
					return nil
				}
				asked[op] = true
				failed[op.Kind]++
				return &fault
			})
			r.run()
			if lines, _ := r.lines(); len(lines) != 60 || r.completed()["total"] != 60.0 {
				t.Errorf("%d lines, totals %v, want 60", len(lines), r.completed())
			}
			if failed[gcs.OpInsert] == 0 || failed[gcs.OpList] == 0 || failed[gcs.OpRead] == 0 {
				t.Errorf("failed: %v, want some of each kind", failed)
			}
		})
	}
}

func TestPublishFailureLosesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, chunk(2000))
	r.batch(jsonl(60))
	n := 0
	r.pubsub.SetHook(pubsub.Hook{Before: func(p pubsub.Publish) error {
		if n++; n%3 == 0 {
			return errPermission // definite: the client does not repeat it
		}
		return nil
	}})
	r.run()
	lines, _ := r.lines()
	if len(lines) != 60 || r.completed()["total"] != 60.0 {
		t.Errorf("%d lines, totals %v, want 60", len(lines), r.completed())
	}
}

// The configuration may change between the plan and the reading, and what stands
// in the state bucket is not the last word.
func TestPointerIsCheckedAgainBeforeReading(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.batch(jsonl(5))
	if err, _ := r.step(); err != nil { // plan
		t.Fatal(err)
	}
	r.restart(func(c *batch.Config) { c.Source.Objects.Allowed.Locations[0].Prefix = "ok/" })
	if err, ok := r.step(); err == nil || !ok {
		t.Errorf("a range outside RESULT_BUCKETS is done: %v, queued %v", err, ok)
	}
	if lines, _ := r.lines(); len(lines) != 0 {
		t.Errorf("%d lines are published from outside RESULT_BUCKETS", len(lines))
	}
}
