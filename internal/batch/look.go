package batch

import "context"

// Stored reads the plan that an event's batch has, or ErrNotFound: for tools that look,
// and do not work on it.
func (s *State) Stored(ctx context.Context, key string) (*Plan, error) { return s.plan(ctx, key) }
