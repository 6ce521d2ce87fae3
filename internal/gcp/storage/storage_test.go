package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/object"
)

const bucket = "some-bucket"

// server is a Cloud Storage to test on.
type server struct {
	name string
	addr string
	put  func(name string, data []byte, encoding string) (generation int64)
}

// servers gives ours and one that others wrote.
func servers(t *testing.T) []server {
	t.Helper()
	ours, err := gcs.Start(bucket)
	must(t, err)
	t.Cleanup(func() { ours.Close() })

	theirs, err := fakestorage.NewServerWithOptions(fakestorage.Options{Scheme: "http", Host: "127.0.0.1", PublicHost: "127.0.0.1"})
	must(t, err)
	t.Cleanup(theirs.Stop)
	theirs.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: bucket})
	addr := strings.TrimPrefix(theirs.URL(), "http://")
	return []server{
		{"ours", ours.Addr(), func(name string, data []byte, encoding string) int64 {
			return ours.Put(bucket, name, data, gcs.Attrs{ContentEncoding: encoding})
		}},
		{"fake-gcs-server", addr, func(name string, data []byte, encoding string) int64 {
			theirs.CreateObject(fakestorage.Object{
				ObjectAttrs: fakestorage.ObjectAttrs{BucketName: bucket, Name: name, ContentEncoding: encoding}, Content: data,
			})
			o, err := theirs.GetObject(bucket, name)
			must(t, err)
			return o.Generation
		}},
	}
}

var connecting sync.Mutex // the client reads the environment when it is made

func connect(t *testing.T, s server) *Client {
	t.Helper()
	connecting.Lock()
	defer connecting.Unlock()
	must(t, os.Setenv("STORAGE_EMULATOR_HOST", s.addr))
	c, err := NewClient(context.Background())
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestObjects(t *testing.T) {
	for _, s := range servers(t) {
		t.Run(s.name, func(t *testing.T) {
			c, ctx := connect(t, s), t.Context()
			content := []byte("0123456789")
			packed := []byte("\x1f\x8b\x08 as it is stored") // a client that unpacks would try
			plain := object.Object{Bucket: bucket, Name: "out/a.jsonl", Generation: s.put("out/a.jsonl", content, ""), Size: 10}
			named := object.Object{Bucket: bucket, Name: "out/b.jsonl.gz", Generation: s.put("out/b.jsonl.gz", packed, ""), Size: int64(len(packed)), Encoding: "gzip"}
			encoded := object.Object{Bucket: bucket, Name: "out/c.jsonl", Generation: s.put("out/c.jsonl", packed, "gzip"), Size: int64(len(packed)), Encoding: "gzip"}
			s.put("out/notes.txt", content, "")

			got, err := c.Stat(ctx, bucket, "out/a.jsonl")
			must(t, err)
			if diff := cmp.Diff(plain, got); diff != "" {
				t.Errorf("Stat (-want +got):\n%s", diff)
			}
			if _, err := c.Stat(ctx, bucket, "absent"); !errors.Is(err, object.ErrNotFound) {
				t.Errorf("Stat of nothing: %v, want ErrNotFound", err)
			}
			if _, err := c.Stat(ctx, "absent-bucket", "absent"); !errors.Is(err, object.ErrNotFound) {
				t.Errorf("Stat in no bucket: %v, want ErrNotFound", err)
			}

			jsonl := func(o object.Object) bool { return strings.Contains(o.Name, ".jsonl") }
			all, err := c.List(ctx, bucket, "out/", jsonl, 10)
			must(t, err)
			if diff := cmp.Diff([]object.Object{plain, named, encoded}, all); diff != "" {
				t.Errorf("List (-want +got):\n%s", diff)
			}
			if some, err := c.List(ctx, bucket, "out/", jsonl, 1); err != nil || len(some) != 1 {
				t.Errorf("List of 1: %d, %v", len(some), err)
			}

			for _, test := range []struct {
				o              object.Object
				offset, length int64
				want           string
			}{
				{plain, 0, -1, "0123456789"},
				{plain, 3, 4, "3456"},
				{plain, 8, 100, "89"},
				{named, 0, -1, string(packed)},
				{encoded, 0, -1, string(packed)}, // as stored
			} {
				r, err := c.Open(ctx, test.o, test.offset, test.length)
				must(t, err)
				data, err := io.ReadAll(r)
				must(t, errors.Join(err, r.Close()))
				if string(data) != test.want {
					t.Errorf("%s [%d:+%d]: %q, want %q", test.o.Name, test.offset, test.length, data, test.want)
				}
			}

			s.put("out/a.jsonl", []byte("replaced"), "")
			if r, err := c.Open(ctx, plain, 0, -1); !errors.Is(err, object.ErrNotFound) {
				t.Errorf("the replaced generation: %v, %v, want ErrNotFound", r, err)
			}
		})
	}
}

func TestState(t *testing.T) {
	for _, s := range servers(t) {
		t.Run(s.name, func(t *testing.T) {
			state, ctx := connect(t, s).State(bucket), t.Context()
			if _, err := state.Read(ctx, "v1/k/plan"); !errors.Is(err, batch.ErrNotFound) {
				t.Errorf("Read of nothing: %v, want ErrNotFound", err)
			}
			// Of several that create the same, one wins and the others are told.
			const racers = 8
			var wg sync.WaitGroup
			errs := make([]error, racers)
			for i := range racers {
				wg.Go(func() { errs[i] = state.Create(ctx, "v1/k/plan", fmt.Appendf(nil, "plan %d", i), nil) })
			}
			wg.Wait()
			winner := -1
			for i, err := range errs {
				switch {
				case err == nil && winner >= 0:
					t.Errorf("%d and %d both won", winner, i)
				case err == nil:
					winner = i
				case !errors.Is(err, batch.ErrExists):
					t.Errorf("loser: %v, want ErrExists", err)
				}
			}
			data, err := state.Read(ctx, "v1/k/plan")
			must(t, err)
			if want := fmt.Sprintf("plan %d", winner); string(data) != want {
				t.Errorf("got %q, want %q", data, want)
			}

			must(t, state.Create(ctx, "v1/k/range/00000/1-2", nil, map[string]string{"total": "3", "prompt-tokens": "4"}))
			must(t, state.Create(ctx, "v1/k/range/00000/0-1", nil, nil))
			must(t, state.Create(ctx, "v1/k/range/00001/0-1", nil, nil))
			got, err := state.List(ctx, "v1/k/range/00000/", "", "")
			must(t, err)
			want := []batch.Entry{
				{Name: "v1/k/range/00000/0-1"},
				{Name: "v1/k/range/00000/1-2", Metadata: map[string]string{"total": "3", "prompt-tokens": "4"}},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("List (-want +got):\n%s", diff)
			}
			got, err = state.List(ctx, "v1/k/range/00000/", "v1/k/range/00000/1", "v1/k/range/00000/2")
			must(t, err)
			if diff := cmp.Diff(want[1:], got); diff != "" {
				t.Errorf("List from 1 to 2 (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListingOverPages(t *testing.T) {
	for _, s := range servers(t)[:1] { // the other takes seconds to fill
		t.Run(s.name, func(t *testing.T) {
			const n = pageSize + 5
			for i := range n {
				s.put(fmt.Sprintf("many/%05d", i), nil, "")
			}
			got, err := connect(t, s).State(bucket).List(t.Context(), "many/", "", "")
			must(t, err)
			if len(got) != n {
				t.Errorf("%d entries, want %d", len(got), n)
			}
		})
	}
}
