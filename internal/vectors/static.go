package vectors

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"example.com/gemini-webhook/verify/verifytest"
)

// signed signs as it is meant.
func signed(d *draft) { d.signature = d.v1() }

// withBody signs another body.
func withBody(body []byte) func(*draft) {
	return func(d *draft) {
		d.body = body
		signed(d)
	}
}

// distant signs a delivery of another time.
func distant(distance time.Duration) func(*draft) {
	return func(d *draft) {
		d.at(distance)
		signed(d)
	}
}

// keyed signs with what a program that reads the secret wrongly takes for the key.
func keyed(key func(secret string) []byte) func(*draft) {
	return func(d *draft) {
		misread := key(d.Secret)
		d.genuine = bytes.Equal(misread, keyOf(d.Secret))
		d.signature = d.hmac(misread)
	}
}

// Bodies that do not survive being decoded and encoded again.
var (
	unicodeBody = []byte(`{"type":"webhook.ping","data":{"id":"ünïcödé 🦊 e` + "\u0301 \u2028" + ` \u00fc \ud83e\udd8a <>&"}}`)
	spacedBody  = []byte("{\r\n  \"type\" : \"webhook.ping\",\t\"data\":{ \"id\":\"x\" }\r\n}\r\n")
	numberBody  = []byte(`{"type":"webhook.ping","data":{"id":12345678901234567890,"n":1.0,"m":1e2,"n":1.00}}`)
	binaryBody  = []byte("\x00\x01\xff\xfe no JSON and no UTF-8")
	largeBody   = []byte(`{"type":"webhook.ping","data":{"id":"large","text":"` + strings.Repeat("0123456789abcdef", 4500) + `"}}`)
)

func staticCases() []Case {
	all := group(HMAC, Must, KeysStatic,
		of("static/genuine", "What the sender sends must be accepted.", accepted, signed),
		of("static/body-empty", "An empty body is a body, and its signature covers two dots.", accepted, withBody(nil)),
		of("static/body-unicode", "The bytes were signed, not the characters: normalizing, escaping or decoding changes them.", accepted, withBody(unicodeBody)),
		of("static/body-spaces", "White space and line ends are signed too: JSON that was parsed and written again has others.", accepted, withBody(spacedBody)),
		of("static/body-numbers", "Large numbers, 1.0 and repeated members do not survive a JSON parser.", accepted, withBody(numberBody)),
		of("static/body-large", "A body longer than the usual buffer of 64 KiB comes in several reads.", accepted, withBody(largeBody)),
		of("static/four-minutes-old", "Retries and clocks differ by minutes: within the tolerance all is well.", accepted, distant(-4*time.Minute)),
		of("static/four-minutes-early", "The sender's clock may be ahead.", accepted, distant(4*time.Minute)),
		exactly(of("static/tolerance-old", "Exactly the tolerance is within it.", accepted, distant(-5*time.Minute))),
		exactly(of("static/tolerance-early", "Exactly the tolerance is within it, ahead as well.", accepted, distant(5*time.Minute))),
		exactly(of("static/tolerance-passed", "One second more is not.", late, distant(-5*time.Minute-time.Second))),
		of("static/stale", "Whoever captured a delivery can send it again for ever if its age does not count.", late, distant(-6*time.Minute)),
		of("static/stale-a-year", "The same, a year later: no overflow makes it young.", late, distant(-365*24*time.Hour)),
		of("static/future", "A timestamp in the future would make a capture good for longer.", late, distant(6*time.Minute)),
		of("static/body-tampered", "One changed byte of the body is a forgery.", mismatch, func(d *draft) {
			signed(d)
			d.body = bytes.Replace(d.body, []byte("batches/"), []byte("batches0"), 1)
		}),
		of("static/body-newline-added", "A line end that was added is a change.", mismatch, func(d *draft) { signed(d); d.body = append(d.body, '\n') }),
		of("static/body-cut", "A prefix of what was signed was not signed.", mismatch, func(d *draft) { signed(d); d.body = d.body[:len(d.body)-1] }),
		of("static/body-removed", "Neither was nothing.", mismatch, func(d *draft) { signed(d); d.body = nil }),
		of("static/id-changed", "The id is signed: with another one a capture would pass for a new delivery.", mismatch, func(d *draft) { signed(d); d.id += "2" }),
		of("static/timestamp-changed", "The timestamp is signed: a fresh one on an old delivery is a replay.", mismatch, func(d *draft) { d.at(-time.Hour); signed(d); d.at(0) }),
		of("static/secret-wrong", "Another secret's signature is nobody's.", mismatch, func(d *draft) { d.signature = d.strangersV1() }),
		of("static/secret-empty", "A receiver without a secret must not take the empty one.", mismatch, keyed(func(string) []byte { return nil })),
	)
	all = append(all, group(HMAC, Should, KeysStatic,
		of("static/body-binary", "A body need not be UTF-8, though Gemini sends JSON: reading it as text replaces bytes.", accepted, withBody(binaryBody)),
	)...)
	all = append(all, misreadSecrets()...)
	all = append(all, group(HMAC, Must, KeysRotated,
		of("rotated/by-the-newer", "After a rotation the new secret signs.", accepted, signed),
		of("rotated/by-the-older", "During the overlap the older one still does.", accepted, func(d *draft) { d.signature = d.hmac(keyOf(d.older)) }),
		of("rotated/by-both", "Standard Webhooks signs with both during the overlap: one good entry is enough.", accepted, func(d *draft) { d.signature = d.hmac(keyOf(d.older)) + " " + d.v1() }),
		of("rotated/by-neither", "A third secret's is no more welcome for there being two.", mismatch, func(d *draft) { d.signature = d.strangersV1() }),
	)...)
	return append(all, group(HMAC, Must, KeysPlain,
		of("plain/genuine", "A secret without whsec_ that is no base64 is the key as it is.", accepted, signed),
		of("plain/wrong", "Another key is another key.", mismatch, func(d *draft) { d.signature = d.strangersV1() }),
	)...)
}

// misreadSecrets are signed as programs sign that read the secret wrongly. A
// receiver that accepts one of them reads it wrongly too, and refuses the sender.
func misreadSecrets() []Case {
	return group(HMAC, Must, KeysStatic,
		of("secret/not-decoded", "The whole text, whsec_ included, is not the key.", mismatch, keyed(func(s string) []byte { return []byte(s) })),
		of("secret/prefix-cut-alone", "What follows whsec_ has to be decoded.", mismatch, keyed(func(s string) []byte { return []byte(s[len("whsec_"):]) })),
		of("secret/prefix-decoded-too", "whsec_ is no part of the base64: lenient decoders skip its underscore and decode the rest.", mismatch, keyed(func(s string) []byte {
			return decodeLenient("whsec" + s[len("whsec_"):])
		})),
		of("secret/decoded-as-hex", "The key is written in base64, not in hexadecimal.", mismatch, keyed(func(s string) []byte {
			return []byte(hex.EncodeToString(keyOf(s)))
		})),
		of("secret/decoded-as-text", "The decoded key is bytes: as a text, in UTF-8, those over 127 are two.", mismatch, keyed(func(s string) []byte {
			text := make([]rune, 0, len(s))
			for _, b := range keyOf(s) {
				text = append(text, rune(b))
			}
			return []byte(string(text))
		})),
		of("secret/decoded-as-base64url", "It is standard base64: a decoder of base64url that skips + and / makes another key.", mismatch, keyed(func(s string) []byte {
			return decodeLenient(strings.NewReplacer("+", "", "/", "").Replace(s[len("whsec_"):]))
		})),
		of("secret/decoded-twice", "It is decoded once.", mismatch, keyed(func(s string) []byte {
			return decodeLenient(string(keyOf(s)))
		})),
		of("signature/of-the-body-alone", "Id and timestamp are signed as well, or both could be chosen freely.", mismatch, func(d *draft) {
			d.signature = verifytest.HMAC(keyOf(d.Secret), "", "", d.body)
		}),
		of("signature/in-hex", "The digest is written in base64.", mismatch, func(d *draft) {
			sum, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(d.v1(), "v1,"))
			d.signature = "v1," + hex.EncodeToString(sum)
		}),
	)
}

// decodeLenient decodes as far as it goes, and leaves out what is no base64.
func decodeLenient(text string) []byte {
	text = strings.Map(func(r rune) rune {
		if strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", r) {
			return r
		}
		return -1
	}, text)
	key, _ := base64.RawStdEncoding.DecodeString(text[:len(text)/4*4])
	return key
}
