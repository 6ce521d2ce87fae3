package batch

import (
	"context"
	"errors"

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
			return w.Outcomes.Publish(ctx, w.Factory.For(t.Event).Unreadable(t.Event.Pointer, cause))
		})
	}
	if err != nil {
		if w.lastChance(t) {
			w.report(ctx, t, t.Event, err, nil)
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

// plan reads the event's stored plan or makes it.
func (w *Worker) plan(ctx context.Context, t Task) (*Plan, error) {
	plan, err := w.State.plan(ctx, t.Key)
	if !errors.Is(err, ErrNotFound) {
		return plan, err
	}
	found, err := w.Objects.Find(ctx, t.Event.Pointer)
	if err != nil {
		return nil, err
	}
	objects := make([]Planned, 0, len(found))
	for _, o := range found {
		objects = append(objects, cut(o, w.ChunkBytes))
	}
	return w.State.create(ctx, t.Key, &Plan{
		URI:     t.Event.Pointer,
		Mode:    w.Mode,
		Event:   event.Encode(t.Event.Delivery, t.Event.Body),
		Objects: objects,
		Made:    w.Now().UnixNano(),
		decoded: t.Event,
	})
}
