package batch_test

import (
	"encoding/json"
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/localcloud/gcs"
)

// A deployment is upgraded while messages of the former format are in its queue
// and state of it is in its bucket: no line is lost.
func TestTasksOfTheFormerFormat(t *testing.T) {
	t.Parallel()
	for name, event := range map[string]bool{"with their event": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, chunk(1000))
			r.batch(jsonl(40))
			if err, _ := r.step(); err != nil {
				t.Fatal(err)
			}
			var former [][]byte
			for _, w := range r.take() {
				task, err := batch.DecodeRange(w.data)
				must(t, err)
				fields := map[string]any{"format": 1, "key": task.Key, "object": task.Object, "range": task.Interval}
				if event {
					queued := r.pubsub.Messages(queueTopic)[0].Data
					fields["event"] = queued
				}
				data, err := json.Marshal(fields)
				must(t, err)
				former = append(former, data)
			}
			// As the former version left it: a plan, its first range done, all queued.
			for _, o := range r.gcs.List(stateBucket, "") {
				if folder, ok := strings.CutSuffix(o.Name, "plan"); ok {
					r.gcs.Put(stateBucket, folder+"range/00000/0000000000000000000-0000000000000001000", nil, gcs.Attrs{Metadata: map[string]string{"total": "6", "succeeded": "6"}})
					r.gcs.Put(stateBucket, folder+"flag/queued", nil, gcs.Attrs{})
				} else {
					r.gcs.Delete(stateBucket, o.Name)
				}
			}
			must(t, r.worker.Queue.Enqueue(t.Context(), batch.KindRange, former...))
			r.whole()
		})
	}
}

// What the former version completed is not done again by another webhook's event.
func TestCompletedByTheFormerVersion(t *testing.T) {
	t.Parallel()
	r := newRig(t, chunk(1000))
	r.batch(jsonl(40))
	r.run()
	for _, o := range r.gcs.List(stateBucket, "") {
		if !strings.HasSuffix(o.Name, "/plan") && !strings.HasSuffix(o.Name, "/flag/completed") {
			r.gcs.Delete(stateBucket, o.Name)
		}
	}
	r.deliver("msg_2", succeeded("gs://"+resultBucket+"/results.jsonl"))
	r.run()
	if lines, repeats := r.lines(); len(lines) != 40 || repeats != 0 || r.countCompleted() != 1 {
		t.Errorf("%d lines, %d repeats, %d batch.completed, want 40, 0, 1", len(lines), repeats, r.countCompleted())
	}
}
