package gemini

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"example.com/gemini-webhook/internal/localcloud/rest"
)

// JWKSPath is where the keys of dynamic deliveries are served, without an API key.
const JWKSPath = "/.well-known/jwks.json"

const (
	ed25519Keys   = 3 // observed in Gemini's JWKS
	rsaBits       = 2048
	tokenLifetime = 5 * time.Minute // exp less iat
)

// dynamicKeys are Google's at one time, the same for all customers. Those of Ed25519 follow from the seed. Go makes no RSA
// keys that do, and takes a while, so that one is made when it is first asked for.
type dynamicKeys struct {
	ed25519 [ed25519Keys]ed25519.PrivateKey
	rsa     func() (*rsa.PrivateKey, error)
}

// newKeys makes the next keys; s.mu must be held.
func (s *Server) newKeys() dynamicKeys {
	keys := dynamicKeys{rsa: sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, rsaBits) })}
	for i := range keys.ed25519 {
		seed := s.draw("key")
		keys.ed25519[i] = ed25519.NewKeyFromSeed(seed[:])
	}
	return keys
}

// RotateKeys replaces all keys of dynamic deliveries. The old ones are gone from the JWKS at once, and what is sent from
// now on, later attempts of earlier deliveries included, is signed with the new ones.
func (s *Server) RotateKeys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = s.newKeys()
}

func (s *Server) serveJWKS(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	keys := s.keys
	s.mu.Unlock()
	private, err := keys.rsa()
	if err != nil {
		rest.WriteError(w, &rest.Error{Code: http.StatusInternalServerError, Status: "INTERNAL", Message: "The keys cannot be made."})
		return
	}
	set := []map[string]string{{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": keyID(private.N.Bytes()),
		"n": base64.RawURLEncoding.EncodeToString(private.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(private.E)).Bytes())}}
	for _, key := range keys.ed25519 {
		public := key.Public().(ed25519.PublicKey)
		set = append(set, map[string]string{"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": keyID(public),
			"x": base64.RawURLEncoding.EncodeToString(public)})
	}
	w.Header().Set("Cache-Control", "public, max-age=3600")
	rest.WriteJSON(w, http.StatusOK, map[string]any{"keys": set})
}

// keyID names a key by what it is, 40 hex digits as Google's are, so that no two keys ever have the same.
func keyID(public []byte) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:])[:40]
}

// dynamicSigner signs one message as Gemini does for webhook_config, by others' libraries, so that it is independent of the
// receiver's code.
type dynamicSigner struct {
	keys   dynamicKeys
	scheme Scheme
	index  int                  // of the Ed25519 key
	claims func(map[string]any) // changes those of a JWT
}

func (d dynamicSigner) sign(id string, at time.Time, body []byte) (string, error) {
	if d.scheme == SchemeRS256 {
		return d.jwt(at, body)
	}
	message := append([]byte(id+"."+strconv.FormatInt(at.Unix(), 10)+"."), body...)
	return "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(d.keys.ed25519[d.index], message)), nil
}

// jwt is the token of one attempt (RFC 7515, compact form).
func (d dynamicSigner) jwt(at time.Time, body []byte) (string, error) {
	private, err := d.keys.rsa()
	if err != nil {
		return "", fmt.Errorf("gemini: no RSA key could be made: %w", err)
	}
	var members map[string]json.RawMessage // the same bytes, so that no number changes
	if err := json.Unmarshal(body, &members); err != nil {
		return "", fmt.Errorf("gemini: the event cannot be put into a token: %w", err)
	}
	claims := jwt.MapClaims{}
	for name, value := range members {
		claims[name] = value
	}
	claims["iat"], claims["exp"] = at.Unix(), at.Add(tokenLifetime).Unix()
	if d.claims != nil {
		d.claims(claims)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = keyID(private.N.Bytes())
	signed, err := token.SignedString(private)
	if err != nil {
		return "", fmt.Errorf("gemini: sign the claims, which Options.Claims may have changed: %w", err)
	}
	return signed, nil
}
