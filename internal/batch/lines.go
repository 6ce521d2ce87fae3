package batch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/results"
)

// lines publishes the lines that begin in r, and gives the stretches of them
// that are acknowledged. Where it stops early without an error, the time is over.
func (j *job) lines(ctx context.Context, r Interval) ([]Marker, error) {
	reading, stop := j.untilStopped(ctx)
	defer stop()
	body, size, err := j.Objects.Open(reading, j.object.Object, max(r.Start-1, 0), r.End)
	if err != nil {
		return nil, err
	}
	defer body.Close()

	source := sourceOf(j.object)
	scanner := results.NewScanner(body, r.Start, r.End, size, j.MaxLineBytes)
	// Whoever waits for another range's long line until the time is over hands on.
	slot, cancel := context.WithTimeoutCause(reading, j.task.Cutoff.Sub(j.Now()), errNoSlot)
	defer cancel()
	scanner.Share(slot, j.longLines)
	defer scanner.Release()
	acknowledging, done := extend(ctx)
	defer done()
	pending := window{end: r.Start}
	for pending.err == nil && !j.outOfTime(j.task) {
		if !scanner.Scan() {
			if scanner.Err() == nil && pending.end < r.End { // blank lines behind the last
				pending.add(acknowledging, nil, r.End, Counts{})
			}
			break
		}
		raw := scanner.Line()
		line := parse(raw)
		var wait func(context.Context) error
		if j.plan.Mode == Lines {
			wait = j.Results.Publish(ctx, j.outcomes.Result(resultOf(source, raw, line)))
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
	case errors.Is(err, errNoSlot):
	case err != nil:
		return pending.acked, fmt.Errorf("read %s: %w", j.object.URI(), err)
	}
	return pending.acked, nil
}

var (
	errStopping = errors.New("the instance is told to stop")
	errNoSlot   = errors.New("long lines of other ranges took all the time")
)

// untilStopped gives a context for reads that ends when the instance stops: a
// read may hang for longer than is left then.
func (j *job) untilStopped(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-j.Stopping:
			cancel(errStopping)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// extend gives a context that ends grace after ctx.
func extend(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return longer, func() { stop(); cancel() }
}

func parse(raw results.RawLine) results.Line {
	if raw.TooLong {
		return results.TooLong(raw.Prefix)
	}
	return results.Parse(raw.Data)
}

// count is what one line adds to the batch's totals.
func count(line results.Line) Counts {
	c := Counts{Total: 1}
	switch line.Status {
	case results.StatusSucceeded:
		c.Succeeded = 1
	case results.StatusFailed:
		c.Failed = 1
	default:
		c.Invalid = 1
	}
	if u := line.Usage; u != nil {
		c.PromptTokens, c.CandidatesTokens = u.PromptTokens, u.CandidatesTokens
		c.ThoughtsTokens, c.TotalTokens = u.ThoughtsTokens, u.TotalTokens
	}
	return c
}

// sourceOf is an object as the source of its lines.
func sourceOf(o Planned) outcome.Source {
	return outcome.Source{URI: o.URI(), Generation: generation(o), Encoding: o.Encoding}
}

// resultOf maps a line of a source to its outcome.
func resultOf(source outcome.Source, raw results.RawLine, line results.Line) outcome.Result {
	source.Offset, source.Length = raw.Offset, raw.Length
	r := outcome.Result{
		Source:       source,
		Status:       line.Status,
		FinishReason: line.FinishReason,
		ModelVersion: line.ModelVersion,
		Response:     line.Response,
		Request:      line.Request,
	}
	if line.HasKey {
		r.Key = &line.Key
	}
	if line.HasText {
		r.Text = &line.Text
	}
	if u := line.Usage; u != nil {
		r.Usage = &outcome.Usage{
			Prompt:     present(&u.PromptTokens, u.HasPromptTokens),
			Candidates: present(&u.CandidatesTokens, u.HasCandidatesTokens),
			Thoughts:   present(&u.ThoughtsTokens, u.HasThoughtsTokens),
			Total:      present(&u.TotalTokens, u.HasTotalTokens),
		}
	}
	if line.Error != nil {
		r.Error = &outcome.Error{Code: line.Error.Code, Message: line.Error.Message, Status: line.Error.Status}
	}
	return r
}

func present(n *int64, has bool) *int64 {
	if !has {
		return nil
	}
	return n
}

func generation(o Planned) string {
	if o.Generation == 0 {
		return ""
	}
	return strconv.FormatInt(o.Generation, 10)
}
