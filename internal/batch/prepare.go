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
			w.report(ctx, t, t.Event, outcome.Source{URI: t.Event.Pointer}, err, progress{})
		}
		return err
	}
	err = w.State.Once(ctx, t.Key, queued, func() error { return w.queueRanges(ctx, t.Key, plan) })
	if err != nil {
		return err
	}
	return w.complete(ctx, t.Key, "event", plan)
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
		decoded: t.Event,
	})
}

// queueRanges queues every range of the plan.
func (w *Worker) queueRanges(ctx context.Context, key string, plan *Plan) error {
	const perCall = 1000 // bounds what a plan of millions of ranges holds in memory
	tasks := make([][]byte, 0, perCall)
	flush := func() error {
		err := w.Queue.Enqueue(ctx, KindRange, tasks...)
		tasks = tasks[:0]
		return err
	}
	for i, o := range plan.Objects {
		for _, r := range o.ranges() {
			tasks = append(tasks, Range{Key: key, Event: plan.Event, Object: i, Interval: r}.Encode())
			if len(tasks) < perCall {
				continue
			}
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
