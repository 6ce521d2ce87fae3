// Package store caches the versions of secrets, so that a delivery costs no call
// to Secret Manager: it is the [verify.Secrets] of the receiver.
//
// Secrets are looked up by the delivery that needs them, for the CPU of an
// instance is frozen between requests: there are no timers. The one thing that
// is not waited for is a round of probes that an earlier delivery wanted too
// soon; it ends within 3 s.
package store

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.com/gemini-webhook/internal/secret"
)

// Source reads secrets; Secret Manager in production. Its definite answers are
// those of package secret; any other error counts as an outage, during which
// what was loaded before goes on serving. Both methods must return when the
// context ends.
type Source interface {
	// Versions lists every version whatever its state. It may lag behind Access,
	// as Secret Manager's list does.
	Versions(ctx context.Context, name secret.Name) ([]secret.Version, error)
	// Access returns a version's payload. It must know a version as soon as it
	// was added: new versions are found by it.
	Access(ctx context.Context, name secret.Name, number int64) (secret.Value, error)
}

// Config is how secrets are cached. Every field is required but Revoked.
type Config struct {
	TTL        time.Duration        // how long loaded versions are used before they are looked up again
	StaleLimit time.Duration        // how long they serve while that fails
	Revoked    []secret.VersionName // never accepted
	Now        func() time.Time     // the clock
	Log        *slog.Logger         // gets names of secrets and versions, never a payload
}

const (
	lookupTimeout = 2 * time.Second // one look-up; a list and an access take some 50 ms
	waitTimeout   = 3 * time.Second // all look-ups of one delivery; Gemini wants its answer in a few seconds

	// Probing for new versions, over all secrets of an instance. The contract
	// promises that a new version is accepted within 5 s of its first delivery, and
	// that strangers cause few look-ups. Who sends forgeries can have one round
	// every 5 s. After 12 fruitless rounds without a quiet minute the interval
	// doubles, up to a minute: under a sustained flood, and only then, a new
	// version waits up to that long (or for the TTL, whichever is first).
	probeInterval    = 5 * time.Second
	maxProbeInterval = time.Minute
	patientRounds    = 12
	quietTime        = time.Minute
)

// Store is one instance's access to its secrets. It limits, over all of them,
// how often mismatches may cause probes for new versions.
type Store struct {
	source  Source
	config  Config
	revoked map[secret.VersionName]bool

	mu           sync.Mutex
	secrets      []*cached
	round        chan struct{} // closed when the round of probes under way is over; nil if none is
	lastRound    time.Time
	lastMismatch time.Time
	fruitless    int // rounds in a row that found nothing

	// pending is when the round may start that a mismatch wanted when none was due,
	// in Unix nanoseconds; 0 is none. See probePending.
	pending atomic.Int64
}

// New returns a store that reads from source. It looks nothing up yet.
func New(source Source, config Config) *Store {
	st := &Store{source: source, config: config, revoked: make(map[secret.VersionName]bool)}
	for _, version := range config.Revoked {
		st.revoked[version] = true
	}
	return st
}

// Set is some secrets of a store that serve one purpose.
type Set struct {
	store   *Store
	secrets []*cached
}

// Set returns secrets of the store. Overlap is how long a version is accepted
// after the next one was created; read turns a version's payload into the values
// to match with, or says why it is refused. It looks nothing up yet.
func (st *Store) Set(names []secret.Name, overlap time.Duration, read func(payload []byte) ([]secret.Value, error)) *Set {
	set := &Set{store: st}
	for _, name := range names {
		set.secrets = append(set.secrets, &cached{store: st, name: name, overlap: overlap, read: read, refused: make(map[int64]bool)})
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.secrets = append(st.secrets, set.secrets...)
	return set
}

// now is the wall clock: a monotonic one may stand still while the instance is frozen.
func (st *Store) now() time.Time { return st.config.Now().Round(0) }

// probe looks for versions newer than those known, of every secret, after a
// delivery that none verified. It returns when a round is over, its own or one
// under way, and at once where none is due. Every secret is probed, so that
// forgeries aimed at one do not use up the rounds of another.
func (st *Store) probe(ctx context.Context) {
	st.mu.Lock()
	now := st.now()
	if now.Sub(st.lastMismatch) >= quietTime {
		st.fruitless = 0
	}
	st.lastMismatch = now
	st.mu.Unlock()
	st.probeRound(ctx)
}

// probePending makes the round that is pending, if it is due, after a delivery
// that was verified: without it a key that was revoked is accepted until the TTL
// is over if the delivery that would have shown the new one came too early. The
// delivery does not wait.
func (st *Store) probePending() {
	if pending := st.pending.Load(); pending == 0 || st.now().UnixNano() < pending {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
		defer cancel()
		st.probeRound(ctx)
	}()
}

// probeRound makes a round, or waits for the one under way, or leaves one
// pending where none is due.
func (st *Store) probeRound(ctx context.Context) {
	st.mu.Lock()
	now := st.now()
	if round := st.round; round != nil {
		st.mu.Unlock()
		wait(ctx, round)
		return
	}
	if interval := backoff(st.fruitless); now.Sub(st.lastRound) < interval {
		st.pending.Store(st.lastRound.Add(interval).UnixNano())
		st.mu.Unlock()
		return
	}
	round := make(chan struct{})
	st.round, st.lastRound = round, now
	st.pending.Store(0)
	secrets := st.secrets
	st.mu.Unlock()

	found := make([]bool, len(secrets))
	var wg sync.WaitGroup
	for i, s := range secrets {
		wg.Go(func() { found[i] = s.probe(ctx) })
	}
	wg.Wait()

	st.mu.Lock()
	defer st.mu.Unlock()
	if st.fruitless++; slices.Contains(found, true) {
		st.fruitless = 0
	}
	st.round = nil
	close(round)
}

// backoff is the interval between rounds after so many fruitless ones.
func backoff(fruitless int) time.Duration {
	interval := probeInterval
	for n := fruitless; n >= patientRounds && interval < maxProbeInterval; n-- {
		interval *= 2
	}
	return min(interval, maxProbeInterval)
}

// wait returns when done is closed, or with false when ctx ends before.
func wait(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}
