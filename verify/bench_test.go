package verify_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/secret/store/storetest"
	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

// BenchmarkHMAC1kB verifies a delivery of 1 kB: "bare" is what nobody can do
// without, "headers" one secret, with parsing the headers.
func BenchmarkHMAC1kB(b *testing.B) {
	payload := bytes.Repeat([]byte("x"), 1000)
	key := decode(payload1)
	b.Run("bare", func(b *testing.B) {
		prefix := []byte("msg_1." + seconds + ".")
		want := hmac.New(sha256.New, key)
		want.Write(prefix)
		want.Write(payload)
		sum := want.Sum(nil)
		b.ReportAllocs()
		for b.Loop() {
			mac := hmac.New(sha256.New, key)
			mac.Write(prefix)
			mac.Write(payload)
			if !hmac.Equal(mac.Sum(nil), sum) {
				b.Fatal("mismatch")
			}
		}
	})
	good := verifytest.Static(payload1, "msg_1", start, payload)
	many := verifytest.Headers("msg_1", seconds, strings.Repeat(verifytest.HMAC([]byte("another"), "msg_1", seconds, payload)+" ", 31)+good.Get("webhook-signature"))
	benchmarkVerify(b, "headers", payload1, good, payload)
	benchmarkVerify(b, "32 entries", payload1, many, payload)
	// The decoded reading is the second one tried.
	benchmarkVerify(b, "two readings", payload1[6:], good, payload)
}

func benchmarkVerify(b *testing.B, name, secret string, header http.Header, payload []byte) {
	r := newRig(storetest.Of(secretA, secret), nil)
	benchmark(b, r.all, name, "/hook", header, payload, true)
}

// benchmark verifies a delivery, headers and path included.
func benchmark(b *testing.B, v *verify.Verifier, name, path string, header http.Header, payload []byte, accepted bool) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h, err := verify.ParseHeaders(header)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := v.Verify(b.Context(), path, h, payload); (err == nil) != accepted {
				b.Fatal(err)
			}
		}
	})
}
