package verify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
)

const versionHMAC = "v1" // of a signature's entry

// verifyHMAC checks Standard Webhooks' symmetric scheme, "v1,<base64>". It does
// not check the timestamp, and ignores entries of other schemes.
func verifyHMAC(ctx context.Context, secrets Secrets, h Headers, body []byte, probe bool) (Proof, error) {
	d := newSigned(h, body)
	if len(d.signatures) == 0 {
		return Proof{}, fmt.Errorf("%w: no v1 entry is the base64 of 32 bytes", ErrSignatureMismatch)
	}
	version, ok, err := secrets.Match(ctx, d, probe)
	switch {
	case err != nil:
		return Proof{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case !ok:
		return Proof{}, fmt.Errorf("%w: it is of no accepted version of a signing secret", ErrSignatureMismatch)
	}
	return Proof{Mode: ModeStatic, Scheme: SchemeHMACSHA256, Origin: OriginSigningSecret, Signer: version.Secret, Version: version}, nil
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

// Match implements [Matcher]: it computes the key's MAC once, and compares each signature in constant time.
func (d *signed) Match(key []byte) bool {
	mac := hmac.New(sha256.New, key)
	mac.Write(d.prefix)
	mac.Write(d.body)
	sum := mac.Sum(d.sum[:0])
	good := 0
	for i := range d.signatures {
		good |= subtle.ConstantTimeCompare(d.signatures[i][:], sum)
	}
	return good == 1
}
