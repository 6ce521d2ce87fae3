package batch

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/source"
)

// doEvent plans a succeeded batch and queues its ranges: the plan is stored
// before its first range is queued, and the flag that all are queued is set
// last.
func (w *Worker) doEvent(ctx context.Context, t Task) error {
	plan, owner, err := w.plan(ctx, t)
	var never *object.Unreadable
	switch {
	case owner.Excludes(t.Event):
		w.Log.InfoContext(ctx, "nothing is published of an event, for its job's outcomes are by another", "event_id", t.Event.ID, "owner", owner.Kind)
		return nil
	case errors.As(err, &never):
		return w.State.Once(ctx, t.Key, Published, func() error {
			cause := outcome.Error{Code: never.Code, Message: never.Message}
			m := w.Factory.ForBatch(t.Event, plan.Batch).Unreadable(t.Event.Pointer, cause)
			if err := w.Outcomes.Publish(ctx, m); err != nil {
				return err
			}
			LogOutcome(ctx, w.Log, w.Now(), t.Event, m)
			return nil
		})
	case err != nil:
		if w.lastChance(t) {
			w.report(ctx, t, t.Event, err, plan)
		}
		return err
	}
	_, _, keeps := plan.last()
	if err := w.queueOnce(ctx, t.Key, plan); err != nil {
		return err
	}
	now, err := w.complete(ctx, t.Key, "event", plan)
	if err != nil || now.completed || keeps {
		return err // the keeper sees to the rest
	}
	return ErrWaiting // a plan without ranges, and another delivery's completes it
}

// queueOnce queues the ranges of a plan unless its flag says that they are, or
// the batch is completed.
func (w *Worker) queueOnce(ctx context.Context, key string, plan *Plan) error {
	var queued, done bool
	err := w.both(
		func() (err error) { queued, err = w.State.exists(ctx, queuedFlag(key, plan)); return err },
		func() (err error) { done, err = w.State.exists(ctx, folder(key)+"flag/"+completed); return err },
	)
	if err != nil || queued || done {
		return err
	}
	if err := w.queueRanges(ctx, key, plan); err != nil {
		return err
	}
	return w.State.set(ctx, queuedFlag(key, plan), nil)
}

// errNoTime: a copy cannot be taken up where it ended, so trying again helps only
// where it was slow by chance.
var errNoTime = errors.New("the results could not be copied within the time of a task, 10 minutes; where it repeats, make smaller batches")

// copying gives a context for copies. It ends while there is time to hand on.
func (w *Worker) copying(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := w.untilStopped(ctx)
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, stop
	}
	ctx, cancel := context.WithDeadlineCause(ctx, deadline.Add(-2*grace), errNoTime)
	return ctx, func() { cancel(); stop() }
}

// stopped says why ctx ended, where that is why there is an error.
func stopped(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// plan reads the event's stored plan or makes it, and gives the owner of its job; where
// that excludes the event, nothing else counts. With an error the plan is one that is
// not stored.
func (w *Worker) plan(ctx context.Context, t Task) (plan *Plan, owner Owner, err error) {
	var missing error
	err = w.both(
		func() (err error) { plan, missing = w.State.plan(ctx, t.Key); return nil },
		func() (err error) { owner, err = w.State.Owner(ctx, t.Event.JobKey()); return err },
	)
	switch {
	case err != nil:
		return &Plan{}, owner, err
	case owner.Excludes(t.Event):
		return nil, owner, nil
	case missing == nil:
		owner, err = w.State.claimFrom(ctx, t.Event, owner, plan.Proven)
		return plan, owner, err
	case !errors.Is(missing, ErrNotFound):
		return &Plan{}, owner, missing
	}
	found, finding := w.find(ctx, t.Event)
	if finding == nil {
		plan, owner, err = w.store(ctx, t.Event, owner, found)
	} else {
		owner, err = w.State.claimFrom(ctx, t.Event, owner, saidOfJob(finding) && proven(t.Event, found))
	}
	if err = cmp.Or(err, finding); err != nil {
		plan = &Plan{Batch: found.Batch}
	}
	return plan, owner, err
}

// find finds the results of an event.
func (w *Worker) find(ctx context.Context, e *event.Event) (source.Results, error) {
	ctx, stop := w.copying(ctx)
	defer stop()
	found, err := w.Source.Find(ctx, e)
	if err == nil && context.Cause(ctx) == errStopping {
		err = errors.New("the job may not have been read") // and is read once
	}
	return found, stopped(ctx, err)
}

// store cuts what was found into ranges and stores the plan, unless the owner excludes
// it. It gives the owner that there is then.
func (w *Worker) store(ctx context.Context, e *event.Event, owner Owner, found source.Results) (plan *Plan, _ Owner, err error) {
	if owner.Kind == "" {
		owner, err = w.State.formerly(ctx, e, "", found.Origin, filesAddress+found.Origin)
		if err != nil || owner.Excludes(e) {
			return nil, owner, err
		}
	}
	made := w.cut(e, found)
	err = w.both(
		func() (err error) { plan, err = w.State.create(ctx, e.Key, made); return err },
		func() (err error) { owner, err = w.State.claimFrom(ctx, e, owner, made.Proven); return err },
	)
	return plan, owner, err
}

// filesAddress is what the address of a file of the Gemini API begins with.
const filesAddress = "https://generativelanguage.googleapis.com/v1beta/"

// saidOfJob reports whether an error of finding results is about the job. What is wrong
// with a pointer may not be wrong with the job.
func saidOfJob(err error) bool {
	never, ok := errors.AsType[*object.Unreadable](err)
	return ok && (never.Code == object.ErrNoResults.Code || never.Code == object.ErrNoAPIKey.Code)
}

// proven reports whether an event is its job's. One that Google signed for whoever asked
// for it may name any job: it is believed if the API says the same.
func proven(e *event.Event, found source.Results) bool {
	return e.Origin != event.OriginOpen || found.OfJob
}

// cut makes the plan of what was found, in ranges.
func (w *Worker) cut(e *event.Event, found source.Results) *Plan {
	objects := make([]Planned, 0, len(found.Objects))
	for _, o := range found.Objects {
		objects = append(objects, cut(o, w.ChunkBytes))
	}
	return &Plan{
		URI:     found.URI,
		Origin:  found.Origin,
		Batch:   found.Batch,
		Mode:    w.Mode,
		Event:   event.Encode(e.Delivery, e.Body),
		Proven:  proven(e, found),
		Objects: objects,
		Made:    w.Now().UnixNano(),
		decoded: e,
	}
}
