package batch

import (
	"context"
	"errors"
	"log/slog"

	"example.com/gemini-webhook/internal/event"
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
		markers, err := w.State.markers(ctx, r.Key, plan.id, object, next)
		if err != nil {
			return err
		}
		if pos, _ := reach(markers, next); pos < next.End {
			return nil
		}
	}
	_, err := w.complete(ctx, r.Key, taskName(r), plan)
	return err
}

// look reads the plan that an event has now and, at the same time, all that is done.
func (w *Worker) look(ctx context.Context, key string) (stored *Plan, entries []Entry, missing, err error) {
	err = w.both(
		func() (err error) { entries, err = w.State.entries(ctx, key); return err },
		func() error { stored, missing = w.State.plan(ctx, key); return nil },
	)
	return stored, entries, missing, err
}

// complete publishes batch.completed when the plan's markers cover it and that
// is not done.
func (w *Worker) complete(ctx context.Context, key, task string, plan *Plan) (standing, error) {
	stored, entries, missing, err := w.look(ctx, key)
	if err != nil {
		return standing{}, err
	}
	now, err := plan.standing(key, entries)
	if err != nil || now.completed || now.sum.missing > 0 {
		return now, err
	}
	// Of a plan that was made anew meanwhile the generations may be others.
	if missing == nil && stored.id != plan.id || missing != nil && !errors.Is(missing, ErrNotFound) {
		return now, missing
	}
	return w.finish(ctx, key, task, plan, now)
}

// finish publishes batch.completed of a plan that is covered. All who work on the last
// ranges see that it is: the first to claim it does it, so that who is started by it is
// not started by each. How far the batch has come is the keeper's concern alone.
func (w *Worker) finish(ctx context.Context, key, task string, plan *Plan, now standing) (standing, error) {
	mine, err := w.State.claim(ctx, planFolder(key, plan.id)+completing, task, w.Now())
	if err != nil || !mine {
		return now, err
	}
	e, err := plan.Decoded()
	if err != nil {
		return now, err
	}
	counts := now.sum.counts
	again, settled, err := w.retry(ctx, e, plan, counts)
	if err != nil {
		return now, err
	}
	totals := outcome.Totals{Counts: counts, Bytes: now.sum.bytes, Retrying: again, Settled: settled}
	m, err := w.publishTotals(ctx, e, plan, totals)
	if err != nil {
		return now, err
	}
	now.completed = true
	LogOutcome(ctx, w.Log, w.Now(), e, m,
		slog.Bool("in_time", w.Now().Sub(e.ReceivedAt) <= timeFor(counts.Total)),
		slog.Group("lines", "succeeded", counts.Succeeded, "failed", counts.Failed, "invalid", counts.Invalid))
	return now, w.State.set(ctx, folder(key)+"flag/"+completed, nil)
}

func (w *Worker) publishTotals(ctx context.Context, e *event.Event, plan *Plan, totals outcome.Totals) (outcome.Message, error) {
	m := w.Factory.ForBatch(e, plan.Batch).Completed(outcome.Source{URI: plan.URI, Origin: plan.Origin}, totals)
	return m, w.Outcomes.Publish(ctx, m)
}

// Settle publishes batch.completed once more, under another id: the first one said that
// a retry follows, and none does. Its line in the log has no counts, which metrics would
// add to those of the first.
func (w *Worker) Settle(ctx context.Context, key string, settled *outcome.Settled) error {
	plan, err := w.State.plan(ctx, key)
	if err != nil {
		return err
	}
	now, err := w.State.standing(ctx, key, plan)
	if err != nil {
		return err
	}
	e, err := plan.Decoded()
	if err != nil {
		return err
	}
	m, err := w.publishTotals(ctx, e, plan, outcome.Totals{Counts: now.sum.counts, Bytes: now.sum.bytes, Settled: settled, Again: true})
	if err == nil {
		LogOutcome(ctx, w.Log, w.Now(), e, m)
	}
	return err
}

// retry queues the retry of lines that failed, where there is to be one: before
// batch.completed, so that no crash loses it. It gives what all rounds came to.
func (w *Worker) retry(ctx context.Context, e *event.Event, plan *Plan, counts outcome.Counts) (again bool, settled *outcome.Settled, err error) {
	if w.Rounds == nil {
		return false, nil, nil
	}
	again, settled, err = w.Rounds.After(ctx, plan, counts)
	if err == nil && again {
		err = w.Queue.Enqueue(ctx, KindRange, Range{Key: e.Key, Traceparent: e.Traceparent, Retry: true}.Encode())
	}
	return again, settled, err
}
