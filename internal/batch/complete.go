package batch

import (
	"context"
	"fmt"

	"example.com/gemini-webhook/internal/outcome"
)

// fewRanges of a plan have all their markers in one small list.
const fewRanges = 64

// completeAfter completes the batch if the range just done was its last. Where
// there are many, most are not, which the range behind it tells: the work goes
// forward.
func (w *Worker) completeAfter(ctx context.Context, r Range, plan *Plan) error {
	if !plan.atMost(fewRanges) {
		object, next := plan.after(r.Object, r.Interval)
		markers, err := w.State.markers(ctx, r.Key, object, next)
		if err != nil {
			return err
		}
		if pos, _ := reach(markers, next); pos < next.End {
			return nil
		}
	}
	// Whatever is handed on of a range has its end.
	return w.complete(ctx, r.Key, fmt.Sprintf("range %d/%d", r.Object, r.End), plan)
}

// complete publishes batch.completed when the plan's markers cover it and that
// is not done. All who work on the last ranges see that they do: the first to
// claim it does it, so that who is started by it is not started by each.
func (w *Worker) complete(ctx context.Context, key, task string, plan *Plan) error {
	markers, done, err := w.State.done(ctx, key)
	if err != nil || done {
		return err
	}
	sum := plan.progress(markers)
	if sum.missing > 0 {
		return nil
	}
	mine, err := w.State.claim(ctx, key, task, w.Now(), MaxTaskTime)
	if err != nil || !mine {
		return err
	}
	e, err := plan.event()
	if err != nil {
		return err
	}
	m := w.Factory.For(e).Completed(plan.URI, outcome.Totals{Counts: sum.counts, Bytes: sum.bytes})
	if err := w.Outcomes.Publish(ctx, m); err != nil {
		return err
	}
	return w.State.flag(ctx, key, completed)
}
