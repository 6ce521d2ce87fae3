package verify

import (
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/lestrrat-go/jwx/v3/jwk"
)

const (
	maxKeys    = 64   // of a JWKS; Google's have two to five
	minRSABits = 2048 // RFC 7518 section 3.3
)

// publicKeys are the usable keys of one JWKS.
type publicKeys struct {
	rsa      map[string]*rsa.PublicKey // by kid, for RS256
	ed25519  []ed25519.PublicKey       // with and without kid: a v1a signature names none
	lastGood atomic.Int32              // index in ed25519 of the key that last verified
}

// parseJWKS keeps the RSA keys that can verify RS256 and have a kid, for a
// token without one is refused, and the Ed25519 keys. Other keys are left out,
// and a set without any usable one is an error: it would refuse everything,
// and Google never publishes such.
func parseJWKS(document []byte) (*publicKeys, error) {
	set, err := jwk.Parse(document, jwk.WithStrictKeySetParsing(false), jwk.WithMaxKeys(maxKeys))
	if err != nil {
		return nil, errors.New("the document is not a JWKS, or one with too many keys")
	}
	keys := &publicKeys{rsa: make(map[string]*rsa.PublicKey)}
	for i := range set.Len() {
		k, ok := set.Key(i)
		if !ok {
			continue
		}
		if public, ok := rs256Key(k); ok {
			if kid, _ := k.KeyID(); kid != "" {
				keys.rsa[kid] = public
			}
		} else if public, ok := ed25519Key(k); ok {
			keys.ed25519 = append(keys.ed25519, public)
		}
	}
	if len(keys.rsa)+len(keys.ed25519) == 0 {
		return nil, fmt.Errorf("none of the %d keys of the JWKS is usable", set.Len())
	}
	return keys, nil
}

// rs256Key returns a key's RSA public key, if it is one, made for RS256
// signatures as far as it says, and long enough.
func rs256Key(k jwk.Key) (*rsa.PublicKey, bool) {
	if _, ok := k.(jwk.RSAPublicKey); !ok || !verifies(k, algRS256) {
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

// signed says whether one of the keys made one of the signatures. It tries the
// key that last did first.
func (k *publicKeys) signed(message []byte, signatures [][]byte) bool {
	first := int(k.lastGood.Load())
	for i := range k.ed25519 {
		i = (i + first) % len(k.ed25519)
		for _, signature := range signatures {
			if ed25519.Verify(k.ed25519[i], message, signature) {
				k.lastGood.Store(int32(i))
				return true
			}
		}
	}
	return false
}

// startWith has the key tried first that was so in the set before.
func (k *publicKeys) startWith(old *publicKeys) {
	if old == nil || len(old.ed25519) == 0 {
		return
	}
	last := old.ed25519[old.lastGood.Load()]
	if i := slices.IndexFunc(k.ed25519, func(key ed25519.PublicKey) bool { return key.Equal(last) }); i > 0 {
		k.lastGood.Store(int32(i))
	}
}
