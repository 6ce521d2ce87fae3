package batch

import (
	"context"

	"example.com/gemini-webhook/internal/outcome"
)

// View is how far the work on an event has come, for people.
type View struct {
	Plan      *Plan
	Parts     []Part // in the plan's order
	Completed bool   // batch.completed is published
}

// Part is one range of a plan.
type Part struct {
	Object   int // index into Plan.Objects
	Interval     // of an object whose length is not known: to the largest number
	Done     bool
	Counts   outcome.Counts // of the lines from its start on that are done
}

// View reads the plan of an event and what is done of it. It is ErrNotFound where there
// is no plan (yet).
func (s *State) View(ctx context.Context, key string) (View, error) {
	plan, err := s.plan(ctx, key)
	if err != nil {
		return View{}, err
	}
	now, err := s.standing(ctx, key, plan)
	if err != nil {
		return View{}, err
	}
	v := View{Plan: plan, Completed: now.completed}
	for i, o := range plan.Objects {
		starts := byStart(now.markers[i], o)
		for k, r := range o.ranges() {
			pos, counts := reach(starts[k], r)
			v.Parts = append(v.Parts, Part{i, r, pos >= r.End, counts})
		}
	}
	return v, nil
}
