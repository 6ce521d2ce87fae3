package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"example.com/gemini-webhook/internal/secret"
)

const (
	ttlJitter       = 10 // per cent of the TTL by which a look-up may come early, so that instances do not look up together
	minBackoff      = 5 * time.Second
	maxBackoff      = time.Minute
	emptyRetry      = time.Second     // an outage with nothing that serves: every delivery is 503 until it ends
	unreadableRetry = 5 * time.Second // not found or denied: an operator is about to repair it
	settleTime      = 5 * time.Second // after a new version was found
)

// cached is the cached set of versions of one secret. It is looked up by
// the request that needs it; while one request does, the others use the set
// there is, or wait where there is none.
type cached struct {
	store   *Store
	name    secret.Name
	overlap time.Duration
	read    func([]byte) ([]secret.Value, error)
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
func (c *cached) peek() (*snapshot, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.store.now()
	set := c.usable(now)
	return set, set != nil && now.Before(c.due)
}

// refresh looks the secret up where that is due. Where another request is at
// it, it waits if there is nothing to serve meanwhile.
func (c *cached) refresh(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.store.now()
	switch {
	case c.loading == nil && !now.Before(c.due):
		c.load(ctx, 0)
	case c.loading != nil && c.usable(now) == nil:
		c.await(ctx)
	}
}

// serving returns the set that serves, or an error that wraps
// [ErrUnavailable]: where there is none, and where the secret cannot be read,
// for it might be the signer's. A secret without a good version is no error.
func (c *cached) serving() (*snapshot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	set, cause := c.usable(c.store.now()), c.cause
	if set.readable() {
		return set, nil
	}
	if set != nil {
		cause = set.err
	}
	if cause == nil {
		cause = errors.New("its look-up is still under way")
	}
	return nil, fmt.Errorf("secret %s: %w", c.name, cause)
}

// usable returns the set, or nil where there is none or it is too old.
func (c *cached) usable(now time.Time) *snapshot {
	if c.set == nil || c.set.err == nil && now.Sub(c.set.loaded) > c.store.config.StaleLimit {
		return nil
	}
	return c.set
}

// probe asks for the version after the newest known, and looks the secret up
// in full where there is one. It says whether there was.
func (c *cached) probe(ctx context.Context) bool {
	c.mu.Lock()
	set := c.usable(c.store.now())
	c.mu.Unlock()
	if !set.readable() {
		return false // refresh sees to it
	}
	next := set.newest + 1
	lookup, cancel := context.WithTimeout(ctx, lookupTimeout)
	_, err := c.store.source.Access(lookup, c.name, next)
	cancel()
	found := err == nil || errors.Is(err, secret.ErrDisabled)
	if !found && !errors.Is(err, secret.ErrDenied) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.loading != nil {
		if !c.await(ctx) {
			return found
		}
	}
	if c.set.newestKnown() < next {
		c.load(ctx, next)
		// Who revokes the older versions disables them after adding this one: they
		// are looked up again soon.
		if soon := c.store.now().Add(settleTime); soon.Before(c.due) {
			c.due = soon
		}
	}
	return found
}

// await waits for the look-up under way. Mu is held, but not while waiting.
func (c *cached) await(ctx context.Context) bool {
	done := c.loading
	c.mu.Unlock()
	defer c.mu.Lock()
	return wait(ctx, done)
}

// load looks the secret up and takes over the answer. Found is a version that
// is known to exist, or 0. Mu is held, but not during the look-up.
func (c *cached) load(ctx context.Context, found int64) {
	done := make(chan struct{})
	c.loading = done
	old := c.set
	c.mu.Unlock()
	lookup, cancel := context.WithTimeout(ctx, lookupTimeout)
	set, err := c.lookup(lookup, old, found)
	cancel()
	c.mu.Lock()
	c.apply(set, err)
	c.loading = nil
	close(done)
}

// apply takes over what a look-up found: a set, or an outage, perhaps with a
// set of what is known in spite of it.
func (c *cached) apply(set *snapshot, err error) {
	old, now, log := c.set, c.store.now(), c.store.config.Log.With("secret", c.name)
	if set != nil {
		c.set = set
	}
	if err == nil {
		c.due = now.Add(jittered(c.store.config.TTL))
		if set.err != nil {
			c.due = now.Add(unreadableRetry)
		}
		logChange(log, old, set, c.failures > 0)
		c.failures, c.cause = 0, nil
		return
	}
	c.cause = err
	c.failures++
	if !c.usable(now).readable() {
		c.due = now.Add(emptyRetry)
	} else {
		c.due = now.Add(min(minBackoff<<min(c.failures-1, 8), maxBackoff))
	}
	if c.failures == 1 {
		log.Warn("secret cannot be looked up, its last versions go on serving if there are any", "error", err, "stale_limit", c.store.config.StaleLimit)
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
