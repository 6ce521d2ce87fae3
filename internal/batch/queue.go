package batch

import "context"

// maxQueuedBytes is what one call of Queue.Enqueue is given, and a task more: it
// bounds what a plan of millions of ranges holds in memory, whatever a task takes.
const maxQueuedBytes = 256 << 10 // some 1,500 tasks

// queueRanges queues all ranges of a plan that has any.
func (w *Worker) queueRanges(ctx context.Context, key string, plan *Plan) error {
	object, last, ok := plan.last()
	if !ok {
		return nil
	}
	e, err := plan.Decoded()
	if err != nil {
		return err
	}
	keeper := Range{Key: key, Plan: plan.id, Object: object, Interval: last, Event: plan.Event, Traceparent: e.Traceparent}
	keeper.Keeper = &Keeper{Missing: plan.progress(nil).missing}
	return w.requeue(ctx, plan, nil, keeper)
}

// requeue queues the ranges that markers do not cover, but for the keeper's own,
// and then the keeper.
func (w *Worker) requeue(ctx context.Context, plan *Plan, markers map[int][]Marker, keeper Range) error {
	var tasks [][]byte
	size := 0
	for i, o := range plan.Objects {
		starts := byStart(markers[i], o)
		for k, r := range o.ranges() {
			if pos, _ := reach(starts[k], r); pos >= r.End || i == keeper.Object && r.End == keeper.End {
				continue
			}
			task := Range{Key: keeper.Key, Plan: plan.id, Object: i, Interval: r, Traceparent: keeper.Traceparent}.Encode()
			tasks, size = append(tasks, task), size+len(task)
			if size < maxQueuedBytes {
				continue
			}
			if err := w.Queue.Enqueue(ctx, KindRange, tasks...); err != nil {
				return err
			}
			tasks, size = tasks[:0], 0
		}
	}
	if err := w.Queue.Enqueue(ctx, KindRange, tasks...); err != nil {
		return err
	}
	return w.Queue.Enqueue(ctx, KindRange, keeper.Encode())
}
