package verify

import (
	"iter"
	"time"
)

// snapshot is what one look-up found. It does not change.
type snapshot struct {
	versions []version // newest first; those whose payload was refused are left out
	newest   int64     // highest number known, refused ones included
	loaded   time.Time // when it was last looked up in full
	err      error     // definite: the secret cannot be read
}

type version struct {
	number  int64
	enabled bool
	created time.Time
	keys    []key // none where the version is revoked, or was replaced for good
}

// accepted yields the keys of each version that counts at now: the newest
// enabled one, and an older one while the version next after it, whatever that
// one's state, is younger than overlap. It is asked at each use and not when
// loading, so an overlap ends on time. A revoked version has no keys but
// counts as a version: revoking a key does not bring back the one before it.
func (s *snapshot) accepted(now time.Time, overlap time.Duration) iter.Seq[[]key] {
	return func(yield func([]key) bool) {
		newest := true
		for i, v := range s.versions {
			if !v.enabled {
				continue
			}
			ok := newest || now.Sub(s.versions[i-1].created) < overlap
			newest = false
			if ok && !yield(v.keys) {
				return
			}
		}
	}
}

// find returns the version of that number, if it is there and was not refused.
func (s *snapshot) find(number int64) (version, bool) {
	if s != nil {
		for _, v := range s.versions {
			if v.number == number {
				return v, true
			}
		}
	}
	return version{}, false
}

// readable says whether s is an answer other than that the secret cannot be read.
func (s *snapshot) readable() bool { return s != nil && s.err == nil }

// newestKnown is the highest number known, 0 for none.
func (s *snapshot) newestKnown() int64 {
	if s == nil {
		return 0
	}
	return s.newest
}
