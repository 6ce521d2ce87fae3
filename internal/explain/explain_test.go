package explain_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/capture"
	"example.com/gemini-webhook/internal/explain"
	"example.com/gemini-webhook/internal/jwks"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/vectors"
	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func version(t *testing.T, name, text string, read func([]byte) ([]secret.Value, error)) explain.Version {
	t.Helper()
	values, err := read([]byte(text))
	must(t, err)
	return explain.Version{Name: name, Text: secret.NewValue([]byte(text)), Values: values}
}

// of is a vector with the receiver that it is for.
func of(t *testing.T, f vectors.File, v vectors.Vector) (capture.Request, explain.Config) {
	t.Helper()
	keys := f.Keys[v.Keys]
	c := explain.Config{
		Tolerance: time.Duration(f.Tolerance) * time.Second, Now: time.Unix(v.Now, 0),
		Audiences: keys.Audiences, Issuers: keys.Issuers,
	}
	for _, text := range keys.Secrets {
		c.Secrets = append(c.Secrets, version(t, "the secret", text, secret.SigningKeys))
	}
	for _, text := range keys.PathTokens {
		c.Tokens = append(c.Tokens, version(t, "the token", text, secret.PathTokens))
	}
	if keys.JWKS != nil {
		text, err := json.Marshal(keys.JWKS)
		must(t, err)
		set, err := jwks.Parse(text)
		must(t, err)
		c.Keys = verify.StaticKeys(set)
	}
	r := capture.Request{Method: v.Request.Method, Path: v.Request.Path, Header: http.Header{}, Body: v.Request.Body}
	for _, h := range v.Request.Headers {
		r.Header.Add(h[0], h[1])
	}
	return r, c
}

// TestVectors: the report on every vector says what it expects, at least one of its
// checks says why, and nothing in it is secret.
func TestVectors(t *testing.T) {
	t.Parallel()
	f := vectors.Published()
	for _, v := range f.Vectors {
		r, c := of(t, f, v)
		report := explain.Explain(t.Context(), r, c)
		if report.Genuine != v.Expect.Accepted || report.Status != v.Expect.Status || report.Code != v.Expect.Code {
			t.Errorf("%s: %t %d %q, want %+v", v.Name, report.Genuine, report.Status, report.Code, v.Expect)
		}
		failed := slices.ContainsFunc(report.Checks, func(c explain.Check) bool { return c.Status == explain.Failed })
		if !v.Expect.Accepted && !failed {
			t.Errorf("%s: no check says why: %+v", v.Name, report.Checks)
		}
		for _, check := range report.Checks {
			if check.Status == explain.Failed && check.Do == "" {
				t.Errorf("%s: nothing to do about %+v", v.Name, check)
			}
		}
		text, err := json.Marshal(report)
		must(t, err)
		keys := f.Keys[v.Keys]
		for _, hidden := range append(slices.Concat(keys.Secrets, keys.PathTokens), strings.Fields(r.Header.Get("Webhook-Signature"))...) {
			if len(hidden) > 20 && bytes.Contains(text, []byte(hidden)) {
				t.Errorf("%s: a secret, token or signature is printed", v.Name)
			}
		}
	}
}

// TestDiagnosis: what is usually wrong is found and said.
func TestDiagnosis(t *testing.T) {
	t.Parallel()
	f := vectors.Published()
	named := func(name string) vectors.Vector {
		return f.Vectors[slices.IndexFunc(f.Vectors, func(v vectors.Vector) bool { return v.Name == name })]
	}
	body := func(change func([]byte) []byte) func(*capture.Request, *explain.Config) {
		return func(r *capture.Request, _ *explain.Config) { r.Body = change(bytes.Clone(r.Body)) }
	}
	sign := func(r *capture.Request, body string) {
		r.Header = verifytest.Static(f.Keys[vectors.KeysStatic].Secrets[0], "msg_1", time.Unix(f.Now, 0), []byte(body))
	}
	for name, test := range map[string]struct {
		vector string
		change func(*capture.Request, *explain.Config)
		want   string
	}{
		"which secret":      {"static/genuine", nil, "by the secret"},
		"which key set":     {"v1a/genuine", nil, "key set"},
		"which token":       {"jwt/genuine", nil, "under the token the token"},
		"a line end more":   {"static/body-newline-added", nil, "without the line end"},
		"a line end less":   {"static/body-spaces", body(func(b []byte) []byte { return b[:len(b)-1] }), "with a line end"},
		"CRLF":              {"static/genuine", func(r *capture.Request, _ *explain.Config) { sign(r, "a\nb"); r.Body = []byte("a\r\nb") }, "LF for CRLF"},
		"written again":     {"static/genuine", func(r *capture.Request, _ *explain.Config) { sign(r, `{"a":1}`); r.Body = []byte("{ \"a\": 1 }") }, "compact JSON"},
		"v1a, a line end":   {"v1a/genuine", body(func(b []byte) []byte { return append(b, '\n') }), "without the line end"},
		"a secret's text":   {"secret/not-decoded", nil, "with whsec_"},
		"what follows":      {"secret/prefix-cut-alone", nil, "not decoded"},
		"another version":   {"static/genuine", func(_ *capture.Request, c *explain.Config) { c.Secrets[0].Refused = "it is in REVOKED_VERSIONS" }, "it is in REVOKED_VERSIONS"},
		"an old token":      {"v1a/genuine", func(_ *capture.Request, c *explain.Config) { c.Tokens[0].Refused = "its overlap ended" }, "its overlap ended"},
		"another token":     {"v1a/genuine", func(r *capture.Request, _ *explain.Config) { r.Path = "/dynamic/" + strings.Repeat("x", 40) }, "none of the accepted versions"},
		"no token":          {"v1a/genuine", func(r *capture.Request, _ *explain.Config) { r.Path = "/gemini" }, "webhookctl dynamic-uri"},
		"stale":             {"static/stale", nil, "6m0s before"},
		"early":             {"static/future", nil, "6m0s after"},
		"GET":               {"static/genuine", func(r *capture.Request, _ *explain.Config) { r.Method = "GET" }, "expected\":\"POST"},
		"no key set":        {"v1a/genuine", func(_ *capture.Request, c *explain.Config) { c.Keys = nil }, "--jwks-file"},
		"the token's event": {"jwt/carries-event", nil, "the token carries the event"},
		"the event":         {"static/genuine", nil, "batch.succeeded of"},
		"an unknown event":  {"static/body-unicode", nil, "not in the catalogue"},
		"no JSON":           {"static/body-binary", nil, "no JSON"},
		"no type":           {"static/genuine", func(r *capture.Request, _ *explain.Config) { r.Body = []byte("{}") }, "no usable type"},
		"no id":             {"static/genuine", func(r *capture.Request, _ *explain.Config) { r.Body = []byte(`{"type":"batch.failed"}`) }, "without data.id"},
		"many entries": {"static/genuine", func(r *capture.Request, _ *explain.Config) {
			r.Header.Set("Webhook-Signature", strings.Repeat("v1,x ", 12))
		}, "more than 8"},
		"a note": {"static/genuine", func(r *capture.Request, _ *explain.Config) { r.Notes = []string{"it was cut"} }, "it was cut"},
	} {
		r, c := of(t, f, named(test.vector))
		if test.change != nil {
			test.change(&r, &c)
		}
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		must(t, e.Encode(explain.Explain(t.Context(), r, c)))
		if !strings.Contains(text.String(), test.want) {
			t.Errorf("%s does not say %q:\n%s", name, test.want, &text)
		}
	}
}
