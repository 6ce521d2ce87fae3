package verify

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
)

const algRS256 = "RS256"

// claims are the members of a verified token's payload. Names are exact:
// encoding/json would take "EXP" for "exp" when decoding into a struct.
type claims map[string]json.RawMessage

// verifyRS256 checks a compact token's signature against the key set and
// returns its claims. That the algorithm is RS256 is our decision and not the
// token's; jku, x5u and jwk in the header are ignored, crit and b64 refused.
// It does not look at the claims.
func verifyRS256(ctx context.Context, keys *KeySet, token string) (claims, error) {
	kid, err := readHeader(token)
	if err != nil {
		return nil, err
	}
	public, err := keys.RSA(ctx, kid)
	if err != nil {
		return nil, err
	}
	payload, err := jws.VerifyCompactFast(public, []byte(token), jwa.RS256())
	if err != nil {
		return nil, fmt.Errorf("%w: the token's", ErrSignatureMismatch)
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil || c == nil {
		return nil, fmt.Errorf("%w: its payload is not a JSON object", ErrBadToken)
	}
	return c, nil
}

// readHeader returns the kid of a token that is worth looking at.
func readHeader(token string) (kid string, err error) {
	if !looksLikeJWT(token) {
		return "", fmt.Errorf("%w: it is not three base64url parts", ErrBadToken)
	}
	encoded, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return "", fmt.Errorf("%w: its header is not base64url", ErrBadToken)
	}
	var header claims
	if err := json.Unmarshal(text, &header); err != nil {
		return "", fmt.Errorf("%w: its header is not a JSON object", ErrBadToken)
	}
	alg, kid := header.text("alg"), header.text("kid")
	_, crit := header["crit"]
	_, b64 := header["b64"]
	switch {
	case crit || b64:
		return "", fmt.Errorf("%w: its header has crit or b64", ErrBadToken)
	case alg == "" || kid == "":
		return "", fmt.Errorf("%w: its header lacks alg or kid", ErrBadToken)
	case alg != algRS256:
		return "", fmt.Errorf("%w: it is not %s", ErrAlgorithmNotAllowed, algRS256)
	}
	return kid, nil
}

// text returns a member that is a string, else "".
func (c claims) text(name string) string {
	var s string
	if json.Unmarshal(c[name], &s) != nil {
		return ""
	}
	return s
}

// isTrue says whether a member is the JSON true; the text "true" is not.
func (c claims) isTrue(name string) bool { return string(bytes.TrimSpace(c[name])) == "true" }

// audiences returns aud, which may be one string or a list.
func (c claims) audiences() []string {
	if one := c.text("aud"); one != "" {
		return []string{one}
	}
	var list []string
	if json.Unmarshal(c["aud"], &list) != nil {
		return nil
	}
	return list
}

// errNotTime: a claim is no usable date.
var errNotTime = errors.New("it is not a number of seconds")

// seconds returns a NumericDate (RFC 7519 section 2), which may have a
// fraction, and whether it is there.
func (c claims) seconds(name string) (t time.Time, present bool, err error) {
	raw, present := c[name]
	if !present {
		return time.Time{}, false, nil
	}
	var f *float64
	if err := json.Unmarshal(raw, &f); err != nil || f == nil || *f < 0 || *f > 1e12 {
		return time.Time{}, true, errNotTime
	}
	return time.UnixMicro(int64(*f * 1e6)), true, nil
}

// checkTimes checks exp, which is required, and nbf and iat where present,
// with leeway for clocks that disagree. RFC 7519 has a token expire at exp,
// not after it.
func (c claims) checkTimes(now time.Time, leeway time.Duration) error {
	exp, present, err := c.seconds("exp")
	switch {
	case err != nil || !present:
		return fmt.Errorf("%w: exp is missing or not a number of seconds", ErrBadToken)
	case !now.Before(exp.Add(leeway)):
		return ErrTokenExpired
	}
	for _, name := range []string{"nbf", "iat"} {
		from, present, err := c.seconds(name)
		switch {
		case err != nil:
			return fmt.Errorf("%w: %s: %w", ErrBadToken, name, err)
		case present && from.After(now.Add(leeway)):
			return fmt.Errorf("%w: %s", ErrTokenNotYetValid, name)
		}
	}
	return nil
}
