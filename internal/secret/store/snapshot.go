package store

import (
	"time"

	"example.com/gemini-webhook/internal/secret"
)

// snapshot is what one look-up found. It does not change.
type snapshot struct {
	versions []version // newest first; those whose payload was refused are left out
	newest   int64     // highest number known, refused ones included
	loaded   time.Time // when it was last looked up in full
	err      error     // definite: the secret cannot be read
}

// version is a version with what its payload says. How long it is accepted is
// known when it is loaded, and compared with the clock at each use, so that an
// overlap ends on time. A revoked version has no values but counts as a version:
// revoking a key does not bring back the one before it.
type version struct {
	number int64
	until  time.Time      // see [secret.AcceptedUntil]
	values []secret.Value // none where the version is revoked, or was replaced for good

	created time.Time
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
