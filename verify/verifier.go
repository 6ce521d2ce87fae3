package verify

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"
)

// Verifier decides about deliveries by path, timestamp and signature:
// SPEC.md "The public door" and "Borders".
type Verifier struct {
	Static    *Static          // nil: static deliveries are [ErrModeDisabled]
	Dynamic   *Dynamic         // nil: dynamic deliveries are refused on every path
	Tolerance time.Duration    // how far the timestamp may be from now, either way
	Now       func() time.Time // the clock
}

// Verify returns how the delivery was verified. EscapedPath is the path as it
// was sent (URL.EscapedPath), body the raw bytes. Where the proof has an Event,
// that is what was delivered, and not the body.
//
// Errors are the sentinels of this package. With [ErrTimestampOutOfRange] the
// proof still says who signed, where somebody did: the delivery is genuine but
// stale, which deserves a log line and the same 401. Such a delivery does not
// cause a look for new secrets and keys. No error holds a path token. Of a
// token whose signature was good, and of no other, it names aud and iss.
//
// It does not notice that a delivery was sent before.
func (v *Verifier) Verify(ctx context.Context, escapedPath string, h Headers, body []byte) (Proof, error) {
	now := v.Now()
	late := h.CheckTime(now, v.Tolerance)
	token, dynamicPath := pathToken(escapedPath)
	d := delivery{headers: h, body: body, token: token, now: now, tolerance: v.Tolerance, probe: late == nil}
	var proof Proof
	var err error
	if dynamicPath {
		proof, err = v.verifyDynamicPath(ctx, d)
	} else {
		proof, err = v.verifyOtherPath(ctx, d)
	}
	if late != nil {
		err = late
	}
	return proof, err
}

// verifyDynamicPath accepts Google's signatures under a current path token,
// and nothing else: a signing secret's would be a downgrade. The token comes
// before all that costs more.
func (v *Verifier) verifyDynamicPath(ctx context.Context, d delivery) (Proof, error) {
	hmac, dynamic := d.headers.schemes()
	switch {
	case v.Dynamic == nil || v.Dynamic.Tokens == nil:
		return Proof{}, fmt.Errorf("%w: paths below /dynamic/ want DYNAMIC_TOKEN_SECRET to be set", ErrModeDisabled)
	case hmac && !dynamic:
		return Proof{}, errHMACOnDynamicPath
	}
	if err := v.Dynamic.Tokens.check(ctx, d.token, d.probe); err != nil {
		return Proof{}, err
	}
	proof, err := v.Dynamic.verify(ctx, d)
	if proof != (Proof{}) {
		proof.Origin = OriginPathToken
	}
	if err != nil && hmac {
		err = besides(errHMACOnDynamicPath, err)
	}
	return proof, err
}

// verifyOtherPath accepts our secrets' signatures, and Google's where the
// configuration says that the origin need not be proven.
func (v *Verifier) verifyOtherPath(ctx context.Context, d delivery) (Proof, error) {
	hmac, dynamic := d.headers.schemes()
	open := v.Dynamic != nil && v.Dynamic.Open
	if dynamic && !hmac && !open {
		return Proof{}, errNoPathToken
	}
	best := verdict{err: errNoSecret}
	if v.Static != nil && (hmac || !dynamic) {
		best.proof, best.err = v.Static.verify(ctx, d.headers, d.body, d.probe)
	}
	switch {
	case best.err == nil || !dynamic:
	case !open:
		best.err = besides(errNoPathToken, best.err)
	default:
		var google verdict
		google.proof, google.err = v.Dynamic.verify(ctx, d)
		if google.proof != (Proof{}) {
			google.proof.Origin = OriginOpen
		}
		best = best.or(google)
	}
	return best.proof, best.err
}

// Entries of a scheme that the path does not allow count as not good. If
// nothing else is, they name the code: SPEC.md "Borders".
var (
	errHMACOnDynamicPath = fmt.Errorf("%w: this path is for dynamic deliveries", ErrModeDisabled)
	errNoPathToken       = fmt.Errorf("%w: a dynamic delivery must come on a path that only your jobs know", ErrOriginUnproven)
)

// What is said where there is nothing to try.
var (
	errNoSecret = fmt.Errorf("%w: no signing secret is configured", ErrModeDisabled)
	errNoEntry  = fmt.Errorf("%w: no entry is v1a with the base64 of %d bytes, or a JWT", ErrSignatureMismatch, ed25519.SignatureSize)
)

// besides returns what a path does not allow, with why the other entries were
// not good, unless that may be cured by trying again.
func besides(forbidden, err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w; besides: %w", forbidden, err)
}

// schemes says whether there are entries of the static and of the dynamic mode.
func (h Headers) schemes() (hmac, dynamic bool) {
	for _, e := range h.entries {
		switch e.version {
		case versionHMAC:
			hmac = true
		case versionEd25519, versionJWT:
			dynamic = true
		}
	}
	return hmac, dynamic
}
