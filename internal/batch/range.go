package batch

import (
	"context"
	"errors"
	"fmt"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
)

// job is a range that is worked on.
type job struct {
	*Worker
	task     Task
	part     Range // what is left of it
	plan     *Plan
	object   Planned
	event    *event.Event // the plan's
	outcomes *outcome.Event
}

// doRange publishes the lines of a range that no marker covers, marks them
// and completes the batch if they were the last.
func (w *Worker) doRange(ctx context.Context, t Task) error {
	part := *t.Range
	var plan *Plan
	var missing error
	var markers []Marker
	err := w.both(
		func() error { plan, missing = w.State.plan(ctx, part.Key); return nil },
		func() (err error) {
			markers, err = w.State.markers(ctx, part.Key, part.Plan, part.Object, part.Interval)
			return err
		},
	)
	switch {
	case missing != nil && !errors.Is(missing, ErrNotFound):
		return missing
	case missing != nil || plan.id != part.Plan:
		return w.doOrphan(ctx, t, plan)
	case err != nil:
		return err
	case part.Object >= len(plan.Objects):
		return fmt.Errorf("range task for object %d of a plan of %d", part.Object, len(plan.Objects))
	}
	e, err := plan.Decoded()
	if err != nil {
		return err
	}
	j := &job{w, t, part, plan, plan.Objects[part.Object], e, w.Factory.ForBatch(e, plan.Batch)}
	handedOn, err := j.work(ctx, markers)
	if err != nil || handedOn {
		return err
	}
	if part.Keeper != nil {
		now, err := w.complete(ctx, part.Key, taskName(part), plan)
		if err != nil {
			return err
		}
		return w.keep(ctx, t, part, plan, now)
	}
	return w.completeAfter(ctx, part, plan)
}

var errPlanLost = errors.New("the batch's plan is not in the state bucket; the task of its last range makes it again")

// doOrphan does the task of a range whose plan is not there, or is another one:
// the state was lost, or the task is of the former format. Whoever carries the
// event works on that, which makes a plan and queues all of its ranges; repeating
// is better than losing.
func (w *Worker) doOrphan(ctx context.Context, t Task, stored *Plan) (err error) {
	switch {
	case len(t.Range.Event) > 0:
		t.Event, err = event.Decode(t.Range.Event)
	case stored == nil:
		return errPlanLost
	case t.Range.Plan == "": // of the former format, which left large events out
		t.Event, err = stored.Decoded()
	default:
		return nil // the other plan's ranges are queued by whoever made it
	}
	if err != nil {
		return err
	}
	t.Key = t.Event.Key
	return w.doEvent(ctx, t)
}

var errNoProgress = errors.New("not one line was done before the instance stopped or its time was over; if it repeats, raise the request timeout of the private door")

// work goes from gap to gap between the markers until there is none, or until
// the time is over and what is left is handed on.
func (j *job) work(ctx context.Context, markers []Marker) (handedOn bool, err error) {
	left := gap(markers, j.part.Interval)
	for begin := left.Start; left.Start < j.part.End; {
		done, err := j.lines(ctx, left)
		if markErr := j.mark(ctx, done); markErr != nil {
			return false, errors.Join(err, markErr)
		}
		markers = append(markers, done...)
		next := gap(markers, j.part.Interval)
		if errors.Is(err, object.ErrNotFound) && j.object.Origin != "" {
			if err = j.copyAgain(ctx); err == nil {
				left = next
				continue
			}
		}
		switch {
		case err != nil:
			return false, j.unfinished(ctx, err)
		case next.Start == begin:
			return false, j.unfinished(ctx, errNoProgress)
		case next.Start < left.End, next.Start < j.part.End && j.outOfTime(j.task):
			j.part.Start = next.Start
			ctx, cancel := withGrace(ctx)
			defer cancel()
			return true, j.Queue.Enqueue(ctx, KindRange, j.part.Encode())
		}
		left = next
	}
	return false, nil
}

// copyAgain goes on with another generation of a copy whose own is gone.
func (j *job) copyAgain(ctx context.Context) error {
	ctx, stop := j.copying(ctx)
	defer stop()
	o, err := j.Source.CopyAgain(ctx, j.part.Key, j.object.Object)
	if err != nil {
		return stopped(ctx, err)
	}
	if o.Bucket == j.object.Bucket && o.Generation == j.object.Generation {
		return fmt.Errorf("read %s: it is there and cannot be read", o.URI()) // or it comes and goes
	}
	j.object.Object = o
	return nil
}

// mark records what is published, even if the time is over.
func (j *job) mark(ctx context.Context, done []Marker) error {
	ctx, cancel := withGrace(ctx)
	defer cancel()
	var err error
	for _, m := range done {
		err = errors.Join(err, j.State.mark(ctx, j.part.Key, j.plan.id, j.part.Object, m.Interval, m.Counts))
	}
	return err
}

// unfinished reports a range that may never be finished and returns err. An
// object that was replaced does not come back, so it is reported at once.
func (j *job) unfinished(ctx context.Context, err error) error {
	if j.lastChance(j.task) || errors.Is(err, object.ErrNotFound) {
		j.report(ctx, j.task, j.event, err, j.plan)
	}
	return err
}
