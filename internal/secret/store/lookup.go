package store

import (
	"context"
	"errors"
	"slices"

	"example.com/gemini-webhook/internal/secret"
)

// lookup lists the versions and reads those that can be accepted. A definite
// answer gives a set; an outage gives an error, and beside it a set where the
// list came through: what it says of disabled versions counts at once, with
// the values that were known before.
func (c *cached) lookup(ctx context.Context, old *snapshot, found int64) (*snapshot, error) {
	listed, err := c.store.source.Versions(ctx, c.name)
	if unreadable(err) {
		return &snapshot{err: err, loaded: c.store.now()}, nil
	}
	if err != nil {
		return nil, err
	}
	listed, unlisted := c.withUnlisted(listed, old, found)
	set := &snapshot{loaded: c.store.now()}
	payloads := c.readAhead(ctx, listed)
	var newer []secret.Version // than the one looked at
	var outage error
	for _, v := range listed {
		var values []secret.Value
		if c.wanted(v, newer) {
			payload, err := payloads.of(v.Number, func() (secret.Value, error) { return c.store.source.Access(ctx, c.name, v.Number) })
			switch {
			case err == nil:
				if values, err = c.read(payload.Reveal()); err != nil {
					c.logRefused(v.Number, err)
					set.newest = max(set.newest, v.Number)
					continue // as if it were not there
				}
			case errors.Is(err, secret.ErrNotFound) && v.Number == unlisted:
				continue // the secret was made anew, with fewer versions
			case errors.Is(err, secret.ErrDisabled), errors.Is(err, secret.ErrNotFound):
				v.Enabled = false
			case unreadable(err):
				return &snapshot{err: err, loaded: c.store.now()}, nil
			default:
				outage = err
				if c.refused[v.Number] {
					continue
				}
				known, _ := old.find(v.Number)
				values = known.values
			}
		}
		set.newest = max(set.newest, v.Number)
		set.versions = append(set.versions, version{v.Number, secret.AcceptedUntil(v, newer, c.overlap), values, v.Created})
		newer = append(newer, v)
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
type payloads map[int64]func() (secret.Value, error)

// of returns what was read ahead, else what read returns.
func (p payloads) of(number int64, read func() (secret.Value, error)) (secret.Value, error) {
	if ahead, ok := p[number]; ok {
		return ahead()
	}
	return read()
}

// readAhead begins to read, newest first and several at once, the versions that
// will most likely be wanted, which they are if none is refused: however many were
// made within the overlap, a new instance is to know them before its look-up has
// to end.
func (c *cached) readAhead(ctx context.Context, listed []secret.Version) payloads {
	ahead, slots := payloads{}, make(chan struct{}, readsAtOnce)
	for i, v := range listed {
		if !c.wanted(v, listed[:i]) {
			continue
		}
		var payload secret.Value
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			slots <- struct{}{}
			defer func() { <-slots }()
			payload, err = c.store.source.Access(ctx, c.name, v.Number)
		}()
		ahead[v.Number] = func() (secret.Value, error) { <-done; return payload, err }
	}
	return ahead
}

// wanted says whether a version can be accepted, given those newer than it, so
// that its payload is worth reading: the older ones were replaced for good.
func (c *cached) wanted(v secret.Version, newer []secret.Version) bool {
	return c.store.now().Before(secret.AcceptedUntil(v, newer, c.overlap)) && !c.store.revoked[c.name.Version(v.Number)]
}

// withUnlisted sorts the list, newest first, and adds the newest version known
// otherwise where the list lags behind: it is consistent in the end only,
// reading a version is so at once. It returns that version's number, else 0.
func (c *cached) withUnlisted(listed []secret.Version, old *snapshot, found int64) ([]secret.Version, int64) {
	listed = secret.NewestFirst(listed)
	known := max(found, old.newestKnown())
	if known == 0 || len(listed) > 0 && listed[0].Number >= known {
		return listed, 0
	}
	created := c.store.now()
	if v, ok := old.find(known); ok {
		created = v.created
	}
	return slices.Insert(listed, 0, secret.Version{Number: known, Enabled: true, Created: created}), known
}

func (c *cached) logRefused(number int64, why error) {
	if c.refused[number] {
		return
	}
	c.refused[number] = true
	c.store.config.Log.Warn("version of a secret is refused, add a good one", "secret", c.name, "version", number, "error", why)
}

// unreadable says whether err is definite about the secret as a whole, when listing it or when denied a version.
func unreadable(err error) bool {
	return errors.Is(err, secret.ErrNotFound) || errors.Is(err, secret.ErrDenied)
}
