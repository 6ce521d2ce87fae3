package verify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"time"
)

// The values that a [Proof] of the static mode holds, as outcomes publish them.
const (
	ModeStatic          = "static"
	SchemeHMACSHA256    = "hmac-sha256"
	OriginSigningSecret = "signing_secret"
)

const versionHMAC = "v1" // of a signature's entry

// Static verifies deliveries that are signed with a secret of ours: Standard
// Webhooks' symmetric scheme, "v1,<base64>".
type Static struct {
	store   *SecretStore
	secrets []*secretSet
}

// NewStatic returns a verifier that accepts what any of the secrets
// (projects/P/secrets/S) signed. Overlap is how long a version is accepted
// after the next one was created. It looks nothing up yet.
func NewStatic(store *SecretStore, secrets []string, overlap time.Duration) *Static {
	s := &Static{store: store}
	for _, name := range secrets {
		s.secrets = append(s.secrets, store.add(name, overlap, signingKeys))
	}
	return s
}

// Verify returns which secret signed the delivery. Errors:
// [ErrSignatureMismatch] where none did, [ErrUnavailable] where none did but
// one cannot be read, which might. It does not check the timestamp, and
// ignores entries of other schemes.
func (s *Static) Verify(ctx context.Context, h Headers, body []byte) (Proof, error) {
	return s.verify(ctx, h, body, true)
}

// verify does Verify; probe says whether a mismatch may cause a look for new versions.
func (s *Static) verify(ctx context.Context, h Headers, body []byte, probe bool) (Proof, error) {
	d := newSigned(h, body)
	if len(d.signatures) == 0 {
		return Proof{}, fmt.Errorf("%w: no v1 entry is the base64 of 32 bytes", ErrSignatureMismatch)
	}
	secret, err := s.store.match(ctx, s.secrets, probe, d)
	switch {
	case err != nil:
		return Proof{}, err
	case secret == nil:
		return Proof{}, fmt.Errorf("%w: it is of none of the accepted versions of %d secrets", ErrSignatureMismatch, len(s.secrets))
	}
	return Proof{Mode: ModeStatic, Scheme: SchemeHMACSHA256, Origin: OriginSigningSecret, Signer: secret.name}, nil
}

// signed is one delivery with the signatures it claims.
type signed struct {
	prefix     []byte // "id.timestamp."
	body       []byte
	signatures [][sha256.Size]byte

	// What the slices usually start in, so that all this is one allocation.
	prefixRoom     [64]byte // for an id with a UUID
	signaturesRoom [2][sha256.Size]byte
	sum            [sha256.Size]byte
}

func newSigned(h Headers, body []byte) *signed {
	d := &signed{body: body}
	d.signatures = d.signaturesRoom[:0]
	for _, e := range h.entries {
		if e.version != versionHMAC || len(e.text) != base64.StdEncoding.EncodedLen(sha256.Size) {
			continue
		}
		// Room for what the padding stands for: DecodedLen counts it in.
		var sum [sha256.Size + 1]byte
		if n, err := base64.StdEncoding.Strict().Decode(sum[:], []byte(e.text)); err == nil && n == sha256.Size {
			d.signatures = append(d.signatures, [sha256.Size]byte(sum[:sha256.Size]))
		}
	}
	d.prefix = h.appendSigned(d.prefixRoom[:0])
	return d
}

// appendSigned appends what is signed in front of the body: "id.timestamp.".
func (h Headers) appendSigned(b []byte) []byte {
	b = append(b, h.ID...)
	b = append(b, '.')
	b = append(b, h.timestampText...)
	return append(b, '.')
}

// madeBy computes the key's MAC once, and compares each signature in constant time.
func (d *signed) madeBy(k key) bool {
	mac := hmac.New(sha256.New, k.secret())
	mac.Write(d.prefix)
	mac.Write(d.body)
	sum := mac.Sum(d.sum[:0])
	good := 0
	for i := range d.signatures {
		good |= subtle.ConstantTimeCompare(d.signatures[i][:], sum)
	}
	return good == 1
}
