package batch_test

import (
	"testing"
	"time"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/localcloud/gcs"
)

// The configuration may change between the plan and the reading, and what stands
// in the state bucket is not the last word.
func TestPointerIsCheckedAgainBeforeReading(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.gcs.Put(resultBucket, "results.jsonl", []byte(jsonl(5)), gcs.Attrs{})
	r.deliver("msg_1", succeeded("gs://"+resultBucket+"/results.jsonl"))
	item, ok := r.next() // the event: makes the plan, queues the range
	if !ok {
		t.Fatal("nothing queued")
	}
	item.cutoff = time.Now().Add(time.Minute)
	must(t, r.do(t.Context(), item))
	r.restart(func(c *batch.Config) { c.Objects.Allowed.Locations[0].Prefix = "ok/" })
	item, ok = r.next()
	if !ok {
		t.Fatal("no range queued")
	}
	item.cutoff = time.Now().Add(time.Minute)
	if err := r.do(t.Context(), item); err == nil {
		t.Error("a range outside RESULT_BUCKETS is done")
	}
	if lines, _ := r.lines(); len(lines) != 0 {
		t.Errorf("%d lines are published from outside RESULT_BUCKETS", len(lines))
	}
}
