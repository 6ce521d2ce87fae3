package vectors

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"time"
)

// signedV1a signs as Gemini was observed to.
func signedV1a(d *draft) { d.signature = d.v1a(0) }

// publicKey is the first trusted Ed25519 key's.
func (d *draft) publicKey() ed25519.PublicKey {
	for _, key := range d.google.KeySet()["keys"].([]any) {
		if x, ok := key.(map[string]any)["x"].(string); ok {
			return decode(x)
		}
	}
	panic("vectors: there is no Ed25519 key")
}

func ed25519Cases() []Case {
	body := func(b []byte) func(*draft) {
		return func(d *draft) { d.body = b; signedV1a(d) }
	}
	at := func(distance time.Duration) func(*draft) {
		return func(d *draft) { d.at(distance); signedV1a(d) }
	}
	entry := func(form func(good string) string) func(*draft) {
		return func(d *draft) { d.signature = form(d.v1a(0)) }
	}
	all := group(Ed25519, Must, KeysDynamic,
		of("v1a/genuine", "What the sender sends must be accepted.", accepted, signedV1a),
		of("v1a/second-key", "A v1a entry names no key: all of the set are tried.", accepted, func(d *draft) { d.signature = d.v1a(1) }),
		of("v1a/two-entries", "While keys are exchanged there may be two entries.", accepted, func(d *draft) { d.signature = d.strangersV1a() + " " + d.v1a(1) }),
		of("v1a/body-empty", "An empty body is a body.", accepted, body(nil)),
		of("v1a/body-unicode", "The bytes were signed, not the characters.", accepted, body(unicodeBody)),
		of("v1a/body-large", "Ed25519 has no digest that could be fed piece by piece: the whole body is needed.", accepted, body(largeBody)),
		of("v1a/four-minutes-old", "Within the tolerance all is well.", accepted, at(-4*time.Minute)),
		of("v1a/stale", "A capture must not be good for ever.", late, at(-6*time.Minute)),
		of("v1a/future", "Nor for longer than the tolerance.", late, at(6*time.Minute)),
		of("v1a/body-tampered", "One changed byte of the body is a forgery.", mismatch, func(d *draft) {
			signedV1a(d)
			d.body = bytes.Replace(d.body, []byte("batches/"), []byte("batches0"), 1)
		}),
		of("v1a/id-changed", "The id is signed.", mismatch, func(d *draft) { signedV1a(d); d.id += "2" }),
		of("v1a/timestamp-changed", "The timestamp is signed.", mismatch, func(d *draft) { d.at(-time.Hour); signedV1a(d); d.at(0) }),
		of("v1a/key-unknown", "A stranger's key is in no set.", mismatch, func(d *draft) { d.signature = d.strangersV1a() }),
		of("v1a/under-v1", "An Ed25519 signature is no HMAC, whatever it is called.", refused(Signature, "mode_disabled"), entry(func(good string) string { return "v1" + good[3:] })),
		of("v1a/hmac-with-public-key", "The public key is known to all: it must never serve as a secret.", refused(Signature, "mode_disabled"), func(d *draft) { d.signature = d.hmac(d.publicKey()) }),
		of("v1a/cut", "63 bytes are no signature.", mismatch, entry(func(good string) string {
			sum, _ := base64.StdEncoding.DecodeString(good[4:])
			return "v1a," + base64.StdEncoding.EncodeToString(sum[:63])
		})),
		of("v1a/zeros", "64 zero bytes verify under weak keys and careless libraries.", mismatch, func(d *draft) {
			d.signature = "v1a," + base64.StdEncoding.EncodeToString(make([]byte, 64))
		}),
		of("v1a/malleable", "S plus the group's order is the same signature to a verifier that does not compare (RFC 8032, 5.1.7).", mismatch, entry(addOrder)),
	)
	return append(all, group(Ed25519, Should, KeysDynamic,
		of("v1a/body-binary", "A body need not be UTF-8.", accepted, body(binaryBody)),
		of("v1a/unpadded", "Standard base64 has its padding.", mismatch, entry(func(good string) string { return strings.TrimRight(good, "=") })),
	)...)
}

// addOrder adds the order of Ed25519's group to the second half of a signature.
func addOrder(good string) string {
	sum, _ := base64.StdEncoding.DecodeString(good[4:])
	order := []byte{
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	}
	carry := 0
	for i, b := range order {
		carry += int(sum[32+i]) + int(b)
		sum[32+i], carry = byte(carry), carry>>8
	}
	return "v1a," + base64.StdEncoding.EncodeToString(sum)
}
