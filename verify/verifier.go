package verify

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
)

const versionEd25519 = "v1a" // of a signature's entry

// Verifier decides about deliveries by path, timestamp and signature:
// SPEC.md "The public door" and "Borders".
type Verifier struct {
	Static    *Static          // nil: static deliveries are [ErrModeDisabled]
	Tolerance time.Duration    // how far the timestamp may be from now, either way
	Now       func() time.Time // the clock
}

// Verify returns how the delivery was verified. EscapedPath is the path as it
// was sent (URL.EscapedPath), body the raw bytes.
//
// Errors are the sentinels of this package. With [ErrTimestampOutOfRange] the
// proof still says who signed, where somebody did: the delivery is genuine but
// stale, which deserves a log line and the same 401. Such a delivery does not
// cause a look for new versions.
//
// It does not notice that a delivery was sent before.
func (v *Verifier) Verify(ctx context.Context, escapedPath string, h Headers, body []byte) (Proof, error) {
	if isDynamicPath(escapedPath) {
		return Proof{}, fmt.Errorf("%w: this path is for dynamic deliveries", ErrModeDisabled)
	}
	late := h.CheckTime(v.Now(), v.Tolerance)
	proof, err := v.verify(ctx, h, body, late == nil)
	if late != nil {
		return proof, late
	}
	return proof, err
}

// verify decides on the entries alone.
func (v *Verifier) verify(ctx context.Context, h Headers, body []byte, probe bool) (Proof, error) {
	hmac, dynamic := h.schemes()
	switch {
	case dynamic && !hmac:
		return Proof{}, fmt.Errorf("%w: a dynamic delivery must come on a path that only your jobs know", ErrOriginUnproven)
	case v.Static == nil:
		return Proof{}, fmt.Errorf("%w: no signing secret is configured", ErrModeDisabled)
	}
	return v.Static.verify(ctx, h, body, probe)
}

// schemes says whether there are entries of the static and of the dynamic mode.
func (h Headers) schemes() (hmac, dynamic bool) {
	for _, e := range h.entries {
		switch e.version {
		case versionHMAC:
			hmac = true
		case versionEd25519, "":
			dynamic = true
		}
	}
	return hmac, dynamic
}

// isDynamicPath says whether the first segment, decoded, is "dynamic" and
// another one follows. Like every path it is case-sensitive.
func isDynamicPath(escaped string) bool {
	first, _, found := strings.Cut(strings.TrimPrefix(escaped, "/"), "/")
	decoded, err := url.PathUnescape(first)
	return found && err == nil && decoded == "dynamic"
}
