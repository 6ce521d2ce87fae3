package verify

import (
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
		`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`,
	} {
		f.Add([]byte(seed))
	}
	if _, err := parseJWKS([]byte(`{"keys":[` + rsaKey + `]}`)); err != nil {
		f.Fatalf("the good seed is refused: %v", err)
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		keys, err := parseJWKS(document)
		if (err == nil) != (len(keys.rsa) > 0) {
			t.Fatalf("%d keys and error %v", len(keys.rsa), err)
		}
		for kid, k := range keys.rsa {
			if kid == "" || k.N.BitLen() < minRSABits || k.E < 3 || len(keys.rsa) > maxKeys {
				t.Errorf("kid %q, %d bits, exponent %d, among %d", kid, k.N.BitLen(), k.E, len(keys.rsa))
			}
		}
	})
}
