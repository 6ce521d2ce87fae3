package handlers

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Whatever is pushed is an envelope that encodes back to what it says, or is
// refused as none.
func FuzzReadEnvelope(f *testing.F) {
	f.Add([]byte(`{"message":{"data":"eA==","attributes":{"kind":"event"},"messageId":"1","publishTime":"2026-01-22T12:00:00Z"},"subscription":"projects/p/subscriptions/s","deliveryAttempt":3}`))
	f.Add([]byte(`{"message":{"data":"not base64!"}}`))
	f.Add([]byte(`{"message":null}`))
	f.Add([]byte(`{"deliveryAttempt":"5"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/tasks/process", strings.NewReader(string(body)))
		w, err := readEnvelope(httptest.NewRecorder(), r)
		if err != nil {
			if pushStatus(err) != http.StatusBadRequest {
				t.Fatalf("%v is answered %d", err, pushStatus(err))
			}
			return
		}
		var e envelope
		if json.Unmarshal(body, &e) != nil || e.Message == nil || string(e.Message.Data) != string(w.data) {
			t.Fatalf("accepted %q as %+v", body, w)
		}
	})
}

// A pointer that may be read names an object or prefix of an allowed place, in
// canonical form, or a file.
func FuzzLocate(f *testing.F) {
	for _, seed := range []string{
		"gs://results-bucket/ok/o.jsonl", "gs://results-bucket/ok/", "gs://results-bucket/ok/../x", "gs://state-bucket/ok/x",
		"files/abc", "https://generativelanguage.googleapis.com/v1beta/files/abc:download?alt=media", "gs://", "gs:///", "\x00",
	} {
		f.Add(seed)
	}
	p := NewProcessor(ProcessorConfig{
		Allowed:     []Location{{Bucket: "results-bucket", Prefix: "ok/"}, {Bucket: "state-bucket"}},
		StateBucket: "state-bucket",
		Files:       memoryFiles{},
	})
	f.Fuzz(func(t *testing.T, text string) {
		at, refused := p.locate(text)
		switch {
		case refused != nil:
			if refused.Code == "" || refused.Message == "" || at != (pointer{}) {
				t.Fatalf("%q: %+v, %+v", text, at, refused)
			}
		case at.file != "":
			id := strings.TrimPrefix(at.file, "files/")
			if id == at.file || strings.ContainsAny(id, "/?#%:\\ ") || strings.HasPrefix(id, ".") {
				t.Fatalf("%q: file %q", text, at.file)
			}
		default:
			if text != "gs://"+at.bucket+"/"+at.name || at.bucket != "results-bucket" || !strings.HasPrefix(at.name, "ok/") ||
				strings.Contains("/"+at.name+"/", "/../") || strings.Contains(at.name, "//") {
				t.Fatalf("%q: bucket %q, object %q", text, at.bucket, at.name)
			}
		}
	})
}
