package handlers

import (
	"context"

	"example.com/gemini-webhook/internal/progress"
)

// maxPending bounds the acknowledgements waited for at once; the bytes are
// bounded by the stream.
const maxPending = 16_384

// window holds the lines that are handed over, in order, and how far all are
// acknowledged.
type window struct {
	end     int64 // lines that begin before are acknowledged
	counts  progress.Counts
	waiting []handed
}

type handed struct {
	wait   func(context.Context) error // nil: nothing to wait for
	end    int64                       // where the next line begins
	counts progress.Counts
}

// acked is how far all lines are acknowledged, and what they came to.
type acked struct {
	end    int64
	counts progress.Counts
}

func (w *window) acked() acked { return acked{w.end, w.counts} }

// add takes a line. Where many wait it waits for the older half.
func (w *window) add(ctx context.Context, wait func(context.Context) error, end int64, c progress.Counts) error {
	w.waiting = append(w.waiting, handed{wait, end, c})
	if len(w.waiting) < maxPending {
		return nil
	}
	return w.settle(ctx, maxPending/2)
}

// drain waits for all.
func (w *window) drain(ctx context.Context) error { return w.settle(ctx, len(w.waiting)) }

// settle waits for the oldest n. At the first that fails it stops: those
// behind it are published again.
func (w *window) settle(ctx context.Context, n int) error {
	for i, h := range w.waiting[:n] {
		if h.wait != nil {
			if err := h.wait(ctx); err != nil {
				w.waiting = w.waiting[i:]
				return err
			}
		}
		w.end = h.end
		w.counts.Add(h.counts)
	}
	w.waiting = append(w.waiting[:0], w.waiting[n:]...)
	return nil
}
