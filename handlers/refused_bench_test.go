package handlers

import (
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/secret/store/storetest"
	"example.com/gemini-webhook/verify/verifytest"
)

// BenchmarkRefusedDelivery is what a forged request costs the public door, with
// one signing secret and one path token, both cached: the figures under "What a
// flood costs". Each but the last is the handler alone; "by TCP" has a new
// connection for each request, for a refusal closes it, and the client's half.
func BenchmarkRefusedDelivery(b *testing.B) {
	const small, large = 300, 256 << 10
	forged := "v1," + base64.StdEncoding.EncodeToString(make([]byte, 32))
	many := strings.TrimSuffix(strings.Repeat(forged+" ", 32), " ")
	wrongToken := "/dynamic/" + strings.Repeat("x", 43)
	v1a := "v1a," + base64.StdEncoding.EncodeToString(make([]byte, 64))
	for _, c := range []struct {
		name, path, signature string
		age                   time.Duration
		bytes                 int
		status                int
	}{
		{"no headers", "/gemini", "", 0, small, http.StatusBadRequest},
		{"forged", "/gemini", forged, 0, small, http.StatusUnauthorized},
		{"forged 32 times", "/gemini", many, 0, small, http.StatusUnauthorized},
		{"forged, 256 KiB", "/gemini", forged, 0, large, http.StatusUnauthorized},
		{"forged and stale", "/gemini", forged, time.Hour, small, http.StatusUnauthorized},
		{"wrong token", wrongToken, v1a, 0, small, http.StatusUnauthorized},
	} {
		b.Run(c.name, func(b *testing.B) {
			door, body := newRefusingDoor(), strings.Repeat("x", c.bytes)
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, c.path, strings.NewReader(body))
				if c.signature != "" {
					r.Header = verifytest.Headers("msg_1", strconv.FormatInt(time.Now().Add(-c.age).Unix(), 10), c.signature)
				}
				w := httptest.NewRecorder()
				if door.ServeHTTP(w, r); w.Code != c.status {
					b.Fatalf("got %d, want %d", w.Code, c.status)
				}
			}
		})
	}
	b.Run("by TCP", func(b *testing.B) {
		server := httptest.NewServer(newRefusingDoor())
		b.Cleanup(server.Close)
		body := strings.Repeat("x", small)
		for b.Loop() {
			r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL+"/gemini", strings.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			r.Header = verifytest.Headers("msg_1", strconv.FormatInt(time.Now().Unix(), 10), forged)
			response, err := server.Client().Do(r)
			if err != nil {
				b.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusUnauthorized {
				b.Fatalf("got %d", response.StatusCode)
			}
		}
	})
}

// newRefusingDoor is a public door whose queue nothing must reach.
func newRefusingDoor() http.Handler {
	const token = "projects/p/secrets/token"
	v := newVerifier()
	v.Tokens = newStore(storetest.Of(token, strings.Repeat("t", 43))).Set([]secret.Name{token}, 96*time.Hour, secret.PathTokens)
	return &Doors{Public: newReceiver(v, nil, 256<<10, io.Discard), Log: slog.New(slog.DiscardHandler)}
}
