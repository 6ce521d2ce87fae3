package batch_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/localcloud/gcs"
)

// queuedBytes are the messages of ranges in the queue.
func (r *rig) queuedBytes() (n, bytes int) {
	for _, m := range r.pubsub.Messages(queueTopic) {
		if m.Attributes["kind"] == batch.KindRange {
			n++
			bytes += len(m.Data)
		}
	}
	return n, bytes
}

// largestCall remembers what a call was given at most.
type largestCall struct {
	batch.Queue
	bytes *int
}

func (q largestCall) Enqueue(ctx context.Context, kind string, messages ...[]byte) error {
	*q.bytes = max(*q.bytes, len(slices.Concat(messages...)))
	return q.Queue.Enqueue(ctx, kind, messages...)
}

// What a batch's ranges take in the queue does not grow with its event, nor what
// is held of them in memory with their number.
func TestAnEventIsQueuedOnceWithItsRanges(t *testing.T) {
	t.Parallel()
	const objects, metadata = 2000, 63_000
	largest := 0
	r := newRig(t)
	for i := range objects {
		r.gcs.Put(resultBucket, fmt.Sprintf("out/%05d.jsonl", i), []byte(jsonl(1)), gcs.Attrs{})
	}
	body := strings.Replace(succeeded("gs://"+resultBucket+"/out/"), `"42"`, `"`+strings.Repeat("x", metadata)+`"`, 1)
	r.deliver("msg_1", body)
	r.worker.Queue = largestCall{r.worker.Queue, &largest}
	if err, _ := r.step(); err != nil {
		t.Fatal(err)
	}
	if largest > 257<<10 {
		t.Errorf("%d bytes of tasks are held at once", largest)
	}
	n, bytes := r.queuedBytes()
	if most := 300*objects + 2*metadata; n != objects || bytes > most {
		t.Errorf("%d ranges take %d bytes in the queue, want %d in at most %d", n, bytes, objects, most)
	}
}

// A replaced object is reported once, whichever and however many of its ranges
// find it gone; a redrive that fails is reported again, under the same id.
func TestAReplacedObjectIsReportedOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, chunk(100))
	r.batch(jsonl(40))
	if err, _ := r.step(); err != nil {
		t.Fatal(err)
	}
	r.gcs.Put(resultBucket, "results.jsonl", []byte(jsonl(40)), gcs.Attrs{})
	for range 200 {
		r.step()
	}
	if got := r.types(outcomesTopic); len(got) != 1 || got[0] != "batch.incomplete" {
		t.Fatalf("outcomes %v, want one batch.incomplete", got)
	}
	r.redrive(batch.KindRange)
	for range 200 {
		r.step()
	}
	got := r.outcomes(outcomesTopic)
	if len(got) != 2 || got[1].id != got[0].id {
		t.Fatalf("after a redrive of %d ranges: outcomes %v, want batch.incomplete twice under one id", len(r.pubsub.Messages(queueTopic))/2, r.types(outcomesTopic))
	}
}

// redrive queues again what is in the queue, as from the dead letters.
func (r *rig) redrive(kind string) {
	r.redo = nil
	for _, m := range r.pubsub.Messages(queueTopic) {
		if m.Attributes["kind"] == kind {
			must(r.t, r.worker.Queue.Enqueue(r.t.Context(), kind, m.Data))
		}
	}
}
