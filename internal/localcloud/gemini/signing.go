package gemini

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"example.com/gemini-webhook/internal/secret"
)

// signer makes the value of webhook-signature for one attempt: one entry, or several separated by spaces.
type signer interface {
	sign(id string, at time.Time, body []byte) (string, error)
}

// newSecret is a signing secret, whsec_ + base64.
func newSecret(key [32]byte) secret.Value {
	return secret.NewValue([]byte("whsec_" + base64.StdEncoding.EncodeToString(key[:])))
}

// ringKey is one secret of a webhook; expires is zero for the current one.
type ringKey struct {
	secret  secret.Value
	expires time.Time
}

// truncated is what get and list show of a secret; Gemini's own form is not published.
func (k ringKey) truncated() string { return string(k.secret.Reveal()[:len("whsec_")+4]) + "..." }

// keyRing holds a webhook's secrets, the oldest first and the current one last.
type keyRing []ringKey

// live is the ring without what has expired.
func (r keyRing) live(now time.Time) keyRing {
	var kept keyRing
	for _, k := range r {
		if k.expires.IsZero() || now.Before(k.expires) {
			kept = append(kept, k)
		}
	}
	return kept
}

// rotated is the ring with a new current secret; the others live until the given time at most, or, if it is zero, no more.
func (r keyRing) rotated(next secret.Value, until time.Time) keyRing {
	var out keyRing
	if !until.IsZero() {
		for _, k := range r {
			if k.expires.IsZero() || k.expires.After(until) {
				k.expires = until
			}
			out = append(out, k)
		}
	}
	return append(out, ringKey{secret: next})
}

// staticSigner signs as Gemini does for registered webhooks: v1, HMAC-SHA256 over id.timestamp.body. The code that
// signs is Standard Webhooks' own library, so that it is independent of the receiver's.
type staticSigner []secret.Value

// newStaticSigner picks the secrets that sign now, in the order of their entries.
func newStaticSigner(ring keyRing, mode Signing, now time.Time) staticSigner {
	live := ring.live(now)
	switch mode {
	case SignOldUntilExpiry:
		return staticSigner{live[0].secret}
	case SignNewAtOnce:
		return staticSigner{live[len(live)-1].secret}
	}
	var all staticSigner
	for i := len(live) - 1; i >= 0; i-- {
		all = append(all, live[i].secret)
	}
	return all
}

func (s staticSigner) sign(id string, at time.Time, body []byte) (string, error) {
	entries := make([]string, len(s))
	for i, key := range s {
		hook, err := standardwebhooks.NewWebhook(string(key.Reveal()))
		if err != nil {
			return "", fmt.Errorf("gemini: a signing secret is not base64; rotate it")
		}
		if entries[i], err = hook.Sign(id, at, body); err != nil {
			return "", fmt.Errorf("gemini: signing failed: %w", err)
		}
	}
	return strings.Join(entries, " "), nil
}
