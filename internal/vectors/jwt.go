package vectors

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"time"

	"example.com/gemini-webhook/verify/verifytest"
)

// tokened signs with a token of the trusted key.
func tokened(options ...verifytest.Option) func(*draft) {
	return func(d *draft) { d.signature = d.jwt(options...) }
}

// carried signs with a token that carries the body, and then changes the delivery.
func carried(change func(d *draft), options ...verifytest.Option) func(*draft) {
	return func(d *draft) {
		d.signature = d.embedded(options...)
		if change != nil {
			change(d)
		}
	}
}

// dated sets a date of the token to now and so much.
func dated(claim string, distance time.Duration) func(*draft) {
	return func(d *draft) { d.signature = d.jwt(verifytest.Claim(claim, d.Now.Add(distance).Unix())) }
}

func jwtCases() []Case {
	all := append(jwtAccepted(), jwtAlgorithms()...)
	all = append(all, jwtClaims()...)
	return append(all, jwtEvents()...)
}

func jwtAccepted() []Case {
	return group(RS256, Must, KeysDynamic,
		of("jwt/genuine", "A token without an event: the body is the event. Nothing in the token covers the body, so its channel has to.", accepted, tokened()),
		of("jwt/carries-event", "A token with type and data is the event, and the body says the same.", accepted, carried(nil)),
		of("jwt/carries-event-no-body", "Then the body may be empty.", accepted, carried(func(d *draft) { d.body = nil })),
		of("jwt/carries-unicode", "The token's own bytes are signed: its payload is decoded once, as UTF-8.", accepted, func(d *draft) {
			d.body = unicodeBody
			d.signature = d.embedded()
		}),
		of("jwt/beside-others", "One good entry among those of versions that are not known.", accepted, func(d *draft) { d.signature = "v9,abc " + d.jwt() }),
		of("jwt/within-iat", "Clocks differ.", accepted, dated("iat", -4*time.Minute)),
		of("jwt/header-stale", "webhook-timestamp counts beside the token's own dates.", late, func(d *draft) { d.signature = d.jwt(); d.at(-6 * time.Minute) }),
		of("jwt/header-future", "Ahead as well.", late, func(d *draft) { d.signature = d.jwt(); d.at(6 * time.Minute) }),
	)
}

// parts cuts a token into its three.
func parts(token string) (header, payload, signature string) {
	all := strings.Split(token, ".")
	return all[0], all[1], all[2]
}

// unsigned is a token with another header, and a signature that sign makes.
func (d *draft) unsigned(header map[string]any, sign func(text string) []byte) string {
	text, err := json.Marshal(header)
	if err != nil {
		panic("vectors: " + err.Error())
	}
	_, payload, _ := parts(d.jwt())
	signed := base64.RawURLEncoding.EncodeToString(text) + "." + payload
	return signed + "." + base64.RawURLEncoding.EncodeToString(sign(signed))
}

// kid is that of the trusted key.
func (d *draft) kid() string {
	header, _, _ := parts(d.jwt())
	var h struct{ Kid string }
	if err := json.Unmarshal(decode(header), &h); err != nil {
		panic("vectors: " + err.Error())
	}
	return h.Kid
}

// headed is unsigned with an algorithm and the trusted kid.
func headed(alg string, sign func(d *draft, text string) []byte) func(*draft) {
	return func(d *draft) {
		header := map[string]any{"alg": alg, "typ": "JWT", "kid": d.kid()}
		d.signature = d.unsigned(header, func(text string) []byte { return sign(d, text) })
	}
}

// nothing is the signature of a token that needs none.
func nothing(*draft, string) []byte { return nil }

// withPublicKey signs as HS256 does, with the trusted public key for its secret.
func withPublicKey(encode func(key *rsa.PublicKey) []byte) func(*draft, string) []byte {
	return func(d *draft, text string) []byte {
		mac := hmac.New(sha256.New, encode(&d.rsa.PublicKey))
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
}

func pkix(key *rsa.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic("vectors: " + err.Error())
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func modulus(key *rsa.PublicKey) []byte { return key.N.Bytes() }

// rsaWith signs with the trusted key and any digest.
func rsaWith(hash crypto.Hash) func(*draft, string) []byte {
	return func(d *draft, text string) []byte {
		h := hash.New()
		h.Write([]byte(text))
		sum, err := rsa.SignPKCS1v15(rand.Reader, d.rsa, hash, h.Sum(nil))
		if err != nil {
			panic("vectors: " + err.Error())
		}
		return sum
	}
}

func jwtAlgorithms() []Case {
	wrong := refused(Algorithm, "algorithm_not_allowed")
	all := group(RS256, Must, KeysDynamic,
		of("jwt/alg-none", "The token must not say that it needs no signature.", wrong, headed("none", nothing)),
		of("jwt/alg-none-in-capitals", "In no spelling.", wrong, headed("nOnE", nothing)),
		of("jwt/alg-none-with-signature", "Nor beside a signature.", wrong, headed("none", rsaWith(crypto.SHA256))),
		of("jwt/alg-hs256-public-key", "HS256 with the public key as its secret is what everybody can make.", wrong, headed("HS256", withPublicKey(pkix))),
		of("jwt/alg-hs256-modulus", "In whatever form the key is at hand.", wrong, headed("HS256", withPublicKey(modulus))),
		of("jwt/alg-missing", "A token without an algorithm has none of ours.", badToken, func(d *draft) {
			d.signature = d.unsigned(map[string]any{"typ": "JWT", "kid": d.kid()}, func(text string) []byte { return rsaWith(crypto.SHA256)(d, text) })
		}),
		of("jwt/signature-removed", "RS256 with an empty signature is unsigned.", mismatch, headed("RS256", nothing)),
		of("jwt/signature-cut", "A part of the signature is not the signature.", mismatch, func(d *draft) {
			token := d.jwt()
			d.signature = token[:len(token)-4]
		}),
		of("jwt/payload-tampered", "One changed byte of the payload is a forgery.", mismatch, func(d *draft) {
			header, payload, signature := parts(d.embedded())
			changed := bytes.Replace(decode(payload), []byte("batches/"), []byte("batches0"), 1)
			d.body = nil
			d.signature = header + "." + base64.RawURLEncoding.EncodeToString(changed) + "." + signature
		}),
		of("jwt/key-unknown", "A kid that the set does not have, even after a look for new ones.", refused(Key, "unknown_key"), tokened(verifytest.Header("kid", "nobody's"))),
		of("jwt/key-strangers", "A stranger's key under a trusted key's kid.", mismatch, func(d *draft) { d.signature = d.token(d.stranger) }),
		of("jwt/jwk-in-header", "A key that comes with the token is the signer's word for itself.", mismatch, func(d *draft) {
			d.signature = d.token(d.stranger, verifytest.Header("jwk", d.stranger.KeySet()["keys"].([]any)[0]))
		}),
		of("jwt/jku-in-header", "Nor is an address of keys that comes with it to be asked.", mismatch, func(d *draft) {
			d.signature = d.token(d.stranger, verifytest.Header("jku", "https://attacker.example/jwks.json"))
		}),
		of("jwt/crit", "Extensions that are marked critical and not understood refuse the token (RFC 7515, 4.1.11).", badToken, tokened(verifytest.Header("crit", []string{"exp2"}), verifytest.Header("exp2", 1))),
		of("jwt/payload-no-object", "Claims are members of an object.", badToken, func(d *draft) {
			header, _, _ := parts(d.jwt())
			text := header + "." + base64.RawURLEncoding.EncodeToString([]byte(`"text"`))
			d.signature = text + "." + base64.RawURLEncoding.EncodeToString(rsaWith(crypto.SHA256)(d, text))
		}),
	)
	return append(all, group(RS256, Should, KeysDynamic,
		of("jwt/alg-rs512", "Another algorithm than the one that was agreed on, though the key is right.", wrong, headed("RS512", rsaWith(crypto.SHA512))),
		of("jwt/kid-missing", "Without a kid it is guesswork which key is meant.", badToken, tokened(verifytest.NoHeader("kid"))),
	)...)
}

func jwtClaims() []Case {
	all := group(RS256, Must, KeysDynamic,
		of("jwt/expired", "After exp a token is worth nothing.", refused(Time, "token_expired"), dated("exp", -2*time.Minute)),
		of("jwt/not-yet-valid", "Before nbf likewise.", refused(Time, "token_not_yet_valid"), dated("nbf", 10*time.Minute)),
	)
	all = append(all, group(RS256, Should, KeysDynamic,
		of("jwt/exp-missing", "A token without an end is good for ever.", badToken, tokened(verifytest.NoClaim("exp"))),
		of("jwt/exp-text", "A date is a number.", badToken, tokened(verifytest.Claim("exp", "9999999999"))),
		of("jwt/iat-old", "A token that was issued long ago is a replay, though it has not expired.", late, dated("iat", -10*time.Minute)),
		of("jwt/iat-future", "One that is issued in the future has a wrong clock behind it.", late, dated("iat", 10*time.Minute)),
	)...)
	return append(all, group(RS256, Must, KeysAudience,
		of("audience/genuine", "The configured audience and issuer.", accepted, tokened()),
		of("audience/among-others", "aud may be a list.", accepted, func(d *draft) {
			d.signature = d.jwt(verifytest.Claim("aud", []string{"https://other.example", d.Audience}))
		}),
		of("audience/another", "The sender's keys sign for all its customers: a token that was meant for another one is theirs.", refused(Claims, "audience_mismatch"), tokened(verifytest.Claim("aud", "https://other.example"))),
		of("audience/missing", "No audience is not ours.", refused(Claims, "audience_mismatch"), tokened(verifytest.NoClaim("aud"))),
		of("audience/longer", "It is compared whole: no prefix, no substring.", refused(Claims, "audience_mismatch"), func(d *draft) {
			d.signature = d.jwt(verifytest.Claim("aud", d.Audience+".evil.example"))
		}),
		of("audience/issuer-another", "Another issuer's token.", refused(Claims, "issuer_mismatch"), tokened(verifytest.Claim("iss", "https://issuer.example"))),
	)...)
}

func jwtEvents() []Case {
	differs := refused(Body, "body_mismatch")
	all := group(RS256, Must, KeysDynamic,
		of("event/body-differs", "Only the token is signed: a body that says another thing is a stranger's.", differs, carried(func(d *draft) {
			d.body = bytes.Replace(d.body, []byte("batches/"), []byte("batches0"), 1)
		})),
		of("event/body-no-json", "Neither is a body that cannot be compared the event.", differs, carried(func(d *draft) { d.body = []byte("no JSON") })),
		of("event/body-of-another-type", "The type is compared, too.", differs, carried(func(d *draft) {
			d.body = bytes.Replace(d.body, []byte(`"type":"`), []byte(`"type":"x.`), 1)
		})),
	)
	return append(all, group(RS256, Should, KeysDynamic,
		of("event/body-laid-out", "The same JSON with other white space and order says the same.", accepted, carried(func(d *draft) {
			var event map[string]json.RawMessage
			if json.Unmarshal(d.body, &event) == nil { // it is ours
				d.body, _ = json.MarshalIndent(event, "", "  ")
			}
		})),
		of("event/body-lacks-members", "What the body leaves out, the token says.", accepted, carried(func(d *draft) { d.body = []byte("{}") })),
	)...)
}
