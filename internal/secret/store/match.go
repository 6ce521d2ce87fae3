package store

import (
	"context"
	"slices"
	"sync"

	"example.com/gemini-webhook/verify"
)

// Match implements [verify.Secrets]: it returns the first of the secrets with an
// accepted version that m takes. It first tries what is cached, then looks up
// what is due, then probes for new versions if probe says that a mismatch may
// cause that. The error says that none of them matches but one cannot be read,
// which might.
func (s *Set) Match(ctx context.Context, m verify.Matcher, probe bool) (name string, ok bool, err error) {
	var few [8]*snapshot // stays on the stack
	tried := append(few[:0], make([]*snapshot, len(s.secrets))...)
	missing := 0
	for i, c := range s.secrets {
		set, fresh := c.peek()
		if !fresh {
			missing++
			continue
		}
		tried[i] = set
		if c.matches(set, m) {
			s.store.probePending()
			return string(c.name), true, nil
		}
	}
	c, err := s.matchSlowly(ctx, slices.Clone(tried), missing, probe, m)
	if c == nil {
		return "", false, err
	}
	return string(c.name), true, nil
}

// matchSlowly looks up what is due and what may be new.
func (s *Set) matchSlowly(ctx context.Context, tried []*snapshot, missing int, probe bool, m verify.Matcher) (*cached, error) {
	// Look-ups go on when the client has hung up, for others may be waiting for
	// them.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), waitTimeout)
	defer cancel()
	if missing > 0 {
		s.lookUp(ctx, tried)
		if c := s.retry(tried, m); c != nil {
			return c, nil
		}
	}
	if probe && slices.ContainsFunc(tried, (*snapshot).readable) {
		s.store.probe(ctx)
		if c := s.retry(tried, m); c != nil {
			return c, nil
		}
	}
	for _, c := range s.secrets {
		if _, err := c.serving(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// lookUp brings in the secrets that were not tried, together: one that hangs
// does not use up the time of the next.
func (s *Set) lookUp(ctx context.Context, tried []*snapshot) {
	var wg sync.WaitGroup
	for i, c := range s.secrets {
		if tried[i] == nil {
			wg.Go(func() { c.refresh(ctx) })
		}
	}
	wg.Wait()
}

// retry tries every secret whose versions have changed since they were tried.
func (s *Set) retry(tried []*snapshot, m verify.Matcher) *cached {
	for i, c := range s.secrets {
		set, err := c.serving()
		if err != nil || set == tried[i] {
			continue
		}
		tried[i] = set
		if c.matches(set, m) {
			return c
		}
	}
	return nil
}

// matches says whether m takes a value that is accepted now.
func (c *cached) matches(set *snapshot, m verify.Matcher) bool {
	now := c.store.now()
	for i := range set.versions {
		v := &set.versions[i]
		if !now.Before(v.until) {
			continue
		}
		for _, value := range v.values {
			if m.Match(value.Reveal()) {
				return true
			}
		}
	}
	return false
}
