package jwks

import (
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"

	"github.com/lestrrat-go/jwx/v3/jwk"

	"example.com/gemini-webhook/verify"
)

const (
	maxKeys    = 64   // of a JWKS; Google's have two to five
	minRSABits = 2048 // RFC 7518 section 3.3
)

// Parse keeps the RSA keys that can verify RS256 and have a kid, for a token
// without one is refused, and the Ed25519 keys, with and without kid: a v1a
// signature names none. Other keys are left out, and a set without any usable one
// is an error: it would refuse everything, and Google never publishes such.
func Parse(document []byte) ([]verify.Key, error) {
	set, err := jwk.Parse(document, jwk.WithStrictKeySetParsing(false), jwk.WithMaxKeys(maxKeys))
	if err != nil {
		return nil, errors.New("the document is not a JWKS, or one with too many keys")
	}
	var keys []verify.Key
	for i := range set.Len() {
		k, ok := set.Key(i)
		if !ok {
			continue
		}
		kid, _ := k.KeyID()
		if public, ok := rs256Key(k); ok {
			if kid != "" {
				keys = append(keys, verify.Key{ID: kid, Public: public})
			}
		} else if public, ok := ed25519Key(k); ok {
			keys = append(keys, verify.Key{ID: kid, Public: public})
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("none of the %d keys of the JWKS is usable", set.Len())
	}
	return keys, nil
}

// rs256Key returns a key's RSA public key, if it is one, made for RS256
// signatures as far as it says, and long enough.
func rs256Key(k jwk.Key) (*rsa.PublicKey, bool) {
	if _, ok := k.(jwk.RSAPublicKey); !ok || !verifies(k, "RS256") {
		return nil, false
	}
	var public rsa.PublicKey
	if err := jwk.Export(k, &public); err != nil || public.N.BitLen() < minRSABits || public.E < 3 {
		return nil, false
	}
	return &public, true
}

// ed25519Key returns a key's Ed25519 public key (RFC 8037), if it is one, made
// for signatures as far as it says. RFC 9864 renamed its algorithm.
func ed25519Key(k jwk.Key) (ed25519.PublicKey, bool) {
	if _, ok := k.(jwk.OKPPublicKey); !ok || !verifies(k, "EdDSA", "Ed25519") {
		return nil, false
	}
	var public ed25519.PublicKey
	if err := jwk.Export(k, &public); err != nil || len(public) != ed25519.PublicKeySize {
		return nil, false
	}
	return public, true
}

// verifies says whether what a key says of itself allows it to verify
// signatures of one of these algorithms.
func verifies(k jwk.Key, algorithms ...string) bool {
	if alg, ok := k.Algorithm(); ok && alg.String() != "" && !slices.Contains(algorithms, alg.String()) {
		return false
	}
	if use, ok := k.KeyUsage(); ok && use != "" && use != "sig" {
		return false
	}
	ops, ok := k.KeyOps()
	return !ok || len(ops) == 0 || slices.Contains(ops, jwk.KeyOpVerify)
}
