package verify_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

// A golden vector, computed with neither our code nor Standard Webhooks':
//
//	printf 'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}' |
//	  openssl dgst -sha256 -mac HMAC -macopt hexkey:$(printf MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw | base64 -d | xxd -p -c 99) -binary | base64
func TestGoldenVector(t *testing.T) {
	t.Parallel()
	header := verifytest.Headers("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	if _, err := verify.Delivery(t.Context(), []byte(`{"test": 2432232314}`), header, key1(t), time.Unix(1614265330, 0)); err != nil {
		t.Error(err)
	}
}

// Standard Webhooks' own library is the second opinion. Where we differ, we
// are stricter, and the table says why.
func TestInterop(t *testing.T) {
	t.Parallel()
	// Their library reads the wall clock, so this test does.
	now := time.Now().Truncate(time.Second)
	sign := func(timestamp time.Time) http.Header { return verifytest.Static(payload1, "msg_1", timestamp, body) }
	set := func(name string, change func(string) string) func(http.Header) {
		return func(h http.Header) { h.Set(name, change(h.Get(name))) }
	}
	raw := func(id, timestamp string) http.Header { // signed as the texts are
		key := decode(payload1)
		return verifytest.Headers(id, timestamp, verifytest.HMAC(key, id, timestamp, body))
	}
	const id, timestamp, signature = "webhook-id", "webhook-timestamp", "webhook-signature"
	tests := map[string]struct {
		header http.Header
		change func(http.Header)
		body   string
		theirs bool   // whether they accept it
		why    string // we do not
	}{
		"genuine":              {header: sign(now), theirs: true},
		"four minutes old":     {header: sign(now.Add(-4 * time.Minute)), theirs: true},
		"four minutes early":   {header: sign(now.Add(4 * time.Minute)), theirs: true},
		"six minutes old":      {header: sign(now.Add(-6 * time.Minute))},
		"six minutes early":    {header: sign(now.Add(6 * time.Minute))},
		"another body":         {header: sign(now), body: "{}"},
		"another id":           {header: sign(now), change: set(id, func(s string) string { return s + "2" })},
		"no id":                {header: sign(now), change: func(h http.Header) { h.Del(id) }},
		"no timestamp":         {header: sign(now), change: func(h http.Header) { h.Del(timestamp) }},
		"no signature":         {header: sign(now), change: func(h http.Header) { h.Del(signature) }},
		"timestamp no number":  {header: sign(now), change: set(timestamp, func(string) string { return "soon" })},
		"two signatures":       {header: sign(now), change: set(signature, func(s string) string { return "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= " + s }), theirs: true},
		"among other versions": {header: sign(now), change: set(signature, func(s string) string { return "v2,abc " + s + " v1a,abc" }), theirs: true},
		"another version":      {header: sign(now), change: set(signature, func(s string) string { return "v2" + s[2:] })},
		"no version":           {header: sign(now), change: set(signature, func(s string) string { return s[3:] })},
		"a part of it":         {header: sign(now), change: set(signature, func(s string) string { return s[:20] })},

		"id with a dot": {
			header: raw("msg.1", unix(now)), theirs: true, why: "it could be split again at another dot",
		},
		"timestamp with plus": {
			header: sign(now), change: set(timestamp, func(s string) string { return "+" + s }), theirs: true, why: "its text was not signed",
		},
		"timestamp with zeros": {
			header: sign(now), change: set(timestamp, func(s string) string { return "00" + s }), theirs: true, why: "its text was not signed",
		},
		"text after a second comma": {
			header: sign(now), change: set(signature, func(s string) string { return s + ",more" }), theirs: true, why: "the text is not base64",
		},
		"repeated header": {
			header: sign(now), change: func(h http.Header) { h.Add(id, "msg_2") }, theirs: true, why: "two readers could take two ids",
		},
		"over 32 entries": {
			header: sign(now), change: set(signature, func(s string) string { return s + strings.Repeat(" v2,abc", 32) }), theirs: true, why: "the list has a limit",
		},
	}
	theirs, err := standardwebhooks.NewWebhook(payload1)
	must(t, err)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.change != nil {
				tc.change(tc.header)
			}
			text := string(body)
			if tc.body != "" {
				text = tc.body
			}
			if got := theirs.Verify([]byte(text), tc.header) == nil; got != tc.theirs {
				t.Errorf("they accept: %t, the table says %t", got, tc.theirs)
			}
			_, err := verify.Delivery(t.Context(), []byte(text), tc.header, key1(t), now)
			if got, want := err == nil, tc.theirs && tc.why == ""; got != want {
				t.Errorf("we accept: %t (%v), want %t: %s", got, err, want, tc.why)
			}
		})
	}
}
