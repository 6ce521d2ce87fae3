package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Definite answers of a [SecretSource], which adapters wrap. Any other error
// counts as an outage, during which what was loaded before goes on serving.
var (
	// ErrSecretNotFound: there is no such secret, or no such version of it.
	ErrSecretNotFound = errors.New("the secret or its version does not exist")
	// ErrSecretDenied: this service may not read the secret.
	ErrSecretDenied = errors.New("reading the secret is not permitted")
	// ErrSecretDisabled: the version exists and is disabled or destroyed.
	ErrSecretDisabled = errors.New("the secret's version is disabled or destroyed")
)

// Version is one version of a secret, without its payload.
type Version struct {
	Number  int64     // 1 is the first
	Enabled bool      // neither disabled nor destroyed
	Created time.Time // starts the overlap of the version before it
}

// SecretSource reads secrets; Secret Manager in production. Both methods take
// the name projects/P/secrets/S and must return when the context ends.
type SecretSource interface {
	// Versions lists every version whatever its state, newest first. It may lag
	// behind Access, as Secret Manager's list does.
	Versions(ctx context.Context, secret string) ([]Version, error)
	// Access returns a version's payload. It must know a version as soon as it
	// was added: new versions are found by it.
	Access(ctx context.Context, secret string, number int64) ([]byte, error)
}

// SecretConfig is how secrets are cached. Every field is required but Revoked.
type SecretConfig struct {
	TTL        time.Duration    // how long loaded versions are used before they are looked up again
	StaleLimit time.Duration    // how long they serve while that fails
	Revoked    []string         // projects/P/secrets/S/versions/N, never accepted
	Now        func() time.Time // the clock
	Log        *slog.Logger     // gets names of secrets and versions, never a payload
}

const (
	lookupTimeout = 2 * time.Second // one look-up; a list and an access take some 50 ms
	waitTimeout   = 3 * time.Second // all look-ups of one delivery; Gemini wants its answer in a few seconds

	// Probing for new versions, over all secrets of an instance. SPEC.md promises
	// that a new version is accepted within 5 s of its first delivery, and that
	// strangers cause few look-ups. Who sends forgeries can have one round every
	// 5 s. After 12 fruitless rounds without a quiet minute the interval
	// doubles, up to a minute: under a sustained flood, and only then, a new
	// version waits up to that long (or for the TTL, whichever is first).
	probeInterval    = 5 * time.Second
	maxProbeInterval = time.Minute
	patientRounds    = 12
	quietTime        = time.Minute
)

// SecretStore is one instance's access to its secrets. It limits, over all of
// them, how often mismatches may cause a look for new versions.
type SecretStore struct {
	source  SecretSource
	config  SecretConfig
	revoked map[string]bool

	mu           sync.Mutex
	secrets      []*secretSet
	round        chan struct{} // closed when the round under way is over; nil if none is
	lastRound    time.Time
	lastMismatch time.Time
	fruitless    int // rounds in a row that found nothing

	// owed is when the round may start that a mismatch wanted when none was due,
	// in Unix nanoseconds; 0 is none. See pay.
	owed atomic.Int64
}

// NewSecretStore returns a store that reads from source. It looks nothing up yet.
func NewSecretStore(source SecretSource, config SecretConfig) *SecretStore {
	st := &SecretStore{source: source, config: config, revoked: make(map[string]bool)}
	for _, name := range config.Revoked {
		st.revoked[name] = true
	}
	return st
}

// add registers a secret. Read turns a version's payload into keys, or says why it is refused.
func (st *SecretStore) add(name string, overlap time.Duration, read func([]byte) ([]key, error)) *secretSet {
	s := &secretSet{store: st, name: name, overlap: overlap, read: read, refused: make(map[int64]bool)}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.secrets = append(st.secrets, s)
	return s
}

// now is the wall clock: a monotonic one may stand still while the instance is frozen.
func (st *SecretStore) now() time.Time { return st.config.Now().Round(0) }

func (st *SecretStore) isRevoked(secret string, number int64) bool {
	return len(st.revoked) > 0 && st.revoked[fmt.Sprintf("%s/versions/%d", secret, number)]
}

// probe looks for versions newer than those known, of every secret, after a
// delivery that none verified. It returns when a round is over, its own or one
// under way, and at once where none is due. Every secret is probed, so that
// forgeries aimed at one do not use up the rounds of another.
func (st *SecretStore) probe(ctx context.Context) {
	st.mu.Lock()
	now := st.now()
	if now.Sub(st.lastMismatch) >= quietTime {
		st.fruitless = 0
	}
	st.lastMismatch = now
	st.mu.Unlock()
	st.look(ctx)
}

// pay makes up for a mismatch that came when no round was due, after a delivery
// that was verified: without it a key that was revoked is accepted until the TTL
// is over if the delivery that would have shown the new one came too early. The
// delivery does not wait.
func (st *SecretStore) pay() {
	if owed := st.owed.Load(); owed == 0 || st.now().UnixNano() < owed {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
		defer cancel()
		st.look(ctx)
	}()
}

// look makes a round, or waits for the one under way, or notes that one is owed
// where none is due.
func (st *SecretStore) look(ctx context.Context) {
	st.mu.Lock()
	now := st.now()
	if round := st.round; round != nil {
		st.mu.Unlock()
		wait(ctx, round)
		return
	}
	if interval := probeEvery(st.fruitless); now.Sub(st.lastRound) < interval {
		st.owed.Store(st.lastRound.Add(interval).UnixNano())
		st.mu.Unlock()
		return
	}
	round := make(chan struct{})
	st.round, st.lastRound = round, now
	st.owed.Store(0)
	secrets := st.secrets
	st.mu.Unlock()

	results := make([]bool, len(secrets))
	var wg sync.WaitGroup
	for i, s := range secrets {
		wg.Go(func() { results[i] = s.probe(ctx) })
	}
	wg.Wait()

	st.mu.Lock()
	defer st.mu.Unlock()
	if st.fruitless++; slices.Contains(results, true) {
		st.fruitless = 0
	}
	st.round = nil
	close(round)
}

func probeEvery(fruitless int) time.Duration {
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
