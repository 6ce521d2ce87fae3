package gemini

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzReadBatch: any body of a create request is either refused with 400, or gives a batch whose every request has a result
// line that is JSON.
func FuzzReadBatch(f *testing.F) {
	f.Add(`{"batch":{"displayName":"d","inputConfig":{"fileName":"files/a"},"webhookConfig":{"userMetadata":{"a":1}}}}`)
	f.Add(`{"batch":{"input_config":{"requests":{"requests":[{"request":{"contents":[]},"metadata":{"key":"1"}},{}]}}}}`)
	f.Add(`{"batch":{"inputConfig":{"fileName":"files/a"},"webhookConfig":{"uris":["https://h/dynamic/t/label","http://127.0.0.1:1"]}}}`)
	f.Add(`{"batch":{"inputConfig":{"fileName":"files/a"},"webhookConfig":{"uris":["ftp://h",7]}}}`)
	f.Add(`{"batch":null}`)
	f.Add(`{"batch":{"inputConfig":null,"input_config":{}}}`)
	f.Add("[]")
	f.Add("")
	s, err := Start(Options{APIKey: testKey, Seed: 1, FailedShare: 0.3, BlockedShare: 0.3})
	must(f, err)
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, body string) {
		b, err := readBatch(httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader(body)))
		if err != nil {
			if err.Code != 400 || err.Status == "" || err.Message == "" {
				t.Errorf("error %+v", err)
			}
			return
		}
		checkURIs(t, b.hook)
		checkLines(t, s, b)
	})
}

func checkURIs(t *testing.T, c webhookConfig) {
	t.Helper()
	for _, uri := range c.URIs {
		if u, err := url.Parse(uri); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			t.Errorf("took the uri %q", uri)
		}
	}
}

// FuzzInputFile: whatever an uploaded file holds, every line that is not blank has one result line that is JSON, and a key
// that is JSON comes back.
func FuzzInputFile(f *testing.F) {
	f.Add([]byte(requests(3)))
	f.Add([]byte("{\"key\":7,\"request\":{}}\r\n\n  \n{\"request\":{}}\nnot json\n{\"key\":\"x\"}"))
	f.Add([]byte("\xef\xbb\xbf{}\n\xff\xfe"))
	s, err := Start(Options{APIKey: testKey, Seed: 1, FailedShare: 0.3, BlockedShare: 0.3})
	must(f, err)
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, input []byte) {
		b := &batch{inputFile: "files/a", input: input}
		checkLines(t, s, b)
		for i, it := range b.items() {
			if it.key != nil && !json.Valid(it.key) {
				t.Errorf("item %d has a key that is not JSON", i)
			}
		}
	})
}

func checkLines(t *testing.T, s *Server, b *batch) {
	t.Helper()
	items := b.items()
	m := s.newMaker(b, items)
	var out bytes.Buffer
	if _, err := out.ReadFrom(m); err != nil || m.unread() {
		t.Fatalf("reading the results: %v", err)
	}
	n := 0
	for line := range bytes.Lines(out.Bytes()) {
		n++
		var got map[string]json.RawMessage
		if err := json.Unmarshal(line, &got); err != nil || (got["response"] == nil) == (got["error"] == nil) {
			t.Errorf("line %d: %v", n, err)
		}
	}
	if n != len(items) || m.stats.total != n || m.stats.succeeded+m.stats.failed != n {
		t.Errorf("%d lines and %+v for %d requests", n, m.stats, len(items))
	}
}
