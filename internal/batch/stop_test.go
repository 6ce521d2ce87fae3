package batch_test

import (
	"context"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/outcome"
)

// A worker whose time is over, or whose instance stops, hands on what is left.
func TestHandingOn(t *testing.T) {
	t.Parallel()
	for _, object := range []string{"plain", "gzip"} {
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			content, attrs := []byte(jsonl(30)), gcs.Attrs{}
			if object == "gzip" {
				content, attrs.ContentEncoding = gzipped(t, jsonl(30)), "gzip"
			}
			r.gcs.Put(resultBucket, "results.jsonl", content, attrs)
			r.deliver("msg_1", succeeded("gs://"+resultBucket+"/results.jsonl"))
			// Every look at the clock is a quarter of the time: a few lines a task.
			now := time.Now()
			r.worker.Now = func() time.Time { now = now.Add(15 * time.Second); return now }
			tasks := 0
			for {
				w, ok := r.next()
				if !ok {
					break
				}
				tasks++
				w.cutoff = now.Add(time.Minute)
				if err := r.do(context.Background(), w); err != nil {
					t.Fatal(err)
				}
			}
			if tasks < 8 {
				t.Errorf("%d tasks, want many: the work was not handed on", tasks)
			}
			lines, repeats := r.lines()
			if len(lines) != 30 || repeats != 0 || r.completed()["total"] != 30.0 {
				t.Errorf("%d lines, %d repeats, totals %v, want 30 and 0", len(lines), repeats, r.completed())
			}
		})
	}
}

// stopAt is a results topic that stops the instance with its nth line.
type stopAt struct {
	batch.Stream
	n    *int
	stop func()
}

func (s stopAt) Publish(ctx context.Context, m outcome.Message) func(context.Context) error {
	if *s.n--; *s.n == 0 {
		s.stop()
	}
	return s.Stream.Publish(ctx, m)
}

func TestStopping(t *testing.T) {
	t.Parallel()
	stopping, left := make(chan struct{}), 2500 // several publish requests
	r := newRig(t, func(c *batch.Config) {
		c.Stopping, c.Results = stopping, stopAt{c.Results, &left, func() { close(stopping) }}
	})
	r.batch(jsonl(4_000))
	for range 2 { // plan, and the range
		if err, _ := r.step(); err != nil {
			t.Fatalf("stopped: %v", err)
		}
	}
	if before, _ := r.lines(); len(before) != 2500 {
		t.Fatalf("%d lines, want 2500: it was to stop there", len(before))
	}
	r.restart()
	r.run()
	lines, repeats := r.lines()
	if len(lines) != 4_000 || repeats != 0 || r.completed()["total"] != 4_000.0 {
		t.Errorf("%d lines, %d repeats, totals %v, want 4000 and 0", len(lines), repeats, r.completed())
	}
}

// A read that hangs does not keep a worker from handing on what is left.
func TestStoppingInAStalledRead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	content := jsonl(2000)
	r.batch(content)
	if err, _ := r.step(); err != nil { // plan
		t.Fatal(err)
	}
	r.gcs.Fail(func(op gcs.Op) *gcs.Fault {
		if op.Kind == gcs.OpRead && op.Bucket == resultBucket {
			return &gcs.Fault{Stall: time.Minute, StallAfter: int64(len(content) / 2)}
		}
		return nil
	})
	time.AfterFunc(500*time.Millisecond, func() { close(r.stopping) })
	begin := time.Now()
	if err, _ := r.step(); err != nil || time.Since(begin) > 10*time.Second {
		t.Fatalf("stopped: %v after %v", err, time.Since(begin))
	}
	r.gcs.Fail(nil)
	r.restart()
	r.run()
	lines, repeats := r.lines()
	if len(lines) != 2000 || repeats != 0 || r.completed()["total"] != 2000.0 {
		t.Errorf("%d lines, %d repeats, totals %v, want 2000 and 0", len(lines), repeats, r.completed())
	}
}
