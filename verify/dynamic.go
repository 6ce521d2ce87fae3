package verify

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	versionEd25519 = "v1a"       // of a signature's entry
	versionJWT     = ""          // an entry that is a JWT has none
	jwtLeeway      = time.Minute // on exp and nbf, between Google's clock and ours
)

// verdict is what an entry came to.
type verdict struct {
	proof Proof
	err   error
}

// or returns the better of two verdicts: the one that accepts, else the
// refusal that says more, else the other.
func (v verdict) or(other verdict) verdict {
	if gravity(v.err) > gravity(other.err) {
		return v
	}
	return other
}

// gravity orders refusals. One that time may cure makes the sender try again;
// those of good signatures tell an operator what to configure.
func gravity(err error) int {
	switch {
	case err == nil:
		return 4
	case errors.Is(err, ErrUnavailable):
		return 3
	case errors.Is(err, ErrModeDisabled):
		return 0
	case errors.Is(err, ErrSignatureMismatch), errors.Is(err, ErrUnknownKey), errors.Is(err, ErrAlgorithmNotAllowed), errors.Is(err, ErrBadToken):
		return 1
	default:
		return 2
	}
}

// verifyDynamic verifies what Google signed: Standard Webhooks' asymmetric
// scheme, "v1a,<base64>", and RS256 JWTs (contract, "The public door" and
// "JWT"). It tries the v1a entries, which sign the body, and then the JWTs. One
// good entry is enough.
func (v *Verifier) verifyDynamic(ctx context.Context, d delivery) (Proof, error) {
	best := verdict{err: errNoEntry}
	if signatures := d.headers.ed25519(); len(signatures) > 0 {
		best = v.verifyEd25519(ctx, d, signatures)
	}
	for _, e := range d.headers.entries {
		if best.err == nil {
			break
		}
		if e.version == versionJWT {
			best = best.or(v.verifyJWT(ctx, d, e.text))
		}
	}
	return best.proof, best.err
}

func (v *Verifier) verifyEd25519(ctx context.Context, d delivery, signatures [][]byte) verdict {
	h := d.headers
	message := make([]byte, 0, len(h.ID)+len(h.timestampText)+2+len(d.body))
	message = append(h.appendSigned(message), d.body...)
	keys, err := v.Keys.Keys(ctx, false)
	good := err == nil && v.signed(keys, message, signatures)
	if err == nil && !good && d.probe { // the key may be new
		tried := keys
		keys, err = v.Keys.Keys(ctx, true)
		good = err == nil && !sameKeys(keys, tried) && v.signed(keys, message, signatures)
	}
	switch {
	case err != nil:
		return verdict{err: noKeys(err)}
	case !good:
		return verdict{err: fmt.Errorf("%w: v1a is of none of the Ed25519 keys", ErrSignatureMismatch)}
	}
	return verdict{proof: Proof{Mode: ModeDynamic, Scheme: SchemeEd25519, Origin: d.origin, Version: d.version}}
}

// signed says whether one of the Ed25519 keys made one of the signatures.
func (v *Verifier) signed(keys []Key, message []byte, signatures [][]byte) bool {
	first := v.firstOf(keys)
	for i := range keys {
		i = (i + first) % len(keys)
		public, ok := keys[i].Public.(ed25519.PublicKey)
		if !ok || len(public) != ed25519.PublicKeySize {
			continue
		}
		for _, signature := range signatures {
			if !ed25519.Verify(public, message, signature) {
				continue
			}
			if i != first || v.lastGood.Load() == nil {
				last := public // public itself stays on the stack
				v.lastGood.Store(&last)
			}
			return true
		}
	}
	return false
}

// firstOf is the index of the key that last verified, 0 where it is gone.
func (v *Verifier) firstOf(keys []Key) int {
	last := v.lastGood.Load()
	if last == nil {
		return 0
	}
	return max(0, slices.IndexFunc(keys, func(k Key) bool {
		public, ok := k.Public.(ed25519.PublicKey)
		return ok && public.Equal(*last)
	}))
}

// sameKeys says whether two answers of a key set are one.
func sameKeys(a, b []Key) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

func noKeys(err error) error { return fmt.Errorf("%w: key set: %w", ErrUnavailable, err) }

// verifyJWT checks a token: its signature first, so that whatever is said of
// its claims is said of a genuine one.
func (v *Verifier) verifyJWT(ctx context.Context, d delivery, token string) verdict {
	c, err := verifyRS256(ctx, v.Keys, token, d.probe)
	if err != nil {
		return verdict{err: err}
	}
	proof := Proof{Mode: ModeDynamic, Scheme: SchemeRS256, Origin: d.origin, Version: d.version}
	proof.Event, err = v.judge(c, d)
	if err == nil {
		return verdict{proof: proof}
	}
	err = fmt.Errorf("%w; the signature is Google's, aud is %s and iss is %s", err, c.shown("aud", d.token), c.shown("iss", d.token))
	if errors.Is(err, ErrTimestampOutOfRange) {
		err = &StaleError{proof, err}
	}
	return verdict{err: err}
}

// judge checks the claims, and returns the event among them, if there is one.
func (v *Verifier) judge(c object, d delivery) (event string, err error) {
	if err := c.checkLifetime(d.now, jwtLeeway); err != nil {
		return "", err
	}
	listed := func(aud string) bool { return slices.Contains(v.Audiences, aud) }
	if len(v.Audiences) > 0 && !slices.ContainsFunc(c.audiences(), listed) {
		return "", fmt.Errorf("%w: JWT_AUDIENCES lacks it", ErrAudienceMismatch)
	}
	if len(v.Issuers) > 0 && !slices.Contains(v.Issuers, c.text("iss")) {
		return "", fmt.Errorf("%w: JWT_ISSUERS lacks it", ErrIssuerMismatch)
	}
	if event, err = c.event(d.body); err != nil {
		return "", err
	}
	return event, c.checkIssued(d.now, v.Tolerance)
}

// ed25519 returns the v1a entries of the right form, decoded.
func (h Headers) ed25519() [][]byte {
	var signatures [][]byte
	for _, e := range h.entries {
		if e.version != versionEd25519 || len(e.text) != base64.StdEncoding.EncodedLen(ed25519.SignatureSize) {
			continue
		}
		// Strict decoding takes no line breaks: the length would not fit.
		signature, err := base64.StdEncoding.Strict().DecodeString(e.text)
		if err == nil && len(signature) == ed25519.SignatureSize {
			signatures = append(signatures, signature)
		}
	}
	return signatures
}
