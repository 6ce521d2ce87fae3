package verify

import (
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/lestrrat-go/jwx/v3/jwk"
)

const (
	maxKeys    = 64   // of a JWKS; Google's have two to five
	minRSABits = 2048 // RFC 7518 section 3.3
)

// publicKeys are the usable keys of one JWKS.
type publicKeys struct {
	rsa map[string]*rsa.PublicKey // by kid, for RS256
}

// parseJWKS keeps the RSA keys that can verify RS256 and have a kid, for a
// token without one is refused. Other keys are left out, and a set without any
// usable one is an error: it would refuse everything, and Google never
// publishes such.
func parseJWKS(document []byte) (publicKeys, error) {
	set, err := jwk.Parse(document, jwk.WithStrictKeySetParsing(false), jwk.WithMaxKeys(maxKeys))
	if err != nil {
		return publicKeys{}, errors.New("the document is not a JWKS, or one with too many keys")
	}
	keys := publicKeys{rsa: make(map[string]*rsa.PublicKey)}
	for i := range set.Len() {
		k, ok := set.Key(i)
		if !ok {
			continue
		}
		kid, _ := k.KeyID()
		if public, ok := rs256Key(k); ok && kid != "" {
			keys.rsa[kid] = public
		}
	}
	if len(keys.rsa) == 0 {
		return publicKeys{}, fmt.Errorf("none of the %d keys of the JWKS is usable", set.Len())
	}
	return keys, nil
}

// rs256Key returns a key's RSA public key, if it is one, made for RS256
// signatures as far as it says, and long enough.
func rs256Key(k jwk.Key) (*rsa.PublicKey, bool) {
	if _, ok := k.(jwk.RSAPublicKey); !ok {
		return nil, false
	}
	if alg, ok := k.Algorithm(); ok && alg.String() != "" && alg.String() != algRS256 {
		return nil, false
	}
	if use, ok := k.KeyUsage(); ok && use != "" && use != "sig" {
		return nil, false
	}
	var public rsa.PublicKey
	if err := jwk.Export(k, &public); err != nil || public.N.BitLen() < minRSABits || public.E < 3 {
		return nil, false
	}
	return &public, true
}
