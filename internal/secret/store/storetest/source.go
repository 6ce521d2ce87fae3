// Package storetest has a Secret Manager in memory, for tests of what reads
// secrets.
package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"example.com/gemini-webhook/internal/secret"
)

// Source is a store.Source that fails on purpose. Fields are changed within
// [Source.Do] while it is in use.
type Source struct {
	Secrets map[secret.Name][]Version    // index 0 is version 1
	Hidden  map[secret.Name]int          // newest versions that the list does not show yet
	Err     map[secret.Name]error        // for everything about a secret
	Denied  map[secret.VersionName]error // for Access of one version
	Hang    bool                         // until the context ends
	Delay   time.Duration                // of Access

	mu              sync.Mutex
	lists, accesses int
}

// Version is a version with its payload.
type Version struct {
	Payload string
	Enabled bool
	Created time.Time
}

// NewSource has no secrets.
func NewSource() *Source {
	return &Source{
		Secrets: map[secret.Name][]Version{}, Hidden: map[secret.Name]int{},
		Err: map[secret.Name]error{}, Denied: map[secret.VersionName]error{},
	}
}

// Of has one secret with one version, created long ago.
func Of(name secret.Name, payload string) *Source {
	s := NewSource()
	s.Add(name, payload, time.Unix(0, 0))
	return s
}

// Do makes a change while nothing is read.
func (s *Source) Do(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// Add adds an enabled version.
func (s *Source) Add(name secret.Name, payload string, created time.Time) {
	s.Do(func() { s.Secrets[name] = append(s.Secrets[name], Version{payload, true, created}) })
}

// Disable disables a version.
func (s *Source) Disable(name secret.Name, number int) {
	s.Do(func() { s.Secrets[name][number-1].Enabled = false })
}

// Lookups returns the calls of Versions and Access so far.
func (s *Source) Lookups() (lists, accesses int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lists, s.accesses
}

// Versions implements store.Source.
func (s *Source) Versions(ctx context.Context, name secret.Name) ([]secret.Version, error) {
	if err := s.enter(ctx, name, &s.lists); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.Secrets[name]; !ok {
		return nil, fmt.Errorf("fake: %w", secret.ErrNotFound)
	}
	var list []secret.Version
	for i, v := range s.Secrets[name][:len(s.Secrets[name])-s.Hidden[name]] {
		list = append(list, secret.Version{Number: int64(i + 1), Enabled: v.Enabled, Created: v.Created})
	}
	slices.Reverse(list)
	return list, nil
}

// Access implements store.Source.
func (s *Source) Access(ctx context.Context, name secret.Name, number int64) (secret.Value, error) {
	if err := s.enter(ctx, name, &s.accesses); err != nil {
		return secret.Value{}, err
	}
	select {
	case <-time.After(s.Delay):
	case <-ctx.Done():
		return secret.Value{}, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.Denied[name.Version(number)]; err != nil {
		return secret.Value{}, err
	}
	versions := s.Secrets[name]
	switch {
	case number < 1 || int(number) > len(versions):
		return secret.Value{}, fmt.Errorf("fake: %w", secret.ErrNotFound)
	case !versions[number-1].Enabled:
		return secret.Value{}, fmt.Errorf("fake: %w", secret.ErrDisabled)
	}
	return secret.NewValue([]byte(versions[number-1].Payload)), nil
}

func (s *Source) enter(ctx context.Context, name secret.Name, count *int) error {
	s.mu.Lock()
	*count++
	hang, err := s.Hang, s.Err[name]
	s.mu.Unlock()
	if hang {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
