package secret

import (
	"cmp"
	"slices"
	"time"
)

// Version is one version of a secret, without its payload.
type Version struct {
	Number  int64     `json:"number"`      // 1 is the first
	Enabled bool      `json:"enabled"`     // neither disabled nor destroyed
	Created time.Time `json:"create_time"` // starts the overlap of the version before it
}

// NewestFirst returns the versions sorted so.
func NewestFirst(versions []Version) []Version {
	return slices.SortedFunc(slices.Values(versions), func(a, b Version) int { return cmp.Compare(b.Number, a.Number) })
}

// NewestEnabled returns the newest version that is enabled, if there is one.
func NewestEnabled(versions []Version) (newest Version, ok bool) {
	for _, v := range versions {
		if v.Enabled && v.Number > newest.Number {
			newest, ok = v, true
		}
	}
	return newest, ok
}

// Forever is after every time.
var Forever = time.Unix(1<<40, 0)

// AcceptedUntil is when receivers cease to accept a version, given those newer
// than it, newest first: the newest enabled one never (it is [Forever]); an
// older enabled one when the version created next after it, whatever that one's
// state, becomes older than the overlap. One that is not enabled is not accepted
// at any time, which is the zero time. At the time itself it is not accepted.
func AcceptedUntil(v Version, newer []Version, overlap time.Duration) time.Time {
	switch {
	case !v.Enabled:
		return time.Time{}
	case !slices.ContainsFunc(newer, func(n Version) bool { return n.Enabled }):
		return Forever
	}
	return newer[len(newer)-1].Created.Add(overlap)
}
