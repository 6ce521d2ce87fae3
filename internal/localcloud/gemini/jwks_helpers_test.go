package gemini

import (
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// jwks is what the simulator serves, as a receiver reads it.
type jwks struct {
	Keys []struct{ Kty, Alg, Use, Crv, Kid, N, E, X string }
}

func fetchKeys(t *testing.T, s *Server) (set jwks, header http.Header) {
	t.Helper()
	resp, err := http.Get(s.URL() + JWKSPath) // without an API key
	must(t, err)
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&set); err != nil || resp.StatusCode != 200 {
		t.Fatalf("status %d, %v", resp.StatusCode, err)
	}
	return set, resp.Header
}

func unbase64(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	must(t, err)
	return b
}

// kids are of all keys, in order.
func (set jwks) kids() (kids []string) {
	for _, k := range set.Keys {
		kids = append(kids, k.Kid)
	}
	return kids
}

// ed25519 is the index among the Ed25519 keys of the one that signed a delivery with v1a, or -1.
func (set jwks) ed25519(t *testing.T, g got) int {
	t.Helper()
	text, ok := strings.CutPrefix(g.header.Get("webhook-signature"), "v1a,")
	if !ok {
		return -1
	}
	signature, err := base64.StdEncoding.DecodeString(text)
	must(t, err)
	message := slices.Concat([]byte(g.header.Get("webhook-id")+"."+g.header.Get("webhook-timestamp")+"."), g.body)
	index := 0
	for _, k := range set.Keys {
		if k.Kty != "OKP" || k.Crv != "Ed25519" {
			continue
		}
		if ed25519.Verify(unbase64(t, k.X), message, signature) {
			return index
		}
		index++
	}
	return -1
}

// rs256 is the claims of a delivery's JWT, nil where the key set does not verify it.
func (set jwks) rs256(t *testing.T, g got) map[string]any {
	t.Helper()
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(g.header.Get("webhook-signature"), claims, func(token *jwt.Token) (any, error) {
		for _, k := range set.Keys {
			if k.Kty == "RSA" && k.Alg == "RS256" && k.Kid == token.Header["kid"] {
				return &rsa.PublicKey{N: new(big.Int).SetBytes(unbase64(t, k.N)), E: int(new(big.Int).SetBytes(unbase64(t, k.E)).Int64())}, nil
			}
		}
		return nil, jwt.ErrTokenUnverifiable
	})
	if err != nil {
		return nil
	}
	return claims
}

// signedBy reports whether a delivery is good by the key set in that scheme.
func (set jwks) signedBy(t *testing.T, scheme Scheme, g got) bool {
	t.Helper()
	if scheme == SchemeRS256 {
		return set.rs256(t, g) != nil
	}
	return set.ed25519(t, g) >= 0
}

// seconds is the timestamp of a delivery.
func (g got) seconds(t *testing.T) float64 {
	t.Helper()
	n, err := strconv.ParseInt(g.header.Get("webhook-timestamp"), 10, 64)
	must(t, err)
	return float64(n)
}
