package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/progress"
)

// lastWords is what recording, handing on and reporting get after the time for
// work is over.
const lastWords = 20 * time.Second

// afterwards gives a context for them, which the end of ctx does not end.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), lastWords)
}

// batch plans a succeeded batch and queues its ranges, in the order in which
// every crash heals: the plan is stored before its first task is queued, and
// the flag that all are queued is set last.
func (p *Processor) batch(ctx context.Context, item work, e *event.Event) error {
	plan, err := p.plan(ctx, e)
	var never *object.Unreadable
	if errors.As(err, &never) {
		return p.once(ctx, e, p.Factory.For(e).Unreadable(e.Pointer, outcome.Error{Code: never.Code, Message: never.Message}))
	}
	if err != nil {
		if p.lastChance(item) {
			p.report(ctx, item, e, outcome.Source{URI: e.Pointer}, err, progress.Progress{})
		}
		return err
	}
	if err := p.queueRanges(ctx, e, plan); err != nil {
		return err
	}
	return p.complete(ctx, e.Key(), "event", plan)
}

// plan reads the event's stored plan or makes it.
func (p *Processor) plan(ctx context.Context, e *event.Event) (*progress.Plan, error) {
	plan, err := p.State.Plan(ctx, e.Key())
	if !errors.Is(err, progress.ErrNotFound) {
		return plan, err
	}
	found, err := p.Objects.Find(ctx, e.Pointer)
	if err != nil {
		return nil, err
	}
	objects := make([]progress.Object, 0, len(found))
	for _, o := range found {
		objects = append(objects, progress.Cut(o, p.ChunkBytes))
	}
	return p.State.Create(ctx, e.Key(), &progress.Plan{
		URI:     e.Pointer,
		Mode:    p.Mode,
		Event:   event.Encode(e.Delivery, e.Body),
		Objects: objects,
	})
}

// queueRanges queues a task for every range of the plan, once.
func (p *Processor) queueRanges(ctx context.Context, e *event.Event, plan *progress.Plan) error {
	key := e.Key()
	queued, err := p.State.Flagged(ctx, key, progress.Queued)
	if err != nil || queued {
		return err
	}
	const perCall = 1000 // bounds what a plan of millions of ranges holds in memory
	tasks := make([][]byte, 0, perCall)
	flush := func() error {
		err := p.Queue.Enqueue(ctx, kindRange, tasks...)
		tasks = tasks[:0]
		return err
	}
	for i, o := range plan.Objects {
		for _, r := range o.Ranges() {
			if tasks = append(tasks, progress.Task{Key: key, Event: plan.Event, Object: i, Range: r}.Encode()); len(tasks) == perCall {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return p.State.Flag(ctx, key, progress.Queued)
}

// fewRanges of a plan have all their markers in one small list.
const fewRanges = 64

// completeAfter completes the batch if the range just done was its last. Where
// there are many, most are not, which a look at the range behind it tells: the
// work goes forward.
func (p *Processor) completeAfter(ctx context.Context, task progress.Task, plan *progress.Plan) error {
	if !plan.AtMost(fewRanges) {
		object, next := plan.After(task.Object, task.Range)
		markers, err := p.State.Markers(ctx, task.Key, object, next)
		if err != nil {
			return err
		}
		if pos, _ := progress.Reach(markers, next); pos < next.End {
			return nil
		}
	}
	// Whatever is handed on of a range has its end.
	return p.complete(ctx, task.Key, fmt.Sprintf("range %d/%d", task.Object, task.Range.End), plan)
}

// complete publishes batch.completed when the plan's markers cover it and that
// is not done. All who work on the last ranges see that they do: the first to
// claim it does it, so that who is started by it is not started by each.
func (p *Processor) complete(ctx context.Context, key, owner string, plan *progress.Plan) error {
	markers, completed, err := p.State.Done(ctx, key)
	if err != nil || completed {
		return err
	}
	sum := plan.Progress(markers)
	if !sum.Complete() {
		return nil
	}
	mine, err := p.State.Claim(ctx, key, owner, p.Now(), pushDeadline)
	if err != nil || !mine {
		return err
	}
	e, err := event.Decode(plan.Event)
	if err != nil {
		return err
	}
	c := sum.Counts
	m := p.Factory.For(e).Completed(plan.URI, outcome.Totals{
		Total: c.Total, Succeeded: c.Succeeded, Failed: c.Failed, Invalid: c.Invalid,
		PromptTokens: c.PromptTokens, CandidatesTokens: c.CandidatesTokens,
		ThoughtsTokens: c.ThoughtsTokens, TotalTokens: c.TotalTokens,
		Bytes: sum.Bytes,
	})
	if err := p.Outcomes.Publish(ctx, m); err != nil {
		return err
	}
	return p.State.Flag(ctx, key, progress.Completed)
}

// report publishes batch.incomplete, once per message: its further attempts
// are silent, a redrive that fails is not. It is the messenger of an error that
// the caller returns anyway, so its own errors are only logged.
func (p *Processor) report(ctx context.Context, item work, e *event.Event, at outcome.Source, cause error, sum progress.Progress) {
	// The cause may be that ctx is over.
	ctx, cancel := afterwards(ctx)
	defer cancel()
	key, flag := e.Key(), "incomplete-"+url.PathEscape(item.id)
	done, err := p.State.Flagged(ctx, key, flag)
	if err == nil && !done {
		code := "unfinished"
		if errors.Is(cause, object.ErrNotFound) {
			code = "not_found"
		}
		m := p.Factory.For(e).Incomplete(at, outcome.Error{Code: code, Message: cause.Error()}, sum.Done, sum.Missing)
		if err = p.Outcomes.Publish(ctx, m); err == nil {
			err = p.State.Flag(ctx, key, flag)
		}
	}
	if err != nil {
		p.Log.ErrorContext(ctx, "batch.incomplete could not be published", "event_id", e.ID, "error", err.Error())
	}
}
