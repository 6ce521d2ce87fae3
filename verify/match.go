package verify

import (
	"context"
	"slices"
	"sync"
)

// claim is what a secret of ours may have made: a signature, a token.
type claim interface{ madeBy(key) bool }

// match returns the first of some secrets with a version, of those that count
// now, that made what is claimed. It first tries what is cached, then looks up
// what is due, then looks for new versions if probe says that a mismatch may
// cause that. Nil is the answer that none made it; the error, which wraps
// [ErrUnavailable], that none did but one cannot be read, which might.
func (st *SecretStore) match(ctx context.Context, secrets []*secretSet, probe bool, c claim) (*secretSet, error) {
	var few [8]*snapshot // stays on the stack
	tried := append(few[:0], make([]*snapshot, len(secrets))...)
	missing := 0
	for i, secret := range secrets {
		set, fresh := secret.peek()
		if !fresh {
			missing++
			continue
		}
		tried[i] = set
		if secret.made(set, c) {
			st.pay()
			return secret, nil
		}
	}
	return st.matchSlowly(ctx, secrets, slices.Clone(tried), missing, probe, c)
}

// matchSlowly looks up what is due and what may be new.
func (st *SecretStore) matchSlowly(ctx context.Context, secrets []*secretSet, tried []*snapshot, missing int, probe bool, c claim) (*secretSet, error) {
	// Look-ups go on when the client has hung up, for others may be waiting for
	// them.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), waitTimeout)
	defer cancel()
	if missing > 0 {
		lookUp(ctx, secrets, tried)
		if secret := retry(secrets, tried, c); secret != nil {
			return secret, nil
		}
	}
	if probe && slices.ContainsFunc(tried, (*snapshot).readable) {
		st.probe(ctx)
		if secret := retry(secrets, tried, c); secret != nil {
			return secret, nil
		}
	}
	for _, secret := range secrets {
		if _, err := secret.serving(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// lookUp brings in the secrets that were not tried, together: one that hangs
// does not use up the time of the next.
func lookUp(ctx context.Context, secrets []*secretSet, tried []*snapshot) {
	var wg sync.WaitGroup
	for i, secret := range secrets {
		if tried[i] == nil {
			wg.Go(func() { secret.refresh(ctx) })
		}
	}
	wg.Wait()
}

// retry tries every set that has changed since it was tried.
func retry(secrets []*secretSet, tried []*snapshot, c claim) *secretSet {
	for i, secret := range secrets {
		set, err := secret.serving()
		if err != nil || set == tried[i] {
			continue
		}
		tried[i] = set
		if secret.made(set, c) {
			return secret
		}
	}
	return nil
}

// made says whether a key of the set that counts now made what is claimed.
func (s *secretSet) made(set *snapshot, c claim) bool {
	for keys := range set.accepted(s.store.now(), s.overlap) {
		for _, k := range keys {
			if c.madeBy(k) {
				return true
			}
		}
	}
	return false
}
