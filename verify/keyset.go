package verify

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

const (
	fetchTimeout     = 2 * time.Second
	fetchInterval    = 5 * time.Second // between two fetches, whatever asks for them
	maxJWKSBytes     = 256 << 10       // Google's are under 4 KiB
	minKeysAge       = time.Minute     // max-age is honoured between these two
	maxKeysAge       = time.Hour
	defaultKeysAge   = 5 * time.Minute // where the answer names none
	maxJWKSRedirects = 3
)

// KeySetConfig is where keys come from. Every field is required.
type KeySetConfig struct {
	URL        string           // of the JWKS
	StaleLimit time.Duration    // how long the last good set serves while fetching fails
	Now        func() time.Time // the clock
	Log        *slog.Logger
}

// KeySet is a JWKS, cached. It is fetched by the request that needs it, one at
// a time, and at most once every 5 s whatever strangers send: when its max-age
// (an hour at most) has passed, when a token names a key that it lacks, and
// when none of its Ed25519 keys made a signature.
// While a fetch is under way, requests that the current set can serve do not wait.
type KeySet struct {
	config KeySetConfig
	client *http.Client

	mu        sync.Mutex
	keys      *publicKeys
	loaded    time.Time // of the last good fetch; zero before
	expires   time.Time
	lastFetch time.Time     // start of the last fetch, good or not
	fetching  chan struct{} // closed when the fetch under way is over; nil if none is
	cause     error         // of the last failure; nil after a good fetch
}

// NewKeySet returns a key set. It fetches nothing yet.
func NewKeySet(config KeySetConfig) *KeySet {
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DisableKeepAlives:      true, // a connection would be dead by the next fetch
		MaxResponseHeaderBytes: 64 << 10,
	}
	return &KeySet{config: config, client: &http.Client{Transport: transport, CheckRedirect: sameOrigin}}
}

// RSA returns the key of that kid for RS256. Errors: [ErrUnknownKey];
// [ErrUnavailable] where no set was ever loaded, or none within the stale limit.
func (s *KeySet) RSA(ctx context.Context, kid string) (*rsa.PublicKey, error) {
	return s.rsaKey(ctx, kid, true)
}

// rsaKey does RSA; refetch says whether an unknown kid may cause a fetch.
func (s *KeySet) rsaKey(ctx context.Context, kid string, refetch bool) (*rsa.PublicKey, error) {
	keys, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	if k, ok := keys.rsa[kid]; ok {
		return k, nil
	}
	if refetch {
		if keys, err = s.newer(ctx); err != nil {
			return nil, err
		}
		if k, ok := keys.rsa[kid]; ok {
			return k, nil
		}
	}
	return nil, fmt.Errorf("%w among %d", ErrUnknownKey, len(keys.rsa))
}

// verifyEd25519 returns nil where an Ed25519 key of the set made one of the
// signatures. Errors: [ErrSignatureMismatch], and [ErrUnavailable] as RSA.
// Refetch says whether a mismatch may cause a fetch, for the key may be new.
func (s *KeySet) verifyEd25519(ctx context.Context, message []byte, signatures [][]byte, refetch bool) error {
	keys, err := s.current(ctx)
	if err != nil {
		return err
	}
	if keys.signed(message, signatures) {
		return nil
	}
	if refetch {
		newer, err := s.newer(ctx)
		if err != nil {
			return err
		}
		if newer != keys && newer.signed(message, signatures) {
			return nil
		}
		keys = newer
	}
	return fmt.Errorf("%w: v1a is of none of the %d Ed25519 keys", ErrSignatureMismatch, len(keys.ed25519))
}

// current returns the set, fetched first where it has expired.
func (s *KeySet) current(ctx context.Context) (*publicKeys, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if !s.usable(now) || s.fetching == nil && !now.Before(s.expires) {
		s.fetch(ctx, now)
	}
	return s.serving()
}

// newer returns the set after a fetch, its own or one under way, and the set
// as it is where it is too early for one.
func (s *KeySet) newer(ctx context.Context) (*publicKeys, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetch(ctx, s.now())
	return s.serving()
}

func (s *KeySet) now() time.Time { return s.config.Now().Round(0) } // see SecretStore.now

func (s *KeySet) usable(now time.Time) bool {
	return !s.loaded.IsZero() && now.Sub(s.loaded) <= s.config.StaleLimit
}

func (s *KeySet) serving() (*publicKeys, error) {
	if s.usable(s.now()) {
		return s.keys, nil
	}
	cause := s.cause
	if cause == nil {
		cause = errors.New("its fetch is still under way")
	}
	return nil, fmt.Errorf("%w: key set: %w", ErrUnavailable, cause)
}

// fetch fetches the set, or waits for the fetch under way, or does nothing
// where it is too early. Mu is held, but not while waiting.
func (s *KeySet) fetch(ctx context.Context, now time.Time) {
	if done := s.fetching; done != nil {
		s.mu.Unlock()
		defer s.mu.Lock()
		wait(ctx, done)
		return
	}
	if now.Sub(s.lastFetch) < fetchInterval {
		return
	}
	done := make(chan struct{})
	s.fetching, s.lastFetch = done, now
	s.mu.Unlock()
	var keys *publicKeys
	var age time.Duration
	err := errors.New("the fetch did not finish")
	defer func() { // also after a panic
		s.mu.Lock()
		s.fetching = nil
		s.apply(keys, age, err)
		close(done)
	}()
	// It goes on when the client hangs up, for others may be waiting.
	fetching, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	keys, age, err = s.get(fetching)
}

func (s *KeySet) apply(keys *publicKeys, age time.Duration, err error) {
	now := s.now()
	if err == nil {
		keys.startWith(s.keys)
		s.keys, s.loaded, s.expires = keys, now, now.Add(age)
		if s.cause != nil {
			s.config.Log.Info("key set can be fetched again", "url", s.config.URL)
		}
	} else if s.cause == nil {
		s.config.Log.Warn("key set cannot be fetched, the last one goes on serving if there is one", "url", s.config.URL, "error", err, "stale_limit", s.config.StaleLimit)
	}
	s.cause = err
}

// get makes the request, and returns the keys and how long they may be used.
func (s *KeySet) get(ctx context.Context) (*publicKeys, time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.config.URL, nil)
	if err != nil {
		return nil, 0, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("status %d", response.StatusCode)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, maxJWKSBytes+1))
	if err != nil {
		return nil, 0, err
	}
	if len(document) > maxJWKSBytes {
		return nil, 0, fmt.Errorf("the document is over %d bytes", maxJWKSBytes)
	}
	keys, err := parseJWKS(document)
	return keys, keysAge(response.Header), err
}
