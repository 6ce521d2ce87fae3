package jwks

import (
	"crypto/ed25519"
	"crypto/rsa"
	"strings"
	"testing"
)

// A real-looking modulus of 2048 bits.
var seedModulus = "w" + strings.Repeat("Q", 340) + "E"

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
	if _, err := Parse([]byte(`{"keys":[` + rsaKey + `]}`)); err != nil {
		f.Fatalf("the good seed is refused: %v", err)
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		keys, err := Parse(document)
		if err != nil {
			return
		}
		if len(keys) < 1 || len(keys) > maxKeys {
			t.Fatalf("%d keys", len(keys))
		}
		for _, key := range keys {
			switch k := key.Public.(type) {
			case ed25519.PublicKey:
				if len(k) != ed25519.PublicKeySize {
					t.Errorf("an Ed25519 key of %d bytes", len(k))
				}
			case *rsa.PublicKey:
				if key.ID == "" || k.N.BitLen() < minRSABits || k.E < 3 {
					t.Errorf("kid %q, %d bits, exponent %d", key.ID, k.N.BitLen(), k.E)
				}
			default:
				t.Errorf("a key of type %T", k)
			}
		}
	})
}
