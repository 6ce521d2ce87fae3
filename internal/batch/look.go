package batch

import (
	"context"

	"example.com/gemini-webhook/internal/outcome"
)

// Stored reads the plan that an event's batch has, or ErrNotFound: for those that look,
// and do not work on it.
func (s *State) Stored(ctx context.Context, key string) (*Plan, error) { return s.plan(ctx, key) }

// Counts gives what the published lines of a plan came to, and whether that is all of
// them.
func (s *State) Counts(ctx context.Context, key string, plan *Plan) (counts outcome.Counts, whole bool, err error) {
	now, err := s.standing(ctx, key, plan)
	return now.sum.counts, now.sum.missing == 0, err
}
