package verify

import (
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/lestrrat-go/jwx/v3/jws/jwsbb"
)

const algRS256 = "RS256"

// base64url is that of JWTs, without padding, its unused bits zero.
var base64url = base64.RawURLEncoding.Strict()

// verifyRS256 checks a compact token's signature against the key set and
// returns its claims, at which it does not look. Probe says whether an unknown
// kid may cause a look for new keys.
func verifyRS256(ctx context.Context, keys KeySet, token string, probe bool) (object, error) {
	payload, err := signedPayload(ctx, keys, token, probe)
	if err != nil {
		return nil, err
	}
	claims, ok := parseObject(payload)
	if !ok {
		return nil, fmt.Errorf("%w: its payload is not a JSON object", ErrBadToken)
	}
	return claims, nil
}

// signedPayload returns the payload of a token whose signature is good. That
// the algorithm is RS256 is our decision and not the token's; jku, x5u and jwk
// in the header are ignored, crit and b64 refused.
func signedPayload(ctx context.Context, keys KeySet, token string, probe bool) ([]byte, error) {
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, found := strings.Cut(rest, ".")
	if !found || strings.ContainsAny(token, "\r\n") { // which the decoder skips
		return nil, fmt.Errorf("%w: it is not three base64url parts", ErrBadToken)
	}
	kid, err := readHeader(header)
	if err != nil {
		return nil, err
	}
	claims, err1 := base64url.DecodeString(payload)
	sum, err2 := base64url.DecodeString(signature)
	switch {
	case err1 == nil && err2 == nil:
	case isBase64URL(payload) && isBase64URL(signature): // cut, or with unused bits set
		return nil, fmt.Errorf("%w: the token's", ErrSignatureMismatch)
	default:
		return nil, fmt.Errorf("%w: its payload or signature is not base64url", ErrBadToken)
	}
	key, err := rsaKey(ctx, keys, kid, probe)
	if err != nil {
		return nil, err
	}
	signed := token[:len(header)+1+len(payload)]
	if jwsbb.VerifyRSA(key, []byte(signed), sum, crypto.SHA256, false) != nil {
		return nil, fmt.Errorf("%w: the token's", ErrSignatureMismatch)
	}
	return claims, nil
}

// rsaKey returns the RSA key of that kid.
func rsaKey(ctx context.Context, set KeySet, kid string, probe bool) (*rsa.PublicKey, error) {
	for missed := false; ; missed = true {
		keys, err := set.Keys(ctx, missed)
		if err != nil {
			return nil, noKeys(err)
		}
		for _, k := range keys {
			if public, ok := k.Public.(*rsa.PublicKey); ok && k.ID == kid {
				return public, nil
			}
		}
		if missed || !probe {
			return nil, ErrUnknownKey
		}
	}
}

// readHeader returns the kid of a token that is worth looking at.
func readHeader(encoded string) (kid string, err error) {
	text, err := base64url.DecodeString(encoded)
	if err != nil {
		return "", fmt.Errorf("%w: its header is not base64url", ErrBadToken)
	}
	header, ok := parseObject(text)
	if !ok {
		return "", fmt.Errorf("%w: its header is not a JSON object", ErrBadToken)
	}
	alg, kid := header.text("alg"), header.text("kid")
	switch {
	case header.has("crit") || header.has("b64"):
		return "", fmt.Errorf("%w: its header has crit or b64", ErrBadToken)
	case alg == "" || kid == "":
		return "", fmt.Errorf("%w: its header lacks alg or kid", ErrBadToken)
	case alg != algRS256:
		return "", fmt.Errorf("%w: it is not %s", ErrAlgorithmNotAllowed, algRS256)
	}
	return kid, nil
}
