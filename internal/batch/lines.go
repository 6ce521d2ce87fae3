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
	body, size, err := j.Source.Objects.Open(reading, j.object.Object, max(r.Start-1, 0), r.End)
	if err != nil {
		return nil, err
	}
	defer body.Close()

	source := sourceOf(j.object)
	scanner := results.NewScanner(body, r.Start, r.End, size, j.MaxLineBytes)
	acknowledging, done := extend(ctx)
	defer done()
	pending := window{end: r.Start}
	for pending.err == nil && !j.outOfTime(j.task) {
		if !scanner.Scan() {
			if scanner.Err() == nil && pending.end < r.End { // blank lines behind the last
				pending.add(acknowledging, nil, r.End, outcome.Counted{})
			}
			break
		}
		raw := scanner.Line()
		line := raw.Parse()
		var wait func(context.Context) error
		if j.plan.Mode == Lines {
			source.Offset, source.Length = raw.Offset, raw.Length
			wait = j.Results.Publish(ctx, j.outcomes.Result(source, line))
		}
		pending.add(acknowledging, wait, scanner.Pos(), line.Count())
	}
	if err := pending.drain(acknowledging); err != nil {
		return pending.acked, err
	}
	switch err := scanner.Err(); {
	case err != nil && context.Cause(reading) == errStopping:
		// A read that was waited for: what is done is handed on.
	case err != nil:
		return pending.acked, fmt.Errorf("read %s: %w", j.object.URI(), err)
	}
	return pending.acked, nil
}

var errStopping = errors.New("the instance stops")

// extend gives a context that ends grace after ctx.
func extend(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return longer, func() { stop(); cancel() }
}

// sourceOf is an object as the source of its lines.
func sourceOf(o Planned) outcome.Source {
	s := outcome.Source{URI: o.URI(), Encoding: o.Encoding, Origin: o.Origin}
	if o.Generation != 0 {
		s.Generation = strconv.FormatInt(o.Generation, 10)
	}
	return s
}
