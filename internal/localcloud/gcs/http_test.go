package gcs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/iterator"

	"example.com/gemini-webhook/internal/localcloud/gcs"
)

// do sends one request; header lines are "Name: value".
func do(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	res, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(data)
}

func TestWhatIsUnknownIsRefused(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	s.Put(testBucket, "o", []byte("x"), gcs.Attrs{})
	const b, o = "/storage/v1/b/" + testBucket, "/storage/v1/b/" + testBucket + "/o/o"
	upload := "/upload" + b + "/o?name=n&uploadType="
	for _, tc := range []struct {
		method, path, body string
		header             []string
	}{
		{method: "PATCH", path: o, body: "{}"},
		{method: "POST", path: o + "/rewriteTo/b/x/o/y"},
		{method: "POST", path: o + "/compose"},
		{method: "GET", path: b + "/o?versions=true"},
		{method: "GET", path: b + "/o?matchGlob=*.jsonl"},
		{method: "GET", path: b + "/o?maxResults=-1"},
		{method: "GET", path: b + "/o?fields=items(name"},
		{method: "GET", path: b + "/o?pageToken=%21"},
		{method: "GET", path: o + "?generation=x"},
		{method: "GET", path: o + "?ifGenerationMatch=x"},
		{method: "GET", path: o + "?alt=media", header: []string{"X-Goog-Encryption-Algorithm: AES256"}},
		{method: "PUT", path: "/" + testBucket + "/o", body: "x"},
		{method: "POST", path: upload + "other"},
		{method: "POST", path: upload + "media&kmsKeyName=k", body: "x"},
		{method: "POST", path: upload + "multipart", body: "x"},
		{method: "POST", path: upload + "resumable", body: `{"temporaryHold":true}`},
		{method: "POST", path: upload + "resumable", body: `{"bucket":"other"}`},
		{method: "POST", path: "/upload" + b + "/o?uploadType=media", body: "no name"},
		{method: "POST", path: "/storage/v1/b?project=p", body: `{"name":"UPPER"}`},
	} {
		res, body := do(t, tc.method, s.URL()+tc.path, tc.body, tc.header...)
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s %s: %s %s, want 400", tc.method, tc.path, res.Status, body)
		}
	}
}

func TestErrorBodies(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	for path, want := range map[string][2]string{
		"/storage/v1/b/results/o/none":           {"application/json; charset=UTF-8", `{"error":{"code":404,"errors":[{"domain":"global","message":"No such object: results/none","reason":"notFound"}],"message":"No such object: results/none"}}`},
		"/storage/v1/b/results/o/none?alt=media": {"text/html; charset=UTF-8", "No such object: results/none"},
		"/results/none":                          {"application/xml; charset=UTF-8", "<?xml version='1.0' encoding='UTF-8'?><Error><Code>NoSuchKey</Code><Message>No such object: results/none</Message></Error>"},
	} {
		res, body := do(t, "GET", s.URL()+path, "")
		if diff := cmp.Diff(want, [2]string{res.Header.Get("Content-Type"), body}); diff != "" || res.StatusCode != 404 {
			t.Errorf("%s: %s %s", path, res.Status, diff)
		}
	}
}

func TestReadHeaders(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	s.Put(testBucket, "a/o", []byte("hello"), gcs.Attrs{ContentType: "text/plain", Metadata: map[string]string{"k": "v"}})
	want := map[string][]string{
		"X-Goog-Hash":                    {"crc32c=mnG7TA==", "md5=XUFAKrxLKna5cZ2REBfFkg=="},
		"X-Goog-Generation":              {"1700000000000001"},
		"X-Goog-Metageneration":          {"1"},
		"X-Goog-Stored-Content-Length":   {"5"},
		"X-Goog-Stored-Content-Encoding": {"identity"},
		"X-Goog-Meta-K":                  {"v"},
		"Content-Type":                   {"text/plain"},
		"Content-Length":                 {"2"},
		"Content-Range":                  {"bytes 1-2/5"},
	}
	for _, path := range []string{"/results/a/o", "/results/a%2Fo", "/storage/v1/b/results/o/a%2Fo?alt=media", "/download/storage/v1/b/results/o/a%2Fo?alt=media"} {
		res, body := do(t, "GET", s.URL()+path, "", "Range: bytes=1-2")
		got := map[string][]string{}
		for name := range want {
			got[name] = res.Header[name]
		}
		if diff := cmp.Diff(want, got); diff != "" || body != "el" || res.StatusCode != http.StatusPartialContent {
			t.Errorf("%s: %s %q %s", path, res.Status, body, diff)
		}
	}
}

// TestRangesThatAreNoRanges: other forms are ignored, empty ones refused.
func TestRangesThatAreNoRanges(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	s.Put(testBucket, "o", []byte("0123456789"), gcs.Attrs{})
	for header, want := range map[string]int{
		"bytes=0-1,3-4": 200, "bytes=5-2": 200, "bytes=x-": 200, "lines=0-1": 200, "bytes=+1-2": 200,
		"bytes=-0": 416, "bytes=10-": 416, "bytes=9-9223372036854775807": 206,
	} {
		if res, _ := do(t, "GET", s.URL()+"/results/o", "", "Range: "+header); res.StatusCode != want {
			t.Errorf("%s: status %d, want %d", header, res.StatusCode, want)
		}
	}
}

// TestResumableProtocol is what gcloud and curl do: PUT, status questions,
// repeated and overlapping chunks, one chunk without Content-Range.
func TestResumableProtocol(t *testing.T) {
	t.Parallel()
	const unit = 256 << 10
	s, _ := start(t)
	open := func(name string) string {
		t.Helper()
		res, body := do(t, "POST", s.URL()+"/upload/storage/v1/b/results/o?uploadType=resumable", `{"name":"`+name+`"}`, "X-Upload-Content-Type: text/plain")
		if res.StatusCode != 200 {
			t.Fatalf("start: %s %s", res.Status, body)
		}
		return res.Header.Get("Location")
	}
	content := strings.Repeat("0123456789abcdef", 2*unit/16) + "end"
	url := open("o")
	total := "524291"
	for i, step := range []struct {
		body, span string
		want       int
		received   string
	}{
		{"", "bytes */*", 308, ""},
		{content[:unit], "bytes 0-262143/*", 308, "bytes=0-262143"},
		{content[:100], "bytes 262144-262243/*", 400, ""}, // no multiple of the unit
		{content[:unit], "bytes 524288-786431/*", 400, ""},
		{content[:unit], "bytes 0-262143/*", 308, "bytes=0-262143"}, // again: skipped
		{content, "bytes 0-524290/" + total, 200, ""},               // overlaps, completes
		{content[2*unit:], "bytes 524288-524290/" + total, 200, ""}, // its answer was lost
		{"", "bytes */" + total, 200, ""},
	} {
		res, body := do(t, "PUT", url, step.body, "Content-Range: "+step.span)
		if res.StatusCode != step.want || res.Header.Get("Range") != step.received {
			t.Fatalf("step %d: %s Range %q %s, want %d %q", i, res.Status, res.Header.Get("Range"), body, step.want, step.received)
		}
	}
	if got, _ := s.Get(testBucket, "o"); string(got.Data) != content || got.Attrs.ContentType != "text/plain" {
		t.Errorf("stored %d bytes of %s", len(got.Data), got.Attrs.ContentType)
	}
	if res, body := do(t, "PUT", open("whole"), "all at once"); res.StatusCode != 200 {
		t.Errorf("without Content-Range: %s %s", res.Status, body)
	}
	if got, _ := s.Get(testBucket, "whole"); string(got.Data) != "all at once" {
		t.Errorf("stored %q", got.Data)
	}
	url = open("gone")
	if res, _ := do(t, "DELETE", url, ""); res.StatusCode != 499 {
		t.Errorf("cancel: %s, want 499", res.Status)
	}
	if res, _ := do(t, "PUT", url, "x"); res.StatusCode != 404 {
		t.Errorf("after cancel: %s, want 404", res.Status)
	}
}

func TestMediaUploadAndChecksums(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	url := s.URL() + "/upload/storage/v1/b/results/o?uploadType=media&name=o&fields=name,size"
	res, body := do(t, "POST", url, "hello", "Content-Type: text/plain", "X-Goog-Hash: crc32c=mnG7TA==")
	if res.StatusCode != 200 {
		t.Fatalf("%s %s", res.Status, body)
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"name": "o", "size": "5"}, got); diff != "" {
		t.Error(diff)
	}
	if res, _ := do(t, "POST", url, "hellO", "X-Goog-Hash: crc32c=mnG7TA=="); res.StatusCode != 400 {
		t.Errorf("wrong checksum: %s, want 400", res.Status)
	}
	if o, _ := s.Get(testBucket, "o"); string(o.Data) != "hello" || o.Attrs.ContentType != "text/plain" {
		t.Errorf("stored %q of %s", o.Data, o.Attrs.ContentType)
	}
}

func TestGzipThatIsNone(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	s.Put(testBucket, "o", []byte("plain"), gcs.Attrs{ContentEncoding: "gzip"})
	s.Put(testBucket, "kept", gzipped(t, []byte("plain")), gcs.Attrs{ContentEncoding: "gzip", CacheControl: "no-transform"})
	if res, _ := do(t, "GET", s.URL()+"/results/o", ""); res.StatusCode != 400 {
		t.Errorf("decompressed: %s, want 400", res.Status)
	}
	if _, body := do(t, "GET", s.URL()+"/results/o", "", "Accept-Encoding: gzip"); body != "plain" {
		t.Errorf("stored bytes: %q", body)
	}
	if res, body := do(t, "GET", s.URL()+"/results/kept", ""); res.Header.Get("Content-Encoding") != "gzip" || body[:2] != "\x1f\x8b" {
		t.Errorf("no-transform: encoding %q", res.Header.Get("Content-Encoding"))
	}
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	ctx := deadline(t)
	if err := client.Bucket("second").Create(ctx, "p", &storage.BucketAttrs{Location: "EU"}); err != nil {
		t.Fatal(err)
	}
	if err := client.Bucket("second").Create(ctx, "p", nil); code(err) != http.StatusConflict {
		t.Errorf("create again: %v, want 409", err)
	}
	if err := s.CreateBucket("second"); err == nil {
		t.Error("CreateBucket of an existing bucket succeeded")
	}
	if _, err := client.Bucket("second").Attrs(ctx); err != nil {
		t.Error(err)
	}
	it := client.Buckets(ctx, "p")
	var names []string
	for {
		a, err := it.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, a.Name)
	}
	if diff := cmp.Diff([]string{testBucket, "second"}, names); diff != "" {
		t.Error(diff)
	}
}

func FuzzRequests(f *testing.F) {
	f.Add("GET", "/results/o", "bytes=1-2", "")
	f.Add("GET", "/storage/v1/b/results/o?fields=items(name,metadata/k),nextPageToken&delimiter=/", "", "")
	f.Add("POST", "/upload/storage/v1/b/results/o?uploadType=resumable&name=n", "", "{}")
	f.Add("PUT", "/upload/storage/v1/b/results/o?upload_id=x", "bytes 0-1/2", "ab")
	f.Add("DELETE", "/storage/v1/b/results/o/o%2F?ifGenerationMatch=1", "", "")
	s := gcs.New(gcs.Options{})
	s.Put(testBucket, "o", []byte("0123456789"), gcs.Attrs{})
	handler := s.Handler()
	f.Fuzz(func(t *testing.T, method, target, span, body string) {
		req, err := http.NewRequest(method, "http://127.0.0.1/", bytes.NewReader([]byte(body)))
		if err != nil {
			return
		}
		u, err := req.URL.Parse(target)
		if err != nil {
			return
		}
		req.URL = u
		req.Header.Set("Range", span)
		req.Header.Set("Content-Range", span)
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, req)
		if rec.Code >= 500 {
			t.Errorf("%s %s: status %d", method, target, rec.Code)
		}
	})
}
