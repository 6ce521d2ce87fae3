package verify

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// A path token is as long as 24 to 96 bytes in base64url.
const (
	minTokenChars = 32
	maxTokenChars = 128
)

var errTokenForm = fmt.Errorf("a path token wants %d to %d of A-Z a-z 0-9 _ -", minTokenChars, maxTokenChars)

// Tokens are the path tokens that show that a dynamic delivery's job is ours:
// the versions of one secret (SPEC.md "Secrets and tokens"). They are kept and
// compared as SHA-256 hashes.
type Tokens struct {
	store  *SecretStore
	secret []*secretSet // the one
}

// NewTokens returns the path tokens of a secret (projects/P/secrets/S).
// Overlap is how long a version is accepted after the next one was created: a
// URL lives as long as the job that carries it, and its retries. It looks
// nothing up yet.
func NewTokens(store *SecretStore, secret string, overlap time.Duration) *Tokens {
	return &Tokens{store, []*secretSet{store.add(secret, overlap, pathTokens)}}
}

// check returns nil where the token is a current one. Errors:
// [ErrOriginUnproven], and [ErrUnavailable] where the secret cannot be read.
// Probe says whether a wrong token may cause a look for new versions; one that
// can be nobody's never does.
func (t *Tokens) check(ctx context.Context, token string, probe bool) error {
	if !isToken(token) {
		return fmt.Errorf("%w: the path's second segment is no path token; use the URL that webhookctl dynamic-uri prints", ErrOriginUnproven)
	}
	sum := tokenHash(sha256.Sum256([]byte(token)))
	secret, err := t.store.match(ctx, t.secret, probe, &sum)
	switch {
	case err != nil:
		return err
	case secret == nil:
		return fmt.Errorf("%w: the path token is of none of the accepted versions; use the URL that webhookctl dynamic-uri prints", ErrOriginUnproven)
	}
	return nil
}

type tokenHash [sha256.Size]byte

// madeBy says whether the token is the version's.
func (h *tokenHash) madeBy(k key) bool { return subtle.ConstantTimeCompare(k.secret(), h[:]) == 1 }

const newTokenBytes = 32 // of randomness: 256 bits, 43 characters in a URL

// NewToken makes a path token. It is a secret: whoever makes it stores it as a
// version and shows it to nobody.
func NewToken() []byte {
	random := make([]byte, newTokenBytes)
	_, _ = rand.Read(random) // never fails: it ends the program instead
	return base64.RawURLEncoding.AppendEncode(nil, random)
}

// CheckToken says why a receiver would not take a version's payload for a path
// token, or nil. The error holds nothing of the payload.
func CheckToken(payload []byte) error {
	_, err := pathTokens(payload)
	return err
}

// pathTokens reads the payload of a token secret's version, as the hash of the token.
func pathTokens(payload []byte) ([]key, error) {
	payload = bytes.TrimSpace(payload)
	switch {
	case placeholder.Match(payload):
		return nil, errPlaceholder
	case !isToken(string(payload)):
		return nil, errTokenForm
	}
	sum := sha256.Sum256(payload)
	return []key{newKey(sum[:])}, nil
}

// isToken says whether s has the form of a path token. Base64url has its letters.
func isToken(s string) bool {
	return len(s) >= minTokenChars && len(s) <= maxTokenChars && isBase64URL(s)
}

// pathToken returns the second segment, decoded, of a path whose first one,
// decoded, is "dynamic", and whether it is such a path. Like every path it is
// case-sensitive. What cannot be decoded is no token.
func pathToken(escaped string) (token string, dynamic bool) {
	first, rest, found := strings.Cut(strings.TrimPrefix(escaped, "/"), "/")
	if decoded, err := url.PathUnescape(first); !found || err != nil || decoded != "dynamic" {
		return "", false
	}
	second, _, _ := strings.Cut(rest, "/")
	token, err := url.PathUnescape(second)
	if err != nil {
		return "", true
	}
	return token, true
}
