package verify

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

// lookup lists the versions and reads those that can be accepted. A definite
// answer gives a set; an outage gives an error, and beside it a set where the
// list came through: what it says of disabled versions counts at once, with
// the keys that were known before.
func (s *secretSet) lookup(ctx context.Context, old *snapshot, found int64) (*snapshot, error) {
	source := s.store.source
	listed, err := source.Versions(ctx, s.name)
	if unreadable(err) {
		return &snapshot{err: err, loaded: s.store.now()}, nil
	}
	if err != nil {
		return nil, err
	}
	listed, unlisted := s.withUnlisted(listed, old, found)
	set := &snapshot{loaded: s.store.now()}
	payloads := s.readAhead(ctx, listed)
	var outage error
	newest := true // no enabled version seen yet
	for _, l := range listed {
		v := version{number: l.Number, enabled: l.Enabled, created: l.Created}
		if s.wanted(set, v, newest) {
			payload, err := payloads.of(v.number, func() ([]byte, error) { return source.Access(ctx, s.name, v.number) })
			switch {
			case err == nil:
				keys, err := s.read(payload)
				if err != nil {
					s.logRefused(v.number, err)
					set.newest = max(set.newest, v.number)
					continue // as if it were not there
				}
				v.keys = keys
			case errors.Is(err, ErrSecretNotFound) && v.number == unlisted:
				continue // the secret was made anew, with fewer versions
			case errors.Is(err, ErrSecretDisabled), errors.Is(err, ErrSecretNotFound):
				v.enabled = false
			case unreadable(err):
				return &snapshot{err: err, loaded: s.store.now()}, nil
			default:
				outage = err
				if s.refused[v.number] {
					continue
				}
				known, _ := old.find(v.number)
				v.keys = known.keys
			}
		}
		set.newest = max(set.newest, v.number)
		set.versions = append(set.versions, v)
		newest = newest && !v.enabled
	}
	if outage == nil {
		return set, nil
	}
	if old == nil || old.err != nil {
		return nil, outage
	}
	set.loaded = old.loaded
	return set, outage
}

// readsAtOnce bounds the requests to Secret Manager that are under way.
const readsAtOnce = 8

// payloads are what was read ahead, by version.
type payloads map[int64]func() ([]byte, error)

// of returns what was read ahead, else what read returns.
func (p payloads) of(number int64, read func() ([]byte, error)) ([]byte, error) {
	if ahead, ok := p[number]; ok {
		return ahead()
	}
	return read()
}

// readAhead begins to read, newest first and several at once, the versions that
// will most likely be wanted: however many were made within the overlap, a new
// instance is to know them before its look-up has to end.
func (s *secretSet) readAhead(ctx context.Context, listed []Version) payloads {
	ahead, slots := payloads{}, make(chan struct{}, readsAtOnce)
	assumed, newest := &snapshot{}, true // that none of them is refused
	for _, l := range listed {
		v := version{number: l.Number, enabled: l.Enabled, created: l.Created}
		if s.wanted(assumed, v, newest) {
			var payload []byte
			var err error
			done := make(chan struct{})
			go func() {
				defer close(done)
				slots <- struct{}{}
				defer func() { <-slots }()
				payload, err = s.store.source.Access(ctx, s.name, v.number)
			}()
			ahead[v.number] = func() ([]byte, error) { <-done; return payload, err }
		}
		assumed.versions = append(assumed.versions, v)
		newest = newest && !v.enabled
	}
	return ahead
}

// wanted says whether a version can be accepted, so that its payload is worth
// reading: the older ones were replaced for good.
func (s *secretSet) wanted(newer *snapshot, v version, newest bool) bool {
	if !v.enabled || s.store.isRevoked(s.name, v.number) {
		return false
	}
	if newest {
		return true
	}
	next := newer.versions[len(newer.versions)-1]
	return s.store.now().Sub(next.created) < s.overlap
}

// withUnlisted sorts the list, newest first, and adds the newest version known
// otherwise where the list lags behind: it is consistent in the end only,
// reading a version is so at once. It returns that version's number, else 0.
func (s *secretSet) withUnlisted(listed []Version, old *snapshot, found int64) ([]Version, int64) {
	listed = slices.SortedFunc(slices.Values(listed), func(a, b Version) int { return cmp.Compare(b.Number, a.Number) })
	known := max(found, old.newestKnown())
	if known == 0 || len(listed) > 0 && listed[0].Number >= known {
		return listed, 0
	}
	created := s.store.now()
	if v, ok := old.find(known); ok {
		created = v.created
	}
	return slices.Insert(listed, 0, Version{Number: known, Enabled: true, Created: created}), known
}

func (s *secretSet) logRefused(number int64, why error) {
	if s.refused[number] {
		return
	}
	s.refused[number] = true
	s.store.config.Log.Warn("version of a secret is refused, add a good one", "secret", s.name, "version", number, "error", why)
}

// unreadable says whether err is definite about the secret as a whole, when listing it or when denied a version.
func unreadable(err error) bool {
	return errors.Is(err, ErrSecretNotFound) || errors.Is(err, ErrSecretDenied)
}
