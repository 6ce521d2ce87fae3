package batch_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/results"
)

// A range that waits for another's long line until its time is over, or until
// the instance stops, hands on what is left.
func TestWaitingForALongLine(t *testing.T) {
	t.Parallel()
	long := `{"key":"long","response":{"text":"` + strings.Repeat("x", 5<<20) + `"}}` + "\n"
	for _, test := range []struct {
		name   string
		before int // lines
		cutoff time.Duration
		stop   time.Duration
		want   error
	}{
		{"no time left", 20, 300 * time.Millisecond, time.Hour, nil},
		{"stopped", 20, time.Hour, 300 * time.Millisecond, nil},
		{"nothing done", 0, 300 * time.Millisecond, time.Hour, batch.ErrNoProgress},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.batch(jsonl(test.before) + long + jsonl(10))
			if err, _ := r.step(); err != nil { // plan
				t.Fatal(err)
			}
			// Another range has the slot.
			other := results.NewScanner(strings.NewReader(long), 0, math.MaxInt64, int64(len(long)), 16<<20)
			other.Share(t.Context(), r.worker.LongLines())
			if !other.Scan() {
				t.Fatal(other.Err())
			}
			time.AfterFunc(test.stop, func() { close(r.stopping) })
			w, _ := r.next()
			w.cutoff = time.Now().Add(test.cutoff)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			begin := time.Now()
			if err := r.do(ctx, w); !errors.Is(err, test.want) || time.Since(begin) > 10*time.Second {
				t.Fatalf("got %v after %v, want %v", err, time.Since(begin), test.want)
			}
			if test.want != nil {
				r.redo = append(r.redo, w)
			}
			if n := len(r.pubsub.Messages(resultsTopic)); n != test.before {
				t.Errorf("%d lines published, want the %d before the long one", n, test.before)
			}
			other.Release()
			if test.stop < time.Hour {
				r.restart()
			}
			r.run()
			lines, repeats := r.lines()
			if want := test.before + 11; len(lines) != want || repeats != 0 || r.completed()["total"] != float64(want) {
				t.Errorf("%d lines, %d repeats, totals %v, want %d and 0", len(lines), repeats, r.completed(), want)
			}
		})
	}
}
