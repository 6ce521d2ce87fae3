package batch

import (
	"cmp"
	"context"

	"example.com/gemini-webhook/internal/outcome"
)

// maxPending bounds the acknowledgements waited for at once; the bytes are
// bounded by the stream.
const maxPending = 16_384

// window holds the lines that are handed over, in order, and the stretches of
// them that are acknowledged.
type window struct {
	end     int64    // where the last one added ends
	acked   []Marker // in order; lines between them are refused
	waiting []pending
	err     error // of the first that is refused
}

type pending struct {
	wait func(context.Context) error // nil: nothing to wait for
	Interval
	line outcome.Counted
}

// add takes the next line, from where the last one ended to end. Where many
// wait it waits for the older half.
func (w *window) add(ctx context.Context, wait func(context.Context) error, end int64, line outcome.Counted) {
	w.waiting = append(w.waiting, pending{wait, Interval{Start: w.end, End: end}, line})
	w.end = end
	if len(w.waiting) == maxPending {
		w.settle(ctx, maxPending/2)
	}
}

// drain waits for all, and gives the error of the first that is refused.
func (w *window) drain(ctx context.Context) error {
	w.settle(ctx, len(w.waiting))
	return w.err
}

// settle waits for the oldest n, also behind one that is refused: what is
// acknowledged there is not published again.
func (w *window) settle(ctx context.Context, n int) {
	for _, h := range w.waiting[:n] {
		if h.wait != nil {
			if err := h.wait(ctx); err != nil {
				w.err = cmp.Or(w.err, err)
				continue
			}
		}
		w.acknowledge(h.Interval, h.line)
	}
	w.waiting = append(w.waiting[:0], w.waiting[n:]...)
}

func (w *window) acknowledge(at Interval, line outcome.Counted) {
	if n := len(w.acked); n == 0 || w.acked[n-1].End != at.Start {
		w.acked = append(w.acked, Marker{Interval: at})
	}
	last := &w.acked[len(w.acked)-1]
	last.End = at.End
	last.Counts.AddLine(line)
}
