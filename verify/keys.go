package verify

import (
	"context"
	"crypto"
	"fmt"
	"time"

	"example.com/gemini-webhook/internal/secret"
)

// Secrets are shared secrets of one purpose: those that sign deliveries, or
// those that are path tokens.
type Secrets interface {
	// Match returns the version of the first secret that m takes, and whether there
	// is one. Probe says that a mismatch may cause a look for new
	// secrets. An error means that none matches but one that might cannot be looked
	// up now; it becomes [ErrUnavailable].
	Match(ctx context.Context, m Matcher, probe bool) (found Version, ok bool, err error)
}

// Version is a version of a secret. It holds nothing of its value.
type Version struct {
	Secret  string    // the secret's name, projects/P/secrets/S; may be empty
	Created time.Time // zero where it is not known
	Until   time.Time // when it ceases to be accepted, for there is a newer one; zero of the newest
}

// Matcher says whether a key made what is to be verified. It keeps nothing of
// the key.
type Matcher interface{ Match(key []byte) bool }

// Key is a public key of a [KeySet].
type Key struct {
	ID     string           // kid, may be empty
	Public crypto.PublicKey // *rsa.PublicKey or ed25519.PublicKey; others are left alone
}

// KeySet is a set of public keys, such as a JWKS.
type KeySet interface {
	// Keys returns the keys that are good now; the caller does not change them.
	// Missed says that the key looked for is not among those returned before, so
	// that newer ones may be fetched. An error means that there are none now; it
	// becomes [ErrUnavailable].
	Keys(ctx context.Context, missed bool) ([]Key, error)
}

// StaticKeys is a [KeySet] that does not change.
type StaticKeys []Key

// Keys implements [KeySet].
func (k StaticKeys) Keys(context.Context, bool) ([]Key, error) { return k, nil }

// StaticSecrets are [Secrets] that do not change and have no names.
type StaticSecrets struct{ values []secret.Value }

// NewStaticSecrets takes signing secrets as Gemini shows them, whsec_ and
// base64. The error says why one cannot be used, and not which it is.
func NewStaticSecrets(signingSecrets ...string) (StaticSecrets, error) {
	return staticSecrets(secret.SigningKeys, signingSecrets)
}

// NewStaticTokens takes path tokens, 32 to 128 of A-Z a-z 0-9 _ -.
func NewStaticTokens(tokens ...string) (StaticSecrets, error) {
	return staticSecrets(secret.PathTokens, tokens)
}

func staticSecrets(read func([]byte) ([]secret.Value, error), texts []string) (s StaticSecrets, err error) {
	for _, text := range texts {
		values, err := read([]byte(text))
		if err != nil {
			return StaticSecrets{}, fmt.Errorf("verify: a secret is refused: %w", err)
		}
		s.values = append(s.values, values...)
	}
	return s, nil
}

// Match implements [Secrets].
func (s StaticSecrets) Match(_ context.Context, m Matcher, _ bool) (found Version, ok bool, err error) {
	for _, v := range s.values {
		if m.Match(v.Reveal()) {
			return Version{}, true, nil
		}
	}
	return Version{}, false, nil
}
