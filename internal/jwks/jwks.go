// Package jwks fetches, parses and caches a JSON Web Key Set: it is the
// [verify.KeySet] of the receiver, for Gemini's keys and for Google's.
//
// A set is fetched by the request that needs it, for the CPU of an instance is
// frozen between requests: there are no goroutines and no timers.
package jwks

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"example.com/gemini-webhook/verify"
)

// Config is where keys come from. Every field is required.
type Config struct {
	URL        string           // of the JWKS
	StaleLimit time.Duration    // how long the last good set serves while fetching fails
	Now        func() time.Time // the clock
	Log        *slog.Logger
}

// Set is a JWKS, cached. It is fetched one at a time, and at most once every 5 s
// whatever strangers send: when its max-age (an hour at most) has passed, and
// when a key is missed. While a fetch is under way, requests that the current
// keys can serve do not wait.
type Set struct {
	config Config
	client *http.Client
	flight singleflight.Group

	mu        sync.Mutex
	keys      []verify.Key
	loaded    time.Time // of the last good fetch; zero before
	expires   time.Time
	lastFetch time.Time // start of the last fetch, good or not
	fetching  bool      // a fetch is under way, or about to be
	cause     error     // of the last failure; nil after a good fetch
}

// New returns a key set. It fetches nothing yet.
func New(config Config) *Set { return &Set{config: config, client: newClient()} }

// Keys implements [verify.KeySet]: it returns RSA keys for RS256 and Ed25519
// keys, fetched anew where they have expired, or where one is missed and it is
// not too early. The error says why none was ever loaded, or none within the
// stale limit.
func (s *Set) Keys(ctx context.Context, missed bool) ([]verify.Key, error) {
	s.mu.Lock()
	now := s.now()
	usable := s.usable(now)
	begin := !s.fetching && (missed || !usable || !now.Before(s.expires)) && now.Sub(s.lastFetch) >= fetchInterval
	if begin {
		s.fetching, s.lastFetch = true, now
	}
	join := s.fetching && (begin || missed || !usable)
	s.mu.Unlock()
	if join {
		// It goes on when the client hangs up, for others may be waiting.
		_, _, _ = s.flight.Do("", func() (any, error) { s.fetch(context.WithoutCancel(ctx)); return nil, nil })
	}
	return s.serving()
}

// now is the wall clock: a monotonic one may stand still while the instance is frozen.
func (s *Set) now() time.Time { return s.config.Now().Round(0) }

func (s *Set) usable(now time.Time) bool {
	return !s.loaded.IsZero() && now.Sub(s.loaded) <= s.config.StaleLimit
}

func (s *Set) serving() ([]verify.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.usable(s.now()) {
		return s.keys, nil
	}
	if s.cause == nil {
		return nil, errors.New("it was fetched longer ago than it may serve, and it is too early for another fetch")
	}
	return nil, s.cause
}

// fetch makes the fetch that was begun, unless it is over already.
func (s *Set) fetch(ctx context.Context) {
	s.mu.Lock()
	begun := s.fetching
	s.mu.Unlock()
	if !begun {
		return
	}
	err := errors.New("the fetch did not finish")
	var keys []verify.Key
	var age time.Duration
	defer func() { s.finish(keys, age, err) }() // also after a panic
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	keys, age, err = s.get(ctx)
}

func (s *Set) finish(keys []verify.Key, age time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, log := s.now(), s.config.Log.With("url", s.config.URL)
	switch {
	case err == nil:
		s.keys, s.loaded, s.expires = keys, now, now.Add(age)
		if s.cause != nil {
			log.Info("key set can be fetched again")
		}
	case s.cause == nil:
		log.Warn("key set cannot be fetched, the last one goes on serving if there is one", "error", err, "stale_limit", s.config.StaleLimit)
	}
	s.fetching, s.cause = false, err
}
