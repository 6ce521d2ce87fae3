package handlers

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

func forged(path string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(testBody))
	r.Header = unsigned("v1," + base64.StdEncoding.EncodeToString(make([]byte, 32)))
	return r
}

// longPaths are those whose parts are dear: to decode, to cut, to encode.
var longPaths = []string{"x", "/", "%41", "%2F", "%C3%A4", "dynamic/", "%25"}

func pathOf(part string, bytes int) string {
	path := "/" + strings.Repeat(part, bytes/len(part)+1)
	return path[:1+(bytes-1)/len(part)*len(part)]
}

// What a refusal costs is held by the bytes that it allocates: time differs from
// machine to machine. Redacting 60 KiB of slashes took 12 MB and 13 ms.
func TestRefusalCostsTheSameWhateverThePath(t *testing.T) {
	door := newReceiver(newVerifier(), acceptsAll{}, 256<<10, io.Discard)
	for _, part := range longPaths {
		for _, length := range []int{100, 1 << 10, maxURIBytes, 60 << 10} {
			path := pathOf(part, length)
			wanted := http.StatusUnauthorized
			if length > maxURIBytes {
				wanted = http.StatusRequestURITooLong
			}
			refuse := func(r *http.Request) {
				w := httptest.NewRecorder()
				if door.ServeHTTP(w, r); w.Code != wanted {
					t.Fatalf("%d bytes of %q: got %d, want %d", length, part, w.Code, wanted)
				}
			}
			for range refusalLines { // the lines cost more, and are few
				refuse(forged(path))
			}
			const runs = 20
			var requests [runs]*http.Request
			for i := range requests {
				requests[i] = forged(path)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for _, r := range requests {
				refuse(r)
			}
			runtime.ReadMemStats(&after)
			const limit = 24 << 10 // the first buffer of a body, the path decoded once, the answer
			if got := (after.TotalAlloc - before.TotalAlloc) / runs; got > limit {
				t.Errorf("a path of %d bytes of %q: %d bytes allocated for a refusal, at most %d are wanted", length, part, got, limit)
			}
		}
	}
}

func TestAURIThatIsTooLong(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, uri string
		status    int
		answer    string
	}{
		{"as long as may be", "/" + strings.Repeat("x", maxURIBytes-1), 200, "status:accepted"},
		{"a byte more", "/" + strings.Repeat("x", maxURIBytes), 414, "error:uri_too_long"},
		{"a query", "/hook?" + strings.Repeat("x", maxURIBytes), 414, "error:uri_too_long"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDoor(t, 1024)
			r := d.genuine(t)
			at, err := r.URL.Parse(test.uri)
			if err != nil {
				t.Fatal(err)
			}
			r.URL = at
			if status, answer := d.send(t, r); status != test.status || answer != test.answer {
				t.Errorf("got %d %s, want %d %s", status, answer, test.status, test.answer)
			}
			if queued := len(d.queue.all()) == 1; queued != (test.status == 200) {
				t.Errorf("queued is %v with %d", queued, test.status)
			}
			if log := d.log.String(); test.status != 200 && (strings.Contains(log, "xxxx") || !strings.Contains(log, `"code":"uri_too_long"`)) {
				t.Errorf("the line must have the code and not the path:\n%s", log)
			}
		})
	}
}

func BenchmarkRefusalByPath(b *testing.B) {
	for _, part := range longPaths {
		for _, length := range []int{100, 1 << 10, maxURIBytes, 60 << 10} {
			b.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(part, "/", "slash"), length), func(b *testing.B) {
				door, r := newReceiver(newVerifier(), acceptsAll{}, 256<<10, io.Discard), forged(pathOf(part, length))
				b.ReportAllocs()
				for b.Loop() {
					r.Body = io.NopCloser(strings.NewReader(testBody))
					door.ServeHTTP(httptest.NewRecorder(), r)
				}
			})
		}
	}
}
