package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	ttlJitter       = 10 // per cent of the TTL by which a look-up may come early, so that instances do not look up together
	minBackoff      = 5 * time.Second
	maxBackoff      = time.Minute
	emptyRetry      = time.Second     // an outage with nothing that serves: every delivery is 503 until it ends
	unreadableRetry = 5 * time.Second // not found or denied: an operator is about to repair it
	settleTime      = 5 * time.Second // after a new version was found
)

// secretSet is the cached set of versions of one secret. It is looked up by
// the request that needs it; while one request does, the others use the set
// there is, or wait where there is none.
type secretSet struct {
	store   *SecretStore
	name    string
	overlap time.Duration
	read    func([]byte) ([]key, error)
	refused map[int64]bool // versions whose refusal is logged; touched by the look-up under way only

	mu       sync.Mutex
	set      *snapshot     // nil until something is known
	due      time.Time     // no look-up before
	failures int           // outages in a row
	loading  chan struct{} // closed when the look-up under way is over; nil if none is
	cause    error         // of the last outage
}

// peek returns what serves without a look-up, and whether that will do: false
// where a look-up is due.
func (s *secretSet) peek() (*snapshot, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.store.now()
	set := s.usable(now)
	return set, set != nil && now.Before(s.due)
}

// refresh looks the secret up where that is due. Where another request is at
// it, it waits if there is nothing to serve meanwhile.
func (s *secretSet) refresh(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.store.now()
	switch {
	case s.loading == nil && !now.Before(s.due):
		s.load(ctx, 0)
	case s.loading != nil && s.usable(now) == nil:
		s.await(ctx)
	}
}

// serving returns the set that serves, or an error that wraps
// [ErrUnavailable]: where there is none, and where the secret cannot be read,
// for it might be the signer's. A secret without a good version is no error.
func (s *secretSet) serving() (*snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set, cause := s.usable(s.store.now()), s.cause
	if set.readable() {
		return set, nil
	}
	if set != nil {
		cause = set.err
	}
	if cause == nil {
		cause = errors.New("its look-up is still under way")
	}
	return nil, fmt.Errorf("%w: secret %s: %w", ErrUnavailable, s.name, cause)
}

// usable returns the set, or nil where there is none or it is too old.
func (s *secretSet) usable(now time.Time) *snapshot {
	if s.set == nil || s.set.err == nil && now.Sub(s.set.loaded) > s.store.config.StaleLimit {
		return nil
	}
	return s.set
}

// probe asks for the version after the newest known, and looks the secret up
// in full where there is one. It says whether there was.
func (s *secretSet) probe(ctx context.Context) bool {
	s.mu.Lock()
	set := s.usable(s.store.now())
	s.mu.Unlock()
	if !set.readable() {
		return false // refresh sees to it
	}
	next := set.newest + 1
	lookup, cancel := context.WithTimeout(ctx, lookupTimeout)
	_, err := s.store.source.Access(lookup, s.name, next)
	cancel()
	found := err == nil || errors.Is(err, ErrSecretDisabled)
	if !found && !errors.Is(err, ErrSecretDenied) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.loading != nil {
		if !s.await(ctx) {
			return found
		}
	}
	if s.set.newestKnown() < next {
		s.load(ctx, next)
		// Who revokes the older versions disables them after adding this one:
		// look again soon.
		if soon := s.store.now().Add(settleTime); soon.Before(s.due) {
			s.due = soon
		}
	}
	return found
}

// await waits for the look-up under way. Mu is held, but not while waiting.
func (s *secretSet) await(ctx context.Context) bool {
	done := s.loading
	s.mu.Unlock()
	defer s.mu.Lock()
	return wait(ctx, done)
}

// load looks the secret up and takes over the answer. Found is a version that
// is known to exist, or 0. Mu is held, but not during the look-up.
func (s *secretSet) load(ctx context.Context, found int64) {
	done := make(chan struct{})
	s.loading = done
	old := s.set
	s.mu.Unlock()
	lookup, cancel := context.WithTimeout(ctx, lookupTimeout)
	set, err := s.lookup(lookup, old, found)
	cancel()
	s.mu.Lock()
	s.apply(set, err)
	s.loading = nil
	close(done)
}

// apply takes over what a look-up found: a set, or an outage, perhaps with a
// set of what is known in spite of it.
func (s *secretSet) apply(set *snapshot, err error) {
	old, now, log := s.set, s.store.now(), s.store.config.Log.With("secret", s.name)
	if set != nil {
		s.set = set
	}
	if err == nil {
		s.due = now.Add(jittered(s.store.config.TTL))
		if set.err != nil {
			s.due = now.Add(unreadableRetry)
		}
		logChange(log, old, set, s.failures > 0)
		s.failures, s.cause = 0, nil
		return
	}
	s.cause = err
	s.failures++
	if !s.usable(now).readable() {
		s.due = now.Add(emptyRetry)
	} else {
		s.due = now.Add(min(minBackoff<<min(s.failures-1, 8), maxBackoff))
	}
	if s.failures == 1 {
		log.Warn("secret cannot be looked up, its last versions go on serving if there are any", "error", err, "stale_limit", s.store.config.StaleLimit)
	}
}

// logChange writes a line where an answer differs from the one before.
func logChange(log *slog.Logger, old, set *snapshot, recovered bool) {
	switch was := old != nil && old.err != nil; {
	case set.err != nil && !was:
		log.Error("secret cannot be read, deliveries that no other secret verifies are answered 503; check its name and the grants on it", "error", set.err)
	case set.err == nil && (was || recovered):
		log.Info("secret can be read again")
	}
}

func jittered(ttl time.Duration) time.Duration {
	return ttl - rand.N(ttl*ttlJitter/100+1)
}
