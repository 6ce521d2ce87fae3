package verify_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"example.com/gemini-webhook/verify/verifytest"
)

// Tokens that golang-jwt made are accepted and refused as they should be.
func TestInteropGolangJWT(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	must(t, err)
	_, edKey, err := ed25519.GenerateKey(nil)
	must(t, err)
	issuer := newEd25519Issuer(t)
	url := serveKeys(t, verifytest.JWK("theirs", &key.PublicKey))
	type event struct {
		Type string         `json:"type"`
		Data map[string]any `json:"data"`
		jwt.RegisteredClaims
	}
	registered := jwt.RegisteredClaims{
		Issuer: "them", Audience: jwt.ClaimStrings{"us", "others"}, Subject: "s", ID: "1",
		ExpiresAt: jwt.NewNumericDate(start.Add(time.Minute)), NotBefore: jwt.NewNumericDate(start), IssuedAt: jwt.NewNumericDate(start),
	}
	expired := registered
	expired.ExpiresAt = jwt.NewNumericDate(start.Add(-time.Hour))
	tests := map[string]struct {
		method jwt.SigningMethod
		claims jwt.Claims
		key    any
		body   string
		want   string
	}{
		"RS256":            {jwt.SigningMethodRS256, registered, key, string(body), "ok"},
		"with an event":    {jwt.SigningMethodRS256, event{"batch.succeeded", map[string]any{"id": "batch_1"}, registered}, key, string(body), "ok"},
		"another event":    {jwt.SigningMethodRS256, event{"batch.failed", map[string]any{"id": "batch_1"}, registered}, key, string(body), "body_mismatch"},
		"MapClaims":        {jwt.SigningMethodRS256, jwt.MapClaims{"exp": start.Unix(), "aud": "us", "iss": "them"}, key, "", "ok"},
		"without exp":      {jwt.SigningMethodRS256, jwt.MapClaims{"aud": "us", "iss": "them"}, key, "", "bad_token"},
		"another audience": {jwt.SigningMethodRS256, jwt.MapClaims{"exp": start.Unix(), "aud": "others", "iss": "them"}, key, "", "audience_mismatch"},
		"another issuer":   {jwt.SigningMethodRS256, jwt.MapClaims{"exp": start.Unix(), "aud": "us", "iss": "us"}, key, "", "issuer_mismatch"},
		"expired":          {jwt.SigningMethodRS256, expired, key, "", "token_expired"},
		"RS384":            {jwt.SigningMethodRS384, registered, key, "", "algorithm_not_allowed"},
		"RS512":            {jwt.SigningMethodRS512, registered, key, "", "algorithm_not_allowed"},
		"PS256":            {jwt.SigningMethodPS256, registered, key, "", "algorithm_not_allowed"},
		"EdDSA":            {jwt.SigningMethodEdDSA, registered, edKey, "", "algorithm_not_allowed"},
		"HS256":            {jwt.SigningMethodHS256, registered, key.N.Bytes(), "", "algorithm_not_allowed"},
		"none":             {jwt.SigningMethodNone, registered, jwt.UnsafeAllowNoneSignatureType, "", "algorithm_not_allowed"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newDynamicRigOf(t, issuer, audiences("us"), issuers("them"))
			r.all.Keys = newKeySet(url, r.Now)
			token := jwt.NewWithClaims(tc.method, tc.claims)
			token.Header["kid"] = "theirs"
			signed, err := token.SignedString(tc.key)
			must(t, err)
			if _, got := r.send(t, dynamicPath, verifytest.Headers("msg_1", seconds, signed), []byte(tc.body)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
