package push

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash/fnv"
	"math/big"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// Issuer is Google's, as it stands in the tokens of Pub/Sub.
	Issuer = "https://accounts.google.com"
	// CertsPath is where Tokens serves its key set, CertificatesPath the same as
	// certificates by key id, which most of Google's clients read.
	CertsPath        = "/oauth2/v3/certs"
	CertificatesPath = "/oauth2/v1/certs"

	tokenLifetime = time.Hour
	keyBits       = 2048
)

// Tokens signs OIDC tokens like those of Pub/Sub with a key of its own, and
// serves the key set to verify them with.
type Tokens struct {
	now func() time.Time

	mu  sync.Mutex
	key *rsa.PrivateKey
	kid string
}

// NewTokens makes a new RSA key. now is the clock of iat and exp; time.Now
// where nil.
func NewTokens(now func() time.Time) (*Tokens, error) {
	if now == nil {
		now = time.Now
	}
	t := &Tokens{now: now}
	if err := t.Rotate(); err != nil {
		return nil, err
	}
	return t, nil
}

// Rotate replaces the key by a new one. The old one is gone from the key set at
// once, which is harder than what Google does.
func (t *Tokens) Rotate() error {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return fmt.Errorf("push: make token key: %w", err)
	}
	sum := sha256.Sum256(key.N.Bytes())
	t.mu.Lock()
	defer t.mu.Unlock()
	t.key, t.kid = key, fmt.Sprintf("%x", sum[:20])
	return nil
}

// current is the key that signs now, and its id.
func (t *Tokens) current() (key *rsa.PrivateKey, kid string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.key, t.kid
}

// Mint signs a token (RS256) for that audience, as Pub/Sub would for a
// subscription with that service account. It is good for one hour.
func (t *Tokens) Mint(audience, email string) (string, error) {
	now := t.now()
	key, kid := t.current()
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(email)) // never fails
	// A service account's id has 21 digits.
	subject := "1" + fmt.Sprintf("%020s", strconv.FormatUint(hash.Sum64(), 10))
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"aud": audience, "azp": subject, "email": email, "email_verified": true,
		"exp": now.Add(tokenLifetime).Unix(), "iat": now.Unix(), "iss": Issuer, "sub": subject,
	})
	token.Header["kid"] = kid
	return token.SignedString(key)
}

// ServeHTTP serves the key set at CertsPath and CertificatesPath, and nothing else.
func (t *Tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var set any
	var err error
	key, kid := t.current()
	switch r.URL.Path {
	case CertsPath:
		b64 := base64.RawURLEncoding.EncodeToString
		set = map[string]any{"keys": []any{map[string]string{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid,
			"n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes()),
		}}}
	case CertificatesPath:
		var text string
		text, err = t.certificate(key)
		set = map[string]string{kid: text}
	default:
		http.NotFound(w, r)
		return
	}
	body, marshalErr := json.Marshal(set)
	if err != nil || marshalErr != nil {
		http.Error(w, "encode key set", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Cache-Control", "public, max-age=3600, must-revalidate, no-transform")
	_, _ = w.Write(body) // fails only where the client has gone
}

// certificate is the key's, signed by itself, in PEM.
func (t *Tokens) certificate(key *rsa.PrivateKey) (string, error) {
	now := t.now()
	made := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "federated-signon.system.gserviceaccount.com"},
		NotBefore: now.Add(-tokenLifetime), NotAfter: now.Add(14 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, made, made, key.Public(), key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), err
}
