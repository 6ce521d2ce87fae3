package store

import (
	"context"
	"slices"
	"sync"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/verify"
)

// Match implements [verify.Secrets]: it returns the accepted version that m takes, of the
// first of the secrets that has one. It first tries what is cached, then looks up
// what is due, then probes for new versions if probe says that a mismatch may
// cause that. The error says that none of them matches but one cannot be read,
// which might.
func (s *Set) Match(ctx context.Context, m verify.Matcher, probe bool) (found verify.Version, ok bool, err error) {
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
		if found, ok = c.matches(set, m); ok {
			s.store.probePending()
			return found, true, nil
		}
	}
	return s.matchSlowly(ctx, slices.Clone(tried), missing, probe, m)
}

// matchSlowly looks up what is due and what may be new.
func (s *Set) matchSlowly(ctx context.Context, tried []*snapshot, missing int, probe bool, m verify.Matcher) (found verify.Version, ok bool, err error) {
	// Look-ups go on when the client has hung up, for others may be waiting for
	// them.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), waitTimeout)
	defer cancel()
	if missing > 0 {
		s.lookUp(ctx, tried)
		if found, ok = s.retry(tried, m); ok {
			return found, true, nil
		}
	}
	if probe && slices.ContainsFunc(tried, (*snapshot).readable) {
		s.store.probe(ctx)
		if found, ok = s.retry(tried, m); ok {
			return found, true, nil
		}
	}
	for _, c := range s.secrets {
		if _, err := c.serving(); err != nil {
			return verify.Version{}, false, err
		}
	}
	return verify.Version{}, false, nil
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
func (s *Set) retry(tried []*snapshot, m verify.Matcher) (found verify.Version, ok bool) {
	for i, c := range s.secrets {
		set, err := c.serving()
		if err != nil || set == tried[i] {
			continue
		}
		tried[i] = set
		if found, ok = c.matches(set, m); ok {
			return found, true
		}
	}
	return verify.Version{}, false
}

// matches says whether m takes a value that is accepted now, and of which version
// it is.
func (c *cached) matches(set *snapshot, m verify.Matcher) (found verify.Version, ok bool) {
	now := c.store.now()
	for i := range set.versions {
		v := &set.versions[i]
		if !now.Before(v.until) {
			continue
		}
		for _, value := range v.values {
			if m.Match(value.Reveal()) {
				found = verify.Version{Secret: string(c.name), Created: v.created}
				if !v.until.Equal(secret.Forever) {
					found.Until = v.until
				}
				return found, true
			}
		}
	}
	return verify.Version{}, false
}
