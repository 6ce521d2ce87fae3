package batch

import (
	"context"
	"errors"
	"fmt"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
)

// doEvent plans a succeeded batch and queues its ranges: the plan is stored
// before its first range is queued, and the flag that all are queued is set
// last.
func (w *Worker) doEvent(ctx context.Context, t Task) error {
	plan, err := w.plan(ctx, t)
	var never *object.Unreadable
	if errors.As(err, &never) {
		return w.State.Once(ctx, t.Key, Published, func() error {
			cause := outcome.Error{Code: never.Code, Message: never.Message}
			return w.Outcomes.Publish(ctx, w.Factory.ForBatch(t.Event, plan.Batch).Unreadable(t.Event.Pointer, cause))
		})
	}
	if err != nil {
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
	for _, flag := range []string{queuedFlag(key, plan), folder(key) + "flag/" + completed} {
		if done, err := w.State.exists(ctx, flag); err != nil || done {
			return err
		}
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

// plan reads the event's stored plan or makes it. With an error it is one that is not
// stored.
func (w *Worker) plan(ctx context.Context, t Task) (*Plan, error) {
	plan, err := w.State.plan(ctx, t.Key)
	switch {
	case err == nil:
		return plan, nil
	case !errors.Is(err, ErrNotFound):
		return &Plan{}, err
	}
	finding, stop := w.copying(ctx)
	found, err := w.Source.Find(finding, t.Event)
	if err == nil && context.Cause(finding) == errStopping {
		err = errors.New("the job may not have been read") // and is read once
	}
	err = stopped(finding, err)
	stop()
	if err != nil {
		return &Plan{Batch: found.Batch}, err
	}
	objects := make([]Planned, 0, len(found.Objects))
	for _, o := range found.Objects {
		objects = append(objects, cut(o, w.ChunkBytes))
	}
	plan, err = w.State.create(ctx, t.Key, &Plan{
		URI:     found.URI,
		Origin:  found.Origin,
		Batch:   found.Batch,
		Mode:    w.Mode,
		Event:   event.Encode(t.Event.Delivery, t.Event.Body),
		Objects: objects,
		Made:    w.Now().UnixNano(),
		decoded: t.Event,
	})
	if err != nil {
		return &Plan{Batch: found.Batch}, err
	}
	return plan, nil
}
