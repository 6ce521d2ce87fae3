package verifytest

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// What [Claims] says. Nobody has published what Gemini's tokens say.
const (
	Audience  = "gemini-webhook"
	TokenFrom = "https://generativelanguage.googleapis.com"
)

type ed25519Key struct {
	kid     string
	private ed25519.PrivateKey
}

// jwk returns the public key as a member of a JWKS (RFC 8037).
func (k ed25519Key) jwk() map[string]any {
	public, _ := k.private.Public().(ed25519.PublicKey)
	m := map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public)}
	if k.kid != "" {
		m["kid"] = k.kid
	}
	return m
}

// SetEd25519 replaces the Ed25519 keys by new ones, one for each kid; "" makes
// one without. The old keys are gone from the JWKS at once. An issuer starts
// with none.
func (i *Issuer) SetEd25519(kids ...string) error {
	keys := make([]ed25519Key, len(kids))
	for n, kid := range kids {
		_, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			return err
		}
		keys[n] = ed25519Key{kid, private}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ed25519 = keys
	return nil
}

// Ed25519 returns one entry of the signature list, "v1a,<base64>", over the
// texts as they are, by the key of that index in the last SetEd25519. It panics
// where there is none.
func (i *Issuer) Ed25519(index int, id, timestamp string, body []byte) string {
	i.mu.Lock()
	key := i.ed25519[index]
	i.mu.Unlock()
	message := append([]byte(id+"."+timestamp+"."), body...)
	return "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(key.private, message))
}

// DeliverEd25519 returns the headers of a dynamic delivery as live traffic was
// observed to be: signed with the first Ed25519 key.
func (i *Issuer) DeliverEd25519(id string, timestamp time.Time, body []byte) http.Header {
	seconds := strconv.FormatInt(timestamp.Unix(), 10)
	return Headers(id, seconds, i.Ed25519(0, id, seconds, body))
}

// DeliverJWT returns the headers of a dynamic delivery as it is documented: an
// RS256 token with [Claims], which options may change. With [Carry] the token
// carries the event.
func (i *Issuer) DeliverJWT(id string, timestamp time.Time, options ...Option) (http.Header, error) {
	token, err := i.Token(Claims(timestamp), options...)
	if err != nil {
		return nil, err
	}
	return Headers(id, strconv.FormatInt(timestamp.Unix(), 10), token), nil
}

// Claims are those of a dynamic delivery's token, issued at now for five minutes.
func Claims(now time.Time) map[string]any {
	return map[string]any{"iss": TokenFrom, "aud": Audience, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
}

// Carry puts the members of an event, a JSON object, into the claims. It panics
// where event is none.
func Carry(event []byte) Option {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(event, &members); err != nil {
		panic(fmt.Sprintf("verifytest: the event is not a JSON object: %v", err))
	}
	return func(_, claims map[string]any) {
		for name, value := range members {
			claims[name] = value
		}
	}
}
