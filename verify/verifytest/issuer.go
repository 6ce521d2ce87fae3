package verifytest

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"sync"
	"time"
)

// Issuer signs RS256 tokens and v1a deliveries, and serves the JWKS that
// verifies them. It is safe for concurrent use.
type Issuer struct {
	mu      sync.Mutex
	key     *rsa.PrivateKey
	kid     string
	count   int // keys made so far
	ed25519 []ed25519Key
	status  int
	fetches int
}

// NewIssuer makes a key (RSA, 2048 bits, kid "key-1") and serves it with a max-age of an hour.
func NewIssuer() (*Issuer, error) {
	i := &Issuer{status: http.StatusOK}
	return i, i.Rotate()
}

// NewIssuerOf makes an issuer of keys that are given, for what must be the same each
// time it is made. The Ed25519 keys have the kids "ed-1", "ed-2" and so on.
func NewIssuerOf(kid string, key *rsa.PrivateKey, signing ...ed25519.PrivateKey) *Issuer {
	i := &Issuer{status: http.StatusOK, key: key, kid: kid}
	for n, private := range signing {
		i.ed25519 = append(i.ed25519, ed25519Key{fmt.Sprintf("ed-%d", n+1), private})
	}
	return i
}

// Rotate replaces the key by a new one with the next kid. The old key is gone
// from the JWKS at once.
func (i *Issuer) Rotate() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.count++
	i.key, i.kid = key, fmt.Sprintf("key-%d", i.count)
	return nil
}

// Fail makes the JWKS answer with a status other than 200, until Fail(200).
func (i *Issuer) Fail(status int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.status = status
}

// Fetches is how often the JWKS was asked for, failures included.
func (i *Issuer) Fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

// ServeHTTP serves the JWKS, on any path.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fetches++
	if i.status != http.StatusOK {
		w.WriteHeader(i.status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	_ = json.NewEncoder(w).Encode(i.keySet())
}

// KeySet is the JWKS.
func (i *Issuer) KeySet() map[string]any {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keySet()
}

func (i *Issuer) keySet() map[string]any {
	keys := []any{JWK(i.kid, &i.key.PublicKey)}
	for _, k := range i.ed25519 {
		keys = append(keys, k.jwk())
	}
	return map[string]any{"keys": keys}
}

// JWK returns a public key as a member of a JWKS, for RS256.
func JWK(kid string, key *rsa.PublicKey) map[string]any {
	return map[string]any{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid,
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}
}

// Option changes a token before it is signed.
type Option func(header, claims map[string]any)

// Claim sets a claim.
func Claim(name string, value any) Option {
	return func(_, claims map[string]any) { claims[name] = value }
}

// NoClaim leaves a claim out.
func NoClaim(name string) Option {
	return func(_, claims map[string]any) { delete(claims, name) }
}

// Header sets a member of the token's header. The signature stays RS256 whatever alg says.
func Header(name string, value any) Option {
	return func(header, _ map[string]any) { header[name] = value }
}

// NoHeader leaves a member of the token's header out.
func NoHeader(name string) Option {
	return func(header, _ map[string]any) { delete(header, name) }
}

// Push returns a token as Pub/Sub sends it with a push, issued at now for an hour.
func (i *Issuer) Push(audience, account string, now time.Time, options ...Option) (string, error) {
	return i.Token(map[string]any{
		"iss": "https://accounts.google.com", "aud": audience, "azp": "113774264463038321964", "sub": "113774264463038321964",
		"email": account, "email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}, options...)
}

// Token signs claims with the current key.
func (i *Issuer) Token(claims map[string]any, options ...Option) (string, error) {
	i.mu.Lock()
	key, kid := i.key, i.kid
	i.mu.Unlock()
	header := map[string]any{"alg": "RS256", "typ": "JWT", "kid": kid}
	for _, o := range options {
		o(header, claims)
	}
	h, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	c, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(c)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
