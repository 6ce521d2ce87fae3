package handlers

import (
	"context"
	"errors"
	"fmt"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/progress"
	"example.com/gemini-webhook/internal/results"
)

// rangeTask publishes the lines of a range that no marker covers, marks them
// done and completes the batch if they were the last.
func (p *Processor) rangeTask(ctx context.Context, item work, task progress.Task) error {
	plan, err := p.State.Plan(ctx, task.Key)
	if errors.Is(err, progress.ErrNotFound) && len(task.Event) > 0 {
		// The state was lost. Planning again repeats, which is better than losing.
		e, err := event.Decode(task.Event)
		if err != nil {
			return err
		}
		return p.batch(ctx, item, e)
	}
	if err != nil {
		return err
	}
	if task.Object >= len(plan.Objects) {
		return fmt.Errorf("range task for object %d of a plan of %d", task.Object, len(plan.Objects))
	}
	markers, err := p.State.Markers(ctx, task.Key, task.Object, task.Range)
	if err != nil {
		return err
	}
	gap := progress.Gap(markers, task.Range)
	for begin := gap.Start; gap.Start < task.Range.End; {
		done, err := p.lines(ctx, item, plan, plan.Objects[task.Object], gap)
		if markErr := p.mark(ctx, task, done); markErr != nil {
			return errors.Join(err, markErr)
		}
		if err != nil {
			return p.unfinished(ctx, item, plan, task, err)
		}
		markers = append(markers, done...)
		next := progress.Gap(markers, task.Range)
		switch {
		case next.Start == begin:
			return p.unfinished(ctx, item, plan, task, errNoProgress)
		case next.Start < gap.End, next.Start < task.Range.End && p.timeIsOver(item):
			task.Range.Start = next.Start
			handOn, cancel := afterwards(ctx)
			defer cancel()
			return p.Queue.Enqueue(handOn, kindRange, task.Encode())
		}
		gap = next
	}
	return p.completeAfter(ctx, task, plan)
}

// mark records what is published, even if the time is over.
func (p *Processor) mark(ctx context.Context, task progress.Task, done []progress.Marker) error {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	var err error
	for _, m := range done {
		err = errors.Join(err, p.State.Mark(ctx, task.Key, task.Object, m.Interval, m.Counts))
	}
	return err
}

var errNoProgress = errors.New("not one line was done before the instance stopped or its time was over; if it repeats, raise the request timeout of the private door")

// unfinished reports a range that may never be finished and returns err. An
// object that was replaced does not come back, so it is reported at once.
func (p *Processor) unfinished(ctx context.Context, item work, plan *progress.Plan, task progress.Task, err error) error {
	if !p.lastChance(item) && !errors.Is(err, object.ErrNotFound) {
		return err
	}
	e, decodeErr := event.Decode(plan.Event)
	if decodeErr != nil {
		return errors.Join(err, decodeErr)
	}
	query, cancel := afterwards(ctx)
	defer cancel()
	markers, _, listErr := p.State.Done(query, task.Key)
	if listErr != nil {
		return errors.Join(err, listErr)
	}
	at := sourceOf(plan.Objects[task.Object])
	at.Offset = task.Range.Start
	p.report(ctx, item, e, at, err, plan.Progress(markers))
	return err
}

// lines publishes the lines that begin in r, and gives the stretches of them
// that are acknowledged. Where it stops early without an error, the time is over.
func (p *Processor) lines(ctx context.Context, item work, plan *progress.Plan, from progress.Object, r progress.Interval) ([]progress.Marker, error) {
	e, err := event.Decode(plan.Event)
	if err != nil {
		return nil, err
	}
	reading, stop := p.untilStopped(ctx)
	defer stop()
	body, size, err := p.Objects.Open(reading, from.Object, max(r.Start-1, 0), r.End)
	if err != nil {
		return nil, err
	}
	defer body.Close()

	outcomes, source := p.Factory.For(e), sourceOf(from)
	scanner := results.NewScanner(body, r.Start, r.End, size, p.MaxLineBytes)
	// Whoever waits for another range's long line until the time is over hands on.
	turn, cancel := context.WithTimeoutCause(reading, item.cutoff.Sub(p.Now()), errNoTurn)
	defer cancel()
	scanner.Share(turn, p.longLines)
	defer scanner.Release()
	acknowledging, enough := outlive(ctx)
	defer enough()
	pending := window{end: r.Start}
	for pending.err == nil && !p.timeIsOver(item) {
		if !scanner.Scan() {
			if scanner.Err() == nil && pending.end < r.End { // blank lines behind the last
				pending.add(acknowledging, nil, r.End, progress.Counts{})
			}
			break
		}
		raw := scanner.Line()
		line := parse(raw)
		var wait func(context.Context) error
		if plan.Mode == progress.Lines {
			wait = p.Results.Publish(ctx, outcomes.Result(resultOf(source, raw, line)))
		}
		pending.add(acknowledging, wait, scanner.Pos(), count(line))
	}
	scanner.Release()
	if err := pending.drain(acknowledging); err != nil {
		return pending.acked, err
	}
	switch err := scanner.Err(); {
	case err != nil && context.Cause(reading) == errStopping:
		// A read that was waited for: what is done is handed on.
	case errors.Is(err, errNoTurn):
	case err != nil:
		return pending.acked, fmt.Errorf("read %s: %w", from.URI(), err)
	}
	return pending.acked, nil
}

var (
	errStopping = errors.New("the instance is told to stop")
	errNoTurn   = errors.New("long lines of other ranges took all the time")
)

// untilStopped gives a context for reads that ends when the instance is told
// to stop: a read may hang for longer than is left then.
func (p *Processor) untilStopped(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-p.Stopping:
			cancel(errStopping)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// timeIsOver reports whether what is left is to be handed on.
func (p *Processor) timeIsOver(item work) bool {
	select {
	case <-p.Stopping:
		return true
	default:
		return p.Now().After(item.cutoff)
	}
}
