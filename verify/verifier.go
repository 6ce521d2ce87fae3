package verify

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// DefaultTolerance is how far the timestamp of a [Delivery] may be from now, as
// Standard Webhooks advises.
const DefaultTolerance = 5 * time.Minute

// Delivery verifies a delivery that was signed with one of the secrets, as
// Standard Webhooks' symmetric scheme has it. Body is what was sent, byte for
// byte. Errors: [ErrMissingHeader], [ErrBadHeader], [ErrSignatureMismatch],
// [ErrTimestampOutOfRange] (as a [StaleError] where the signature is good), and
// [ErrUnavailable] where the secrets cannot be looked up. It does not notice that
// a delivery was sent before.
func Delivery(ctx context.Context, body []byte, header http.Header, secrets Secrets, now time.Time) (Proof, error) {
	h, err := ParseHeaders(header)
	if err != nil {
		return Proof{}, err
	}
	v := Verifier{Secrets: secrets, Tolerance: DefaultTolerance, Now: func() time.Time { return now }}
	return v.Verify(ctx, "/", h, body)
}

// Verifier decides about deliveries by path, timestamp and signature: contract,
// "The public door" and "Borders".
type Verifier struct {
	Secrets Secrets // signing secrets; nil: static deliveries are [ErrModeDisabled]

	// Keys are Google's, which sign for all its customers, so that a good signature
	// does not show whose job it is: the path token does.
	Keys      KeySet   // needed with Tokens or Open
	Tokens    Secrets  // nil: no path below /dynamic/ is accepted
	Open      bool     // accept dynamic deliveries on other paths, without proof of origin
	Audiences []string // what a JWT's aud may be, any where empty; this narrows, and admits nobody
	Issuers   []string // the same of iss

	Tolerance time.Duration    // how far the timestamp may be from now, either way
	Now       func() time.Time // the clock

	lastGood atomic.Pointer[ed25519.PublicKey] // the key that last verified is tried first
}

// delivery is what is verified.
type delivery struct {
	headers Headers
	body    []byte
	token   string  // the path's, to be kept out of errors
	version Version // of the path token
	origin  string  // what a dynamic delivery's proof will say
	now     time.Time
	probe   bool // a mismatch may cause a look for new secrets and keys
}

// Verify returns how the delivery was verified. EscapedPath is the path as it
// was sent (URL.EscapedPath), body the raw bytes. Where the proof has an Event,
// that is what was delivered, and not the body.
//
// Errors are the sentinels of this package. [ErrTimestampOutOfRange] is a
// [StaleError] where the signature is good: the delivery is genuine but stale,
// which deserves a log line and the same 401. A stale delivery does not cause a
// look for new secrets and keys. No error holds a path token. Of a token whose
// signature was good, and of no other, it names aud and iss.
//
// It does not notice that a delivery was sent before.
func (v *Verifier) Verify(ctx context.Context, escapedPath string, h Headers, body []byte) (Proof, error) {
	now := v.Now()
	late := h.CheckTime(now, v.Tolerance)
	token, dynamicPath := pathToken(escapedPath)
	d := delivery{headers: h, body: body, token: token, origin: OriginOpen, now: now, probe: late == nil}
	var proof Proof
	var err error
	if dynamicPath {
		d.origin = OriginPathToken
		proof, err = v.verifyDynamicPath(ctx, d)
	} else {
		proof, err = v.verifyOtherPath(ctx, d)
	}
	if late == nil {
		return proof, err
	}
	if stale, ok := errors.AsType[*StaleError](err); ok { // so is the token
		proof, err = stale.Proof, nil
	}
	if err != nil {
		return Proof{}, late
	}
	return Proof{}, &StaleError{proof, late}
}

// verifyDynamicPath accepts Google's signatures under a current path token,
// and nothing else: a signing secret's would be a downgrade. The token comes
// before all that costs more.
func (v *Verifier) verifyDynamicPath(ctx context.Context, d delivery) (Proof, error) {
	hmac, dynamic := d.headers.schemes()
	switch {
	case v.Tokens == nil:
		return Proof{}, fmt.Errorf("%w: paths below /dynamic/ want DYNAMIC_TOKEN_SECRET to be set", ErrModeDisabled)
	case hmac && !dynamic:
		return Proof{}, errHMACOnDynamicPath
	}
	version, err := checkToken(ctx, v.Tokens, d.token, d.probe)
	if err != nil {
		return Proof{}, err
	}
	d.version = version
	proof, err := v.verifyDynamic(ctx, d)
	if err != nil && hmac {
		err = besides(errHMACOnDynamicPath, err)
	}
	return proof, err
}

// verifyOtherPath accepts our secrets' signatures, and Google's where the
// configuration says that the origin need not be proven.
func (v *Verifier) verifyOtherPath(ctx context.Context, d delivery) (Proof, error) {
	hmac, dynamic := d.headers.schemes()
	if dynamic && !hmac && !v.Open {
		return Proof{}, errNoPathToken
	}
	best := verdict{err: errNoSecret}
	if v.Secrets != nil && (hmac || !dynamic) {
		best.proof, best.err = verifyHMAC(ctx, v.Secrets, d.headers, d.body, d.probe)
	}
	switch {
	case best.err == nil || !dynamic:
	case !v.Open:
		best.err = besides(errNoPathToken, best.err)
	default:
		var google verdict
		google.proof, google.err = v.verifyDynamic(ctx, d)
		best = best.or(google)
	}
	return best.proof, best.err
}

// Entries of a scheme that the path does not allow count as not good. If
// nothing else is, they name the code: contract, "Borders".
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
