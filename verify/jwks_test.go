package verify

import (
	"crypto/ed25519"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// A real-looking modulus of 2048 bits.
var seedModulus = "w" + strings.Repeat("Q", 340) + "E"

// The key that verified last is tried first, also after the set was fetched anew.
func TestLastGoodKeyFirst(t *testing.T) {
	t.Parallel()
	message := []byte("message")
	var keys []ed25519.PublicKey
	var signatures [][]byte
	for range 3 {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, public)
		signatures = append(signatures, ed25519.Sign(private, message))
	}
	set := &publicKeys{ed25519: keys}
	for _, by := range []int{0, 2, 1, 1, 0, 2} {
		if !set.signed(message, signatures[by:by+1]) {
			t.Errorf("key %d is not found", by)
		}
		if got := set.lastGood.Load(); got != int32(by) {
			t.Errorf("key %d is first after key %d was good", got, by)
		}
	}
	if set.signed([]byte("another"), signatures) || set.signed(message, nil) || set.lastGood.Load() != 2 {
		t.Error("a forgery counts")
	}
	for _, tc := range []struct {
		name string
		keys []ed25519.PublicKey
		want int32
	}{
		{"the same", keys, 2},
		{"another order", []ed25519.PublicKey{keys[1], keys[2], keys[0]}, 1},
		{"without it", keys[:2], 0},
		{"none", nil, 0},
	} {
		next := &publicKeys{ed25519: tc.keys}
		s := NewKeySet(KeySetConfig{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		s.apply(set, time.Hour, nil)
		s.apply(next, time.Hour, nil)
		if got := next.lastGood.Load(); got != tc.want {
			t.Errorf("%s: key %d is first, want %d", tc.name, got, tc.want)
		}
		if len(tc.keys) > 0 && !next.signed(message, signatures) {
			t.Errorf("%s: no key is found", tc.name)
		}
	}
}

func FuzzJWKS(f *testing.F) {
	rsaKey := `{"kty":"RSA","kid":"k","alg":"RS256","use":"sig","e":"AQAB","n":"` + seedModulus + `"}`
	for _, seed := range []string{
		"", "null", "[]", "{}", `{"keys":[]}`, `{"keys":{}}`, `{"keys":[null,1,"x"]}`,
		`{"keys":[` + rsaKey + `]}`, rsaKey, `{"keys":[` + rsaKey + `,{"kty":"new"}]}`,
		`{"keys":[{"kty":"RSA","kid":"k","e":"","n":""}]}`,
		`{"keys":[{"kty":"RSA","kid":"k","e":"AQ","n":"` + seedModulus + `"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA","kid":"k","alg":"EdDSA"},{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`,
	} {
		f.Add([]byte(seed))
	}
	if _, err := parseJWKS([]byte(`{"keys":[` + rsaKey + `]}`)); err != nil {
		f.Fatalf("the good seed is refused: %v", err)
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		keys, err := parseJWKS(document)
		if err != nil {
			return
		}
		if n := len(keys.rsa) + len(keys.ed25519); n < 1 || n > maxKeys {
			t.Fatalf("%d keys", n)
		}
		for _, k := range keys.ed25519 {
			if len(k) != ed25519.PublicKeySize {
				t.Errorf("an Ed25519 key of %d bytes", len(k))
			}
		}
		for kid, k := range keys.rsa {
			if kid == "" || k.N.BitLen() < minRSABits || k.E < 3 {
				t.Errorf("kid %q, %d bits, exponent %d", kid, k.N.BitLen(), k.E)
			}
		}
	})
}
