package jwks_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/jwks"
	"example.com/gemini-webhook/verify/verifytest"
)

// newIssuer starts an issuer's JWKS.
func newIssuer(t *testing.T) (*verifytest.Issuer, string) {
	t.Helper()
	issuer, err := verifytest.NewIssuer()
	must(t, err)
	return issuer, serve(t, issuer)
}

func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func newSet(url string, now func() time.Time) *jwks.Set {
	return jwks.New(jwks.Config{URL: url, StaleLimit: 6 * time.Hour, Now: now, Log: slog.New(slog.DiscardHandler)})
}

// lookUp asks for an RSA key and returns "ok" or the stable code, as verifying a
// token does.
func lookUp(t *testing.T, set *jwks.Set, kid string) string {
	t.Helper()
	for _, missed := range []bool{false, true} {
		keys, err := set.Keys(t.Context(), missed)
		if (keys == nil) != (err != nil) {
			t.Errorf("%d keys with error %v", len(keys), err)
		}
		if err != nil {
			return "unavailable"
		}
		for _, k := range keys {
			if _, ok := k.Public.(*rsa.PublicKey); ok && k.ID == kid {
				return "ok"
			}
		}
	}
	return "unknown_key"
}

// start is when the clocks of these tests begin.
var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func newClock() *verifytest.Clock { return verifytest.NewClock(start) }

func TestSetOverTime(t *testing.T) {
	t.Parallel()
	issuer, url := newIssuer(t)
	c := newClock()
	keys := newSet(url, c.Now)
	rotate := func() {
		must(t, issuer.Rotate())
	}
	for _, s := range []struct {
		name    string
		change  func()
		kid     string
		want    string
		fetches int
	}{
		{"outage from the start", func() { issuer.Fail(500) }, "key-1", "unavailable", 1},
		{"over, but too early", func() { issuer.Fail(200) }, "key-1", "unavailable", 1},
		{"first", func() { c.Add(5 * time.Second) }, "key-1", "ok", 2},
		{"again", func() {}, "key-1", "ok", 2},
		{"stranger's kid, too early for a fetch", func() {}, "key-9", "unknown_key", 2},
		{"empty kid", func() {}, "", "unknown_key", 2},
		{"stranger's kid", func() { c.Add(5 * time.Second) }, "key-9", "unknown_key", 3},
		{"new key, too early", rotate, "key-2", "unknown_key", 3},
		{"old key till then", func() {}, "key-1", "ok", 3},
		{"new key within 10 s", func() { c.Add(5 * time.Second) }, "key-2", "ok", 4},
		{"old key is dead", func() { c.Add(5 * time.Second) }, "key-1", "unknown_key", 5},
		{"outage", func() { issuer.Fail(503); c.Add(time.Minute) }, "key-2", "ok", 5},
		{"outage, past the max-age", func() { c.Add(time.Hour) }, "key-2", "ok", 6},
		{"outage, again", func() {}, "key-2", "ok", 6},
		{"outage, later", func() { c.Add(5 * time.Second) }, "key-2", "ok", 7},
		{"outage, stranger's kid", func() { c.Add(5 * time.Second) }, "key-9", "unknown_key", 8},
		{"outage, past the stale limit", func() { c.Add(5 * time.Hour) }, "key-2", "unavailable", 9},
		{"back, too early", func() { issuer.Fail(200) }, "key-2", "unavailable", 9},
		{"back", func() { c.Add(5 * time.Second) }, "key-2", "ok", 10},
		{"withdrawn key dies within the hour", func() { rotate(); c.Add(time.Hour) }, "key-2", "unknown_key", 11},
	} {
		s.change()
		if got := lookUp(t, keys, s.kid); got != s.want {
			t.Errorf("%s: got %s, want %s", s.name, got, s.want)
		}
		if got := issuer.Fetches(); got != s.fetches {
			t.Errorf("%s: %d fetches, want %d", s.name, got, s.fetches)
		}
	}
}

func TestSetMaxAge(t *testing.T) {
	t.Parallel()
	issuer, err := verifytest.NewIssuer()
	must(t, err)
	for control, want := range map[string]time.Duration{
		"":                              5 * time.Minute,
		"public":                        5 * time.Minute,
		"max-age=abc":                   5 * time.Minute,
		"max-age=-1":                    5 * time.Minute,
		"max-age=0":                     time.Minute,
		"no-cache":                      time.Minute,
		"no-store, max-age=600":         time.Minute,
		"public, Max-Age=600":           10 * time.Minute,
		`max-age="600"`:                 10 * time.Minute,
		"public, max-age=3600":          time.Hour,
		"public, max-age=23498":         time.Hour,
		"max-age=99999999999":           5 * time.Minute,
		"must-revalidate,  max-age=120": 2 * time.Minute,
	} {
		url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			recorder := httptest.NewRecorder()
			issuer.ServeHTTP(recorder, r)
			if control != "" {
				w.Header().Set("Cache-Control", control)
			}
			_, _ = w.Write(recorder.Body.Bytes())
		}))
		c := newClock()
		keys := newSet(url, c.Now)
		fetches := func() int { return issuer.Fetches() }
		lookUp(t, keys, "key-1")
		before := fetches()
		c.Add(want - time.Second)
		lookUp(t, keys, "key-1")
		if got := fetches() - before; got != 0 {
			t.Errorf("%q: fetched before %s", control, want)
		}
		c.Add(time.Second)
		lookUp(t, keys, "key-1")
		if got := fetches() - before; got != 1 {
			t.Errorf("%q: not fetched after %s", control, want)
		}
	}
}

// However many kids strangers make up, the key set is fetched once every 5 s.
func TestSetFlood(t *testing.T) {
	t.Parallel()
	issuer, url := newIssuer(t)
	c := newClock()
	keys := newSet(url, c.Now)
	for round := range 20 { // 1 s each
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				if got := lookUp(t, keys, fmt.Sprintf("kid-%d-%d", round, i)); got != "unknown_key" {
					t.Errorf("got %s", got)
				}
				if got := lookUp(t, keys, "key-1"); got != "ok" {
					t.Errorf("genuine: got %s", got)
				}
			})
		}
		wg.Wait()
		c.Add(time.Second)
	}
	if got := issuer.Fetches(); got != 4 {
		t.Errorf("%d fetches in 20 s, want 4", got)
	}
}

func TestSetBadAnswers(t *testing.T) {
	t.Parallel()
	issuer, elsewhere := newIssuer(t)
	good := httptest.NewRecorder()
	issuer.ServeHTTP(good, nil)
	write := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}
	}
	one := strings.TrimSuffix(strings.TrimPrefix(good.Body.String(), `{"keys":[`), "]}\n")
	with := func(change func(map[string]any)) http.HandlerFunc {
		var k map[string]any
		must(t, json.Unmarshal([]byte(one), &k))
		change(k)
		text, err := json.Marshal(map[string]any{"keys": []any{k}})
		must(t, err)
		return write(200, string(text))
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	must(t, err)
	tests := map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"good":           {write(200, good.Body.String()), "ok"},
		"without alg":    {with(func(k map[string]any) { delete(k, "alg") }), "ok"},
		"without use":    {with(func(k map[string]any) { delete(k, "use") }), "ok"},
		"beside others":  {write(200, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"new"},{"kty":"RSA","kid":"x"},`+one+`]}`), "ok"},
		"own redirect":   {redirectOnce("/there", good.Body.String()), "ok"},
		"without kid":    {with(func(k map[string]any) { delete(k, "kid") }), "unavailable"},
		"for encryption": {with(func(k map[string]any) { k["use"] = "enc" }), "unavailable"},
		"RS512":          {with(func(k map[string]any) { k["alg"] = "RS512" }), "unavailable"},
		"symmetric":      {write(200, `{"keys":[{"kty":"oct","kid":"key-1","alg":"HS256","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}`), "unavailable"},
		"key_ops":        {with(func(k map[string]any) { k["key_ops"] = []string{"verify"} }), "ok"},
		"other key_ops":  {with(func(k map[string]any) { k["key_ops"] = []string{"encrypt"} }), "unavailable"},
		"1024 bits":      {with(func(k map[string]any) { k["n"] = verifytest.JWK("", &short.PublicKey)["n"] }), "unavailable"},
		"no keys":        {write(200, `{"keys":[]}`), "unavailable"},
		"too many keys":  {write(200, `{"keys":[`+strings.Repeat(one+",", 64)+one+`]}`), "unavailable"},
		"not JSON":       {write(200, `<html>`), "unavailable"},
		"null":           {write(200, `null`), "unavailable"},
		"empty":          {write(200, ``), "unavailable"},
		"huge":           {write(200, good.Body.String()+strings.Repeat(" ", 256<<10)), "unavailable"},
		"404":            {write(404, good.Body.String()), "unavailable"},
		"204":            {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, "unavailable"},
		"other host":     {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, http.StatusFound) }, "unavailable"},
		"redirect loop":  {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }, "unavailable"},
		"cut short": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write(good.Body.Bytes())
		}, "unavailable"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := lookUp(t, newSet(serve(t, tc.handler), newClock().Now), "key-1"); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			if tc.want == "ok" {
				return
			}
			// After a good set, the same answer is an outage: the good set serves.
			var bad bool
			url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if bad {
					tc.handler(w, r)
					return
				}
				_, _ = w.Write(good.Body.Bytes())
			}))
			c := newClock()
			keys := newSet(url, c.Now)
			for range 2 {
				if got := lookUp(t, keys, "key-1"); got != "ok" {
					t.Errorf("beside a good set: got %s", got)
				}
				bad = true
				c.Add(time.Hour)
			}
		})
	}
}

// redirectOnce redirects to a path of the same server, which answers.
func redirectOnce(path, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			http.Redirect(w, r, path, http.StatusFound)
			return
		}
		_, _ = w.Write([]byte(text))
	}
}

// A server that hangs holds the one request that fetches for 2 s, and those
// that need a key nobody has; the others are served from the last good set.
func TestSetHang(t *testing.T) {
	t.Parallel()
	issuer, err := verifytest.NewIssuer()
	must(t, err)
	hang, asked := make(chan struct{}), make(chan struct{}, 8)
	first := true
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !first {
			asked <- struct{}{}
			<-hang
			return
		}
		first = false
		issuer.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { close(hang) })
	c := newClock()
	keys := newSet(url, c.Now)
	if got := lookUp(t, keys, "key-1"); got != "ok" {
		t.Fatalf("got %s", got)
	}
	c.Add(time.Hour)
	var wg sync.WaitGroup
	began := time.Now()
	wg.Go(func() {
		if got := lookUp(t, keys, "key-1"); got != "ok" {
			t.Errorf("the request that fetches: got %s", got)
		}
	})
	<-asked
	served := time.Now()
	for range 20 {
		if got := lookUp(t, keys, "key-1"); got != "ok" {
			t.Errorf("beside it: got %s", got)
		}
	}
	if took := time.Since(served); took > time.Second {
		t.Errorf("requests beside the fetch were held for %s", took)
	}
	wg.Wait()
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the request that fetches was held for %s", took)
	}
}

// A body without end is not read to memory's end.
func TestSetEndlessBody(t *testing.T) {
	t.Parallel()
	sent := make(chan int, 1)
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n, chunk := 0, []byte(strings.Repeat(" ", 64<<10))
		for {
			m, err := w.Write(chunk)
			if n += m; err != nil {
				sent <- n
				return
			}
		}
	}))
	if got := lookUp(t, newSet(url, newClock().Now), "key-1"); got != "unavailable" {
		t.Errorf("got %s", got)
	}
	// What fills the sockets' buffers is sent, too.
	if n := <-sent; n > 32<<20 {
		t.Errorf("%d bytes were sent", n)
	}
}

// A client that hangs up does not spoil the fetch that others wait for.
func TestSetClientGone(t *testing.T) {
	t.Parallel()
	_, url := newIssuer(t)
	keys := newSet(url, newClock().Now)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := keys.Keys(gone, false); err != nil {
		t.Error(err)
	}
	if got := lookUp(t, keys, "key-1"); got != "ok" {
		t.Errorf("the next one: got %s", got)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
