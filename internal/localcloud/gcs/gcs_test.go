package gcs_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"example.com/gemini-webhook/internal/localcloud/gcs"
)

const testBucket = "results"

// start is a server with an empty bucket and a client of Google's.
func start(t *testing.T, opts ...option.ClientOption) (*gcs.Server, *storage.Client) {
	t.Helper()
	s := gcs.New(gcs.Options{})
	if err := s.Start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.CreateBucket(testBucket); err != nil {
		t.Fatal(err)
	}
	client, err := storage.NewClient(t.Context(), append(opts, option.WithEndpoint(s.Endpoint()), option.WithoutAuthentication())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	client.SetRetry(storage.WithMaxAttempts(3), storage.WithErrorFunc(func(error) bool { return false }))
	return s, client
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// code is the HTTP status in err, 0 where there is none.
func code(err error) int {
	var e *googleapi.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func gzipped(t *testing.T, plain []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	if _, err := zw.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestUploadSizesAndChunks(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ size, chunk int }{
		"empty":                  {0, googleapi.DefaultUploadChunkSize},
		"multipart":              {1000, googleapi.DefaultUploadChunkSize},
		"one request, no chunks": {3 << 20, 0},
		"resumable, partial end": {3<<20 + 17, 1 << 20},
		"resumable, even":        {2 << 20, 1 << 20},
		"resumable by default":   {googleapi.DefaultUploadChunkSize + 5, googleapi.DefaultUploadChunkSize},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t)
			want := make([]byte, tc.size)
			_, _ = rand.Read(want)
			w := client.Bucket(testBucket).Object("dir/a b?.jsonl").NewWriter(deadline(t))
			w.ChunkSize = tc.chunk
			w.ContentType = "application/jsonl"
			w.Metadata = map[string]string{"lines": "7"}
			if _, err := w.Write(want); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			got, ok := s.Get(testBucket, "dir/a b?.jsonl")
			if !ok || !bytes.Equal(got.Data, want) {
				t.Fatalf("stored %d bytes (found %v), want the %d written", len(got.Data), ok, len(want))
			}
			if diff := cmp.Diff(gcs.Attrs{ContentType: "application/jsonl", Metadata: map[string]string{"lines": "7"}}, got.Attrs); diff != "" {
				t.Error(diff)
			}
			if a := w.Attrs(); a.Generation != got.Generation || a.Size != int64(tc.size) {
				t.Errorf("writer got generation %d size %d, stored are %d and %d", a.Generation, a.Size, got.Generation, tc.size)
			}
			if n := s.Count(gcs.OpInsert); n != 1 {
				t.Errorf("counted %d inserts, want 1", n)
			}
		})
	}
}

func TestRacingCreatesHaveOneWinner(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	ctx := deadline(t)
	var wins, losses atomic.Int32
	var winner atomic.Value
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			data := string(rune('a' + i))
			w := client.Bucket(testBucket).Object("plan").If(storage.Conditions{DoesNotExist: true}).NewWriter(ctx)
			w.ChunkSize = []int{0, 256 << 10}[i%2]
			_, _ = io.WriteString(w, data)
			switch err := w.Close(); {
			case err == nil:
				wins.Add(1)
				winner.Store(data)
			case code(err) == http.StatusPreconditionFailed:
				losses.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if wins.Load() != 1 || losses.Load() != 15 {
		t.Fatalf("%d wins and %d losses, want 1 and 15", wins.Load(), losses.Load())
	}
	if got, _ := s.Get(testBucket, "plan"); string(got.Data) != winner.Load() {
		t.Errorf("stored %q, the winner wrote %q", got.Data, winner.Load())
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	content := []byte("0123456789")
	for _, tc := range []struct {
		name           string
		offset, length int64
		want           string
		code           int
	}{
		{"whole", 0, -1, "0123456789", 0},
		{"head", 0, 3, "012", 0},
		{"middle", 4, 3, "456", 0},
		{"to the end", 7, -1, "789", 0},
		{"suffix", -4, -1, "6789", 0},
		{"suffix longer than the object", -40, -1, "0123456789", 0},
		{"over the end", 8, 100, "89", 0},
		{"at the end", 10, -1, "", 416},
		{"past the end", 11, 5, "", 416},
		{"nothing", 3, 0, "", 0},
	} {
		for api, opt := range map[string]option.ClientOption{"xml": storage.WithXMLReads(), "json": storage.WithJSONReads()} {
			t.Run(tc.name+" "+api, func(t *testing.T) {
				t.Parallel()
				s, client := start(t, opt)
				gen := s.Put(testBucket, "o", content, gcs.Attrs{ContentType: "text/plain"})
				r, err := client.Bucket(testBucket).Object("o").Generation(gen).NewRangeReader(deadline(t), tc.offset, tc.length)
				if code(err) != tc.code || tc.code == 0 && err != nil {
					t.Fatalf("got %v, want status %d", err, tc.code)
				}
				if err != nil {
					return
				}
				defer r.Close()
				got, err := io.ReadAll(r)
				if err != nil || string(got) != tc.want {
					t.Errorf("read %q, %v; want %q", got, err, tc.want)
				}
				if r.Attrs.Size != 10 || r.Attrs.Generation != gen || r.Attrs.ContentType != "text/plain" {
					t.Errorf("attributes of the reader: %+v", r.Attrs)
				}
			})
		}
	}
}

func TestGzipTranscoding(t *testing.T) {
	t.Parallel()
	plain := bytes.Repeat([]byte("line\n"), 5000)
	packed := gzipped(t, plain)
	for api, opt := range map[string]option.ClientOption{"xml": storage.WithXMLReads(), "json": storage.WithJSONReads()} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			s, client := start(t, opt)
			s.Put(testBucket, "o.gz", packed, gcs.Attrs{ContentEncoding: "gzip"})
			o := client.Bucket(testBucket).Object("o.gz")
			read := func(o *storage.ObjectHandle, off, n int64) ([]byte, storage.ReaderObjectAttrs) {
				t.Helper()
				r, err := o.NewRangeReader(deadline(t), off, n)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				data, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				return data, r.Attrs
			}
			if got, attrs := read(o, 0, -1); !bytes.Equal(got, plain) || !attrs.Decompressed {
				t.Errorf("whole: %d bytes, decompressed %v; want %d, true", len(got), attrs.Decompressed, len(plain))
			}
			// A range of an object that is transcoded is the whole object.
			if got, _ := read(o, 0, 100); !bytes.Equal(got, plain) {
				t.Errorf("range: %d bytes, want all %d", len(got), len(plain))
			}
			if api == "json" {
				return // the client refuses ReadCompressed here
			}
			if got, _ := read(o.ReadCompressed(true), 0, -1); !bytes.Equal(got, packed) {
				t.Errorf("compressed: %d bytes, want %d", len(got), len(packed))
			}
			if got, _ := read(o.ReadCompressed(true), 5, 10); !bytes.Equal(got, packed[5:15]) {
				t.Errorf("compressed range: %d bytes, want 10", len(got))
			}
		})
	}
}

func TestGenerationsAndPreconditions(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	ctx := deadline(t)
	old := s.Put(testBucket, "o", []byte("old"), gcs.Attrs{})
	live := s.Put(testBucket, "o", []byte("new"), gcs.Attrs{})
	if live <= old {
		t.Fatalf("generation %d after %d, want growth", live, old)
	}
	o := client.Bucket(testBucket).Object("o")
	read := func(o *storage.ObjectHandle) error {
		r, err := o.NewReader(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = io.Copy(io.Discard, r)
		return err
	}
	write := func(c storage.Conditions) error {
		w := o.If(c).NewWriter(ctx)
		_, _ = w.Write([]byte("x"))
		return w.Close()
	}
	attrs := func(o *storage.ObjectHandle) error { _, err := o.Attrs(ctx); return err }
	stale, fresh := storage.Conditions{GenerationMatch: old}, storage.Conditions{GenerationMatch: live}
	for _, tc := range []struct {
		name string
		err  error
		want int
	}{
		{"read, pinned to a generation that is gone", read(o.Generation(old)), 404},
		{"read, pinned", read(o.Generation(live)), 0},
		{"read, stale", read(o.If(stale)), 412},
		{"attrs, pinned to a generation that is gone", attrs(o.Generation(old)), 404},
		{"attrs, stale", attrs(o.If(stale)), 412},
		{"attrs, not changed", attrs(o.If(storage.Conditions{GenerationNotMatch: live})), 304},
		{"attrs, metageneration", attrs(o.If(storage.Conditions{MetagenerationMatch: 2})), 412},
		{"create, exists", write(storage.Conditions{DoesNotExist: true}), 412},
		{"write, stale", write(stale), 412},
		{"delete, stale", o.If(stale).Delete(ctx), 412},
		{"delete, generation gone", o.Generation(old).Delete(ctx), 404},
		{"delete, fresh", o.If(fresh).Delete(ctx), 0},
		{"delete, missing", o.Delete(ctx), 404},
		{"read, missing", read(o), 404},
		{"write, of a generation that is gone", write(fresh), 412},
		{"write to a missing bucket", func() error {
			w := client.Bucket("nowhere").Object("o").NewWriter(ctx)
			return w.Close()
		}(), 404},
	} {
		if tc.want == 404 && !errors.Is(tc.err, storage.ErrObjectNotExist) && tc.name != "write to a missing bucket" {
			t.Errorf("%s: %v, want ErrObjectNotExist", tc.name, tc.err)
		}
		if got := code(tc.err); got != tc.want && !(tc.want == 404 && got == 0) || tc.want == 0 && tc.err != nil {
			t.Errorf("%s: %v, want %d", tc.name, tc.err, tc.want)
		}
	}
}
