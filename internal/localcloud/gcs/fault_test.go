package gcs_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud/gcs"
)

// TestBrokenBodies reads one object whose answer suffers each fault.
func TestBrokenBodies(t *testing.T) {
	t.Parallel()
	const pause = 150 * time.Millisecond
	for name, test := range map[string]struct {
		fault        gcs.Fault
		want         string
		length       int64 // as the answer says
		broken       bool
		header, body time.Duration // at least
	}{
		"none":                   {gcs.Fault{}, "0123456789", 10, false, 0, 0},
		"delay":                  {gcs.Fault{Delay: pause}, "0123456789", 10, false, pause, pause},
		"stall":                  {gcs.Fault{Stall: pause, StallAfter: 4}, "0123456789", 10, false, 0, pause},
		"short":                  {gcs.Fault{Cut: gcs.CutShort, CutAfter: 4}, "0123", 4, false, 0, 0},
		"short of nothing":       {gcs.Fault{Cut: gcs.CutShort}, "", 0, false, 0, 0},
		"reset":                  {gcs.Fault{Cut: gcs.CutReset, CutAfter: 4}, "0123", 10, true, 0, 0},
		"stall and reset":        {gcs.Fault{Stall: pause, StallAfter: 2, Cut: gcs.CutReset, CutAfter: 4}, "0123", 10, true, 0, pause},
		"delay and short":        {gcs.Fault{Delay: pause, Cut: gcs.CutShort, CutAfter: 4}, "0123", 4, false, pause, pause},
		"reset behind the whole": {gcs.Fault{Cut: gcs.CutReset, CutAfter: 40}, "0123456789", 10, false, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := start(t)
			s.Put(testBucket, "o", []byte("0123456789"), gcs.Attrs{})
			s.Fail(func(gcs.Op) *gcs.Fault { return &test.fault })
			begin := time.Now()
			resp, err := http.Get(s.URL() + "/" + testBucket + "/o")
			must(t, err)
			defer resp.Body.Close()
			header := time.Since(begin)
			got, err := io.ReadAll(resp.Body)
			body := time.Since(begin)
			// A reset may take what was not read yet with it.
			if whole := string(got) == test.want; !whole && !(test.broken && strings.HasPrefix(test.want, string(got))) || (err != nil) != test.broken {
				t.Errorf("read %q, %v; want %q, broken: %v", got, err, test.want, test.broken)
			}
			if resp.ContentLength != test.length || header < test.header || body < test.body || test.header == 0 && test.body > 0 && header >= pause {
				t.Errorf("Content-Length %d, headers after %v, body after %v; want %d, %v, %v", resp.ContentLength, header, body, test.length, test.header, test.body)
			}
		})
	}
}

// TestLostAnswer is the case of a crash between a write and its answer: the
// object exists, the writer sees an error.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	s.Fail(func(gcs.Op) *gcs.Fault { return &gcs.Fault{Cut: gcs.CutReset} })
	if err := write(t, client.Bucket(testBucket).Object("o").NewWriter(deadline(t)), "data"); err == nil {
		t.Error("the writer saw success")
	}
	if got, _ := s.Get(testBucket, "o"); string(got.Data) != "data" {
		t.Errorf("stored %q, want data", got.Data)
	}
}

func TestHookSeesOperations(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	s.Put(testBucket, "dir/o", []byte("0123456789"), gcs.Attrs{})
	var ops []gcs.Op
	s.Fail(func(op gcs.Op) *gcs.Fault { ops = append(ops, op); return nil })
	ctx := deadline(t)
	b := client.Bucket(testBucket)
	for _, span := range [][2]int64{{0, -1}, {2, 3}, {-4, -1}, {2, 0}} {
		r, err := b.Object("dir/o").NewRangeReader(ctx, span[0], span[1])
		must(t, err)
		_, _ = io.Copy(io.Discard, r)
		_ = r.Close()
	}
	_, _ = b.Object("dir/o").Attrs(ctx)
	_, _ = b.Objects(ctx, &storage.Query{Prefix: "dir/"}).Next()
	if err := write(t, b.Object("new").NewWriter(ctx), "x"); err != nil {
		t.Error(err)
	}
	_ = b.Object("dir/o").Delete(ctx)
	want := []gcs.Op{
		{Kind: gcs.OpRead, Bucket: testBucket, Object: "dir/o", Offset: 0, Length: -1},
		{Kind: gcs.OpRead, Bucket: testBucket, Object: "dir/o", Offset: 2, Length: 3},
		{Kind: gcs.OpRead, Bucket: testBucket, Object: "dir/o", Offset: -4, Length: -1},
		{Kind: gcs.OpRead, Bucket: testBucket, Object: "dir/o"}, // nothing of it
		{Kind: gcs.OpGet, Bucket: testBucket, Object: "dir/o"},
		{Kind: gcs.OpList, Bucket: testBucket, Object: "dir/"},
		{Kind: gcs.OpInsert, Bucket: testBucket, Object: "new"},
		{Kind: gcs.OpOther, Bucket: testBucket, Object: "dir/o"},
	}
	if diff := cmp.Diff(want, ops); diff != "" {
		t.Error(diff)
	}
	for _, kind := range []gcs.Kind{gcs.OpRead, gcs.OpGet, gcs.OpList, gcs.OpInsert, gcs.OpOther} {
		n := len(slices.DeleteFunc(slices.Clone(want), func(op gcs.Op) bool { return op.Kind != kind }))
		if got := s.Count(kind); got != n {
			t.Errorf("%d counted as %s, want %d", got, kind, n)
		}
	}
}
