package gemini

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/genai"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	s, _ := start(t, Options{})
	job := createRaw(t, s, "batchGenerateContent", 50)
	const route = "GET /v1beta/batches/{id}"
	for name, c := range map[string]struct {
		fault  Fault
		status int
		header string
		want   string
	}{
		"429":      {Fault{Status: 429, RetryAfter: 7 * time.Second}, 429, "Retry-After", "7"},
		"503":      {Fault{Status: 503}, 503, "Retry-After", ""},
		"redirect": {Fault{Redirect: "http://elsewhere.invalid/x"}, 302, "Location", "http://elsewhere.invalid/x"},
	} {
		s.Fail(func(op Op) *Fault {
			if op != (Op{Route: route, Path: "/v1beta/" + job}) {
				t.Errorf("%+v", op)
			}
			return &c.fault
		})
		resp := fetch(t, s, "/v1beta/"+job)
		if resp.StatusCode != c.status || resp.Header.Get(c.header) != c.want {
			t.Errorf("%s: status %d, %s %q", name, resp.StatusCode, c.header, resp.Header.Get(c.header))
		}
	}
	s.Fail(func(Op) *Fault { return &Fault{CutAfter: 5000} })
	body, err := io.ReadAll(fetch(t, s, "/v1beta/"+job).Body)
	if len(body) != 5000 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut: %d bytes, %v", len(body), err)
	}
	if n := s.Count(route); n != 4 {
		t.Errorf("%d calls counted, want 4", n)
	}
}

// Large lists of inlined responses are never given, and take their time about it.
func TestInlineLimit(t *testing.T) {
	t.Parallel()
	s, _ := start(t, Options{InlineLimit: 20_000, InlineTimeout: 30 * time.Minute, BatchFor: func(string) BatchOptions { return BatchOptions{AnswerBytes: 1000} }})
	small, large := createRaw(t, s, "batchGenerateContent", 5), createRaw(t, s, "batchGenerateContent", 50)
	if code, _ := call(t, s, "GET", "/v1beta/"+small, "", keyHeader); code != 200 {
		t.Errorf("small: status %d", code)
	}
	for range 2 {
		begin := time.Now()
		code, out := call(t, s, "GET", "/v1beta/"+large, "", keyHeader)
		if took := time.Since(begin); code != 503 || took < 200*time.Millisecond {
			t.Errorf("large: status %d after %v: %v", code, took, out)
		}
	}
}

// 48 hours after the end of a job its file and its inlined responses are gone.
func TestRetention(t *testing.T) {
	t.Parallel()
	s, client := start(t, Options{TimeScale: 1, BatchDuration: time.Millisecond})
	inline := createRaw(t, s, "batchGenerateContent", 1)
	input := uploadText(t, client, requests(1))
	file := createBatch(t, client, &genai.BatchJobSource{FileName: input}, nil)
	result := "/v1beta/files/batch-" + strings.TrimPrefix(file, "batches/")
	status := func(method, path string) int {
		code, _ := call(t, s, method, path, "", keyHeader)
		return code
	}
	shows := func() bool {
		_, job := call(t, s, "GET", "/v1beta/"+inline, "", keyHeader)
		return job["done"] == true && job["response"] != nil
	}
	eventually(t, "the result file", func() bool { return status("GET", result) == http.StatusOK })
	if code := status("DELETE", result); code != http.StatusBadRequest {
		t.Errorf("files.delete of a result: status %d, want 400", code)
	}
	s.Advance(48*time.Hour - time.Minute)
	if status("GET", result) != 200 || status("GET", "/v1beta/"+input) != 200 || !shows() {
		t.Error("something is gone before its time")
	}
	s.Advance(2 * time.Minute)
	if a, b, c := status("GET", result), status("GET", "/download"+result+":download?alt=media"), status("GET", "/v1beta/"+input); a != 403 || b != 403 || c != 403 || shows() {
		t.Errorf("after 48 h: result %d, its download %d, input %d, want 403; inlined responses there: %t", a, b, c, shows())
	}
}
