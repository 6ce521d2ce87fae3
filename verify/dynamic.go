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

// The values that a [Proof] of the dynamic mode holds, as outcomes publish them.
const (
	ModeDynamic     = "dynamic"
	SchemeEd25519   = "ed25519"
	SchemeRS256     = "rs256"
	OriginPathToken = "path_token"
	OriginOpen      = "open"
)

const (
	versionEd25519 = "v1a"       // of a signature's entry
	versionJWT     = ""          // an entry that is a JWT has none
	jwtLeeway      = time.Minute // on exp and nbf, between Google's clock and ours
)

// Dynamic verifies deliveries that Google signed: Standard Webhooks'
// asymmetric scheme, "v1a,<base64>", and RS256 JWTs (SPEC.md "The public door"
// and "JWT"). The keys are Google's for all its customers, so a good signature
// does not show whose job it is: the path token does.
type Dynamic struct {
	Keys      *KeySet  // Gemini's
	Tokens    *Tokens  // nil: no path below /dynamic/ is accepted
	Open      bool     // accept other paths without proof of origin
	Audiences []string // what a JWT's aud may be, any where empty; this narrows, and admits nobody
	Issuers   []string // the same of iss
}

// delivery is what a dynamic delivery is judged by.
type delivery struct {
	headers   Headers
	body      []byte
	token     string // the path's, to be kept out of errors
	now       time.Time
	tolerance time.Duration
	probe     bool // a mismatch may cause a look for new tokens and keys
}

// verdict is what an entry came to. The proof beside an error says that the
// signature was good, but old.
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

// verify tries the v1a entries, which sign the body, and then the JWTs. One
// good entry is enough. The proof lacks the origin.
func (d *Dynamic) verify(ctx context.Context, dl delivery) (Proof, error) {
	best := verdict{err: errNoEntry}
	if signatures := dl.headers.ed25519(); len(signatures) > 0 {
		best = d.verifyEd25519(ctx, dl, signatures)
	}
	for _, e := range dl.headers.entries {
		if best.err == nil {
			break
		}
		if e.version == versionJWT {
			best = best.or(d.verifyJWT(ctx, dl, e.text))
		}
	}
	return best.proof, best.err
}

func (d *Dynamic) verifyEd25519(ctx context.Context, dl delivery, signatures [][]byte) verdict {
	h := dl.headers
	message := make([]byte, 0, len(h.ID)+len(h.timestampText)+2+len(dl.body))
	message = append(h.appendSigned(message), dl.body...)
	if err := d.Keys.verifyEd25519(ctx, message, signatures, dl.probe); err != nil {
		return verdict{err: err}
	}
	return verdict{proof: Proof{Mode: ModeDynamic, Scheme: SchemeEd25519}}
}

// verifyJWT checks a token: its signature first, so that whatever is said of
// its claims is said of a genuine one.
func (d *Dynamic) verifyJWT(ctx context.Context, dl delivery, token string) verdict {
	c, err := verifyRS256(ctx, d.Keys, token, dl.probe)
	if err != nil {
		return verdict{err: err}
	}
	proof := Proof{Mode: ModeDynamic, Scheme: SchemeRS256}
	proof.Event, err = d.judge(c, dl)
	if err == nil {
		return verdict{proof: proof}
	}
	err = fmt.Errorf("%w; the signature is Google's, aud is %s and iss is %s", err, c.shown("aud", dl.token), c.shown("iss", dl.token))
	if errors.Is(err, ErrTimestampOutOfRange) {
		return verdict{proof, err}
	}
	return verdict{err: err}
}

// judge checks the claims, and returns the event among them, if there is one.
func (d *Dynamic) judge(c object, dl delivery) (event string, err error) {
	if err := c.checkLifetime(dl.now, jwtLeeway); err != nil {
		return "", err
	}
	listed := func(aud string) bool { return slices.Contains(d.Audiences, aud) }
	if len(d.Audiences) > 0 && !slices.ContainsFunc(c.audiences(), listed) {
		return "", fmt.Errorf("%w: JWT_AUDIENCES lacks it", ErrAudienceMismatch)
	}
	if len(d.Issuers) > 0 && !slices.Contains(d.Issuers, c.text("iss")) {
		return "", fmt.Errorf("%w: JWT_ISSUERS lacks it", ErrIssuerMismatch)
	}
	if event, err = c.event(dl.body); err != nil {
		return "", err
	}
	return event, c.checkIssued(dl.now, dl.tolerance)
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
