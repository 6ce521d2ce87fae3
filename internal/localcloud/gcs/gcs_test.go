package gcs_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"example.com/gemini-webhook/internal/localcloud/gcs"
)

const testBucket = "results"

// start is a server with an empty bucket and a client of Google's that repeats
// nothing. What the receiver does with both, on this server and on
// fake-gcs-server, is tested in internal/gcp/storage.
func start(t *testing.T) (*gcs.Server, *storage.Client) {
	t.Helper()
	s, err := gcs.Start(testBucket)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	client, err := storage.NewClient(t.Context(), option.WithEndpoint(s.URL()+"/storage/v1/"), option.WithoutAuthentication())
	must(t, err)
	t.Cleanup(func() { client.Close() })
	client.SetRetry(storage.WithErrorFunc(func(error) bool { return false }))
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

func write(t *testing.T, w *storage.Writer, data string) error {
	t.Helper()
	w.ChunkSize = 0
	_, _ = io.WriteString(w, data)
	return w.Close()
}

func TestRanges(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	gen := s.Put(testBucket, "dir/a b?.jsonl", []byte("0123456789"), gcs.Attrs{})
	o := client.Bucket(testBucket).Object("dir/a b?.jsonl").Generation(gen)
	for name, test := range map[string]struct {
		offset, length int64
		want           string
		code           int
	}{
		"whole":                         {0, -1, "0123456789", 0},
		"middle":                        {4, 3, "456", 0},
		"to the end":                    {7, -1, "789", 0},
		"suffix":                        {-4, -1, "6789", 0},
		"suffix longer than the object": {-40, -1, "0123456789", 0},
		"over the end":                  {8, 100, "89", 0},
		"at the end":                    {10, -1, "", 416},
		"past the end":                  {11, 5, "", 416},
		"nothing":                       {3, 0, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := o.NewRangeReader(deadline(t), test.offset, test.length)
			if code(err) != test.code || test.code == 0 && err != nil {
				t.Fatalf("got %v, want status %d", err, test.code)
			}
			if err != nil {
				return
			}
			defer r.Close()
			got, err := io.ReadAll(r)
			if err != nil || string(got) != test.want || r.Attrs.Size != 10 || r.Attrs.Generation != gen {
				t.Errorf("read %q of %+v, %v; want %q", got, r.Attrs, err, test.want)
			}
		})
	}
}

// TestRefusals: what is not simulated is never ignored.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	s.Put(testBucket, "o", []byte("data"), gcs.Attrs{})
	ctx := deadline(t)
	o := client.Bucket(testBucket).Object("o")
	_, attrs := o.If(storage.Conditions{GenerationMatch: 5}).Attrs(ctx)
	_, list := client.Bucket(testBucket).Objects(ctx, &storage.Query{Delimiter: "/"}).Next()
	_, bucket := client.Bucket(testBucket).Attrs(ctx)
	_, update := o.Update(ctx, storage.ObjectAttrsToUpdate{ContentType: "x"})
	for name, err := range map[string]error{
		"precondition of a get": attrs, "delimiter": list, "bucket": bucket, "update": update,
		"delete":                  o.Delete(ctx),
		"precondition of a write": write(t, o.If(storage.Conditions{MetagenerationMatch: 1}).NewWriter(ctx), "x"),
	} {
		if code(err) != http.StatusBadRequest {
			t.Errorf("%s: %v, want 400", name, err)
		}
	}
	for _, path := range []string{"/", "/results", "/results/o?alt=xml&x=1", "/storage/v1/b", "/upload/storage/v1/b/results/o?uploadType=media"} {
		resp, err := http.Post(s.URL()+path, "multipart/related", strings.NewReader("x"))
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s, want 400", path, resp.Status)
		}
	}
	if got, _ := s.Get(testBucket, "o"); string(got.Data) != "data" {
		t.Errorf("the object was changed: %q", got.Data)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
