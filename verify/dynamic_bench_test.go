package verify_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"example.com/gemini-webhook/verify/verifytest"
)

// BenchmarkRS256 verifies a JWT delivery with a token of 1 kB: "bare" is
// crypto/rsa over the same text, "jwt" a delivery with cached keys and token
// secret, "event" one whose token carries the event and whose body repeats it.
func BenchmarkRS256(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		must(b, err)
		text := bytes.Repeat([]byte("x"), 1000)
		sum := sha256.Sum256(text)
		signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		must(b, err)
		b.ReportAllocs()
		for b.Loop() {
			sum := sha256.Sum256(text)
			if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature); err != nil {
				b.Fatal(err)
			}
		}
	})
	r := newDynamicRig(b)
	event := []byte(`{"type":"batch.succeeded","version":"v1","timestamp":"2026-01-22T12:00:00Z","data":{"id":"batch_123456","output_file_uri":"gs://b/o.jsonl"},"user_metadata":{"x":"` + strings.Repeat("x", 150) + `"}}`)
	plain := r.jwt(b, verifytest.Claim("x", strings.Repeat("x", 400)))
	carried := r.jwt(b, verifytest.Carry(event))
	unknown := r.jwt(b, verifytest.Header("kid", "key-9"))
	token := carried.Get("webhook-signature")
	benchmarkDynamic(b, r, "jwt", plain, bytes.Repeat([]byte("x"), 1000), true)
	benchmarkDynamic(b, r, "event", carried, event, true)
	benchmarkDynamic(b, r, "unknown kid", unknown, event, false)
	benchmarkDynamic(b, r, "12 entries, the last one good", verifytest.Headers("msg_1", seconds, strings.Repeat(broken(token)+" ", 11)+token), event, true)
}

// broken is a token with another claim, of the same length.
func broken(token string) string {
	part := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		panic(err)
	}
	payload = bytes.Replace(payload, []byte("batch_1"), []byte("batch_2"), 1)
	return part[0] + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + part[2]
}

// BenchmarkEd25519 verifies a v1a delivery of 1 kB with three keys in the set:
// "bare" is crypto/ed25519 over the same message, "v1a" a delivery by the key
// that was the last good one, with cached keys and token secret.
func BenchmarkEd25519(b *testing.B) {
	payload := bytes.Repeat([]byte("x"), 1000)
	b.Run("bare", func(b *testing.B) {
		public, private, err := ed25519.GenerateKey(nil)
		must(b, err)
		message := append([]byte("msg_1."+seconds+"."), payload...)
		signature := ed25519.Sign(private, message)
		b.ReportAllocs()
		for b.Loop() {
			if !ed25519.Verify(public, message, signature) {
				b.Fatal("mismatch")
			}
		}
	})
	r := newDynamicRig(b)
	good := verifytest.Headers("msg_1", seconds, r.issuer.Ed25519(2, "msg_1", seconds, payload))
	wrong := verifytest.Headers("msg_1", seconds, r.issuer.Ed25519(2, "msg_2", seconds, payload))
	entries := strings.Repeat(wrong.Get("webhook-signature")+" ", 31)
	benchmarkDynamic(b, r, "v1a", good, payload, true)
	benchmarkDynamic(b, r, "three wrong keys", wrong, payload, false)
	benchmarkDynamic(b, r, "32 entries, the last one good", verifytest.Headers("msg_1", seconds, entries+good.Get("webhook-signature")), payload, true)
	benchmarkDynamic(b, r, "32 wrong entries", verifytest.Headers("msg_1", seconds, entries+wrong.Get("webhook-signature")), payload, false)
}

func benchmarkDynamic(b *testing.B, r *dynamicRig, name string, header http.Header, payload []byte, accepted bool) {
	benchmark(b, r.all, name, dynamicPath, header, payload, accepted)
}
