package verify

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/url"
	"strings"

	"example.com/gemini-webhook/internal/secret"
)

// pathToken returns the second segment, decoded, of a path whose first one,
// decoded, is "dynamic", and whether it is such a path. Like every path it is
// case-sensitive. What cannot be decoded is no token.
func pathToken(escaped string) (token string, dynamic bool) {
	first, rest, found := strings.Cut(strings.TrimPrefix(escaped, "/"), "/")
	if !found || len(first) > len("%64%79%6E%61%6D%69%63") { // a stranger's is not worth decoding
		return "", false
	}
	if decoded, err := url.PathUnescape(first); err != nil || decoded != "dynamic" {
		return "", false
	}
	second, _, _ := strings.Cut(rest, "/")
	token, err := url.PathUnescape(second)
	if err != nil {
		return "", true
	}
	return token, true
}

// checkToken returns the version that the token is of, or why it is none of ours. Probe says whether a
// wrong token may cause a look for new ones; one that can be nobody's never does.
func checkToken(ctx context.Context, tokens Secrets, token string, probe bool) (Version, error) {
	if !secret.ValidToken(token) {
		return Version{}, fmt.Errorf("%w: the path's second segment is no path token; use the URL that webhookctl dynamic-uri prints", ErrOriginUnproven)
	}
	sum := tokenHash(sha256.Sum256([]byte(token)))
	version, ok, err := tokens.Match(ctx, &sum, probe)
	switch {
	case err != nil:
		return Version{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case !ok:
		return Version{}, fmt.Errorf("%w: the path token is of none of the accepted versions; use the URL that webhookctl dynamic-uri prints", ErrOriginUnproven)
	}
	return version, nil
}

// tokenHash is what path tokens are kept and compared as.
type tokenHash [sha256.Size]byte

// Match implements [Matcher].
func (h *tokenHash) Match(key []byte) bool { return subtle.ConstantTimeCompare(key, h[:]) == 1 }
