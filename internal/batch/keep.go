package batch

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrWaiting is no failure: the task's own work is done and others' is not. The
// message is to be delivered again, later.
var ErrWaiting = errors.New("waits for other ranges of its batch")

// errLost: what is not done is in no message that the keeper knows of, and
// queueing it again did not help.
var errLost = errors.New("ranges of the batch are neither done nor on their way; look for their tasks in the dead letters and redrive those first")

// patience is how long a keeper waits while nothing is done before it takes the
// tasks of what is missing for lost. With the longest back-off it is under the hour
// after which the alert for old messages rings.
const patience = 30 * time.Minute

// wait does the task of a keeper that waits. Mostly it comes too early, so it looks at all
// at once; ready reports whether its own lines are published still.
func (w *Worker) wait(ctx context.Context, t Task) (ready bool, err error) {
	keeper := *t.Range
	plan, entries, missing, err := w.look(ctx, keeper.Key)
	if err != nil || missing != nil || plan.id != keeper.Plan {
		return false, err
	}
	now, err := plan.standing(keeper.Key, entries)
	if err != nil {
		return false, err
	}
	if pos, _ := reach(now.markers[keeper.Object], keeper.Interval); pos < keeper.End {
		return false, nil
	}
	if !now.completed && now.sum.missing == 0 {
		now, err = w.finish(ctx, keeper.Key, taskName(keeper), plan, now)
	}
	if err != nil {
		return false, err
	}
	return true, w.keep(ctx, t, keeper, plan, now)
}

// keep ends the task of a plan's last range, whose own lines are published and which has
// not found the batch to be complete: it waits until it is. It cannot see what is in the
// queue, but it remembers how much was missing when it was queued. Then
//
//   - more is missing now: markers are gone, and it queues what is missing;
//   - less is missing: it goes on waiting;
//   - nothing changed until its attempts, or half an hour, are used up: it queues
//     what is missing once more, unless a range has reported why it fails. If that does
//     not help either, the keeper ends in the dead letters.
func (w *Worker) keep(ctx context.Context, t Task, keeper Range, plan *Plan, now standing) error {
	if now.completed {
		return nil
	}
	missing := now.sum.missing
	was := *keeper.Keeper
	next := keeper
	next.Keeper = &Keeper{Missing: missing, Waiting: true}
	_, next.Interval, _ = plan.last() // not what was handed on of it: its other markers may be gone
	switch {
	case missing > was.Missing:
		return w.requeue(ctx, plan, now.markers, next)
	case !was.Waiting: // behind what is in the queue now
		return w.Queue.Enqueue(ctx, KindRange, next.Encode())
	case !w.outOfPatience(t):
		return fmt.Errorf("%w: %d are missing", ErrWaiting, missing)
	case missing < was.Missing, missing == 0:
		return w.Queue.Enqueue(ctx, KindRange, next.Encode())
	}
	reported, err := w.State.reportedSince(ctx, keeper.Key, t.Published)
	if err != nil {
		return err
	}
	if !reported && !justRequeued(t, was) {
		next.Keeper.Requeued = w.Now()
		return w.requeue(ctx, plan, now.markers, next)
	}
	if w.lastChance(t) {
		e, err := plan.Decoded()
		if err != nil {
			return err
		}
		w.report(ctx, t, e, errLost, plan)
	}
	return errLost
}

// outOfPatience reports whether a waiting keeper is to look for the reason: while
// there is an attempt left before the last that can report.
func (w *Worker) outOfPatience(t Task) bool {
	return t.Attempt >= max(1, w.MaxAttempts-2) ||
		!t.Published.IsZero() && w.Now().Sub(t.Published) > patience
}

// justRequeued reports whether a keeper is the one that was queued with the lost
// ranges, and not a redrive of it.
func justRequeued(t Task, k Keeper) bool {
	return !k.Requeued.IsZero() && t.Published.Before(k.Requeued.Add(time.Minute))
}

// taskName is what a range's task is called in a claim: whatever is handed on of
// a range has its end.
func taskName(r Range) string { return fmt.Sprintf("range %d/%d", r.Object, r.End) }
