package gcs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/storage"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"google.golang.org/api/iterator"
)

// outcome makes the results of two servers comparable: generations, times and
// messages differ, kinds of success and failure must not.
func outcome(value string, err error) string {
	switch {
	case err == nil:
		return "ok " + value
	case errors.Is(err, storage.ErrObjectNotExist):
		return "object does not exist"
	case errors.Is(err, storage.ErrBucketNotExist):
		return "bucket does not exist"
	case code(err) != 0:
		return fmt.Sprintf("status %d", code(err))
	}
	return "error " + err.Error()
}

type parityCase struct {
	name string
	// differs is what fake-gcs-server is known to answer in place of want.
	want, differs string
	run           func(ctx context.Context, t *testing.T, b *storage.BucketHandle) string
}

func create(ctx context.Context, t *testing.T, o *storage.ObjectHandle, data string) int64 {
	t.Helper()
	w := o.NewWriter(ctx)
	_, _ = io.WriteString(w, data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.Attrs().Generation
}

func readRange(ctx context.Context, o *storage.ObjectHandle, off, n int64) string {
	r, err := o.NewRangeReader(ctx, off, n)
	if err != nil {
		return outcome("", err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return outcome(string(data), err)
}

func listNames(ctx context.Context, b *storage.BucketHandle, q *storage.Query, page int) string {
	it := b.Objects(ctx, q)
	it.PageInfo().MaxSize = page
	var names []string
	for {
		a, err := it.Next()
		if errors.Is(err, iterator.Done) {
			slices.Sort(names)
			return outcome(strings.Join(names, " "), nil)
		}
		if err != nil {
			return outcome("", err)
		}
		names = append(names, a.Name+a.Prefix)
	}
}

func parityCases(gzipData []byte) []parityCase {
	type run = func(ctx context.Context, t *testing.T, b *storage.BucketHandle) string
	ranged := func(off, n int64) run {
		return func(ctx context.Context, t *testing.T, b *storage.BucketHandle) string {
			create(ctx, t, b.Object("o"), "0123456789")
			return readRange(ctx, b.Object("o"), off, n)
		}
	}
	// replaced gives the case an object and a generation of it that is gone.
	replaced := func(f func(ctx context.Context, o *storage.ObjectHandle, old int64) string) run {
		return func(ctx context.Context, t *testing.T, b *storage.BucketHandle) string {
			old := create(ctx, t, b.Object("o"), "old")
			create(ctx, t, b.Object("o"), "new")
			return f(ctx, b.Object("o"), old)
		}
	}
	listed := func(q storage.Query, page int) run {
		return func(ctx context.Context, t *testing.T, b *storage.BucketHandle) string {
			for _, name := range []string{"a", "m/1", "m/2/x", "m/2/y", "m/3", "z"} {
				create(ctx, t, b.Object(name), "x")
			}
			return listNames(ctx, b, &q, page)
		}
	}
	writeIf := func(o *storage.ObjectHandle, ctx context.Context, c storage.Conditions) string {
		w := o.If(c).NewWriter(ctx)
		_, _ = io.WriteString(w, "x")
		return outcome("", w.Close())
	}
	return []parityCase{
		{name: "range, middle", want: "ok 345", run: ranged(3, 3)},
		{name: "range, suffix", want: "ok 789", run: ranged(-3, -1)},
		{name: "range, over the end", want: "ok 89", run: ranged(8, 10)},
		{name: "range, past the end", want: "status 416", run: ranged(10, 1)},
		{name: "range, none", want: "ok ", run: ranged(0, 0)},
		{name: "read missing", want: "object does not exist", run: func(ctx context.Context, _ *testing.T, b *storage.BucketHandle) string {
			return readRange(ctx, b.Object("o"), 0, -1)
		}},
		{name: "attrs missing", want: "object does not exist", run: func(ctx context.Context, _ *testing.T, b *storage.BucketHandle) string {
			_, err := b.Object("o").Attrs(ctx)
			return outcome("", err)
		}},
		{name: "delete missing", want: "object does not exist", run: func(ctx context.Context, _ *testing.T, b *storage.BucketHandle) string {
			return outcome("", b.Object("o").Delete(ctx))
		}},
		{name: "create existing", want: "status 412", run: replaced(func(ctx context.Context, o *storage.ObjectHandle, _ int64) string {
			return writeIf(o, ctx, storage.Conditions{DoesNotExist: true})
		})},
		{name: "create missing", want: "ok ", run: func(ctx context.Context, _ *testing.T, b *storage.BucketHandle) string {
			return writeIf(b.Object("o"), ctx, storage.Conditions{DoesNotExist: true})
		}},
		{name: "write stale", want: "status 412", run: replaced(func(ctx context.Context, o *storage.ObjectHandle, old int64) string {
			return writeIf(o, ctx, storage.Conditions{GenerationMatch: old})
		})},
		{name: "read of a generation that is gone", want: "object does not exist", run: replaced(func(ctx context.Context, o *storage.ObjectHandle, old int64) string {
			return readRange(ctx, o.Generation(old), 0, -1)
		})},
		{name: "read stale", want: "status 412", differs: "ok new", run: replaced(func(ctx context.Context, o *storage.ObjectHandle, old int64) string {
			return readRange(ctx, o.If(storage.Conditions{GenerationMatch: old}), 0, -1)
		})},
		{name: "delete stale", want: "status 412", differs: "ok ", run: replaced(func(ctx context.Context, o *storage.ObjectHandle, old int64) string {
			return outcome("", o.If(storage.Conditions{GenerationMatch: old}).Delete(ctx))
		})},
		{name: "list", want: "ok a m/1 m/2/x m/2/y m/3 z", run: listed(storage.Query{}, 0)},
		{name: "list, pages", want: "ok a m/1 m/2/x m/2/y m/3 z", run: listed(storage.Query{}, 2)},
		{name: "list, prefix", want: "ok m/1 m/2/x m/2/y m/3", run: listed(storage.Query{Prefix: "m/"}, 3)},
		{name: "list, delimiter", want: "ok m/1 m/2/ m/3", run: listed(storage.Query{Prefix: "m/", Delimiter: "/"}, 0)},
		{name: "list, start", want: "ok m/3 z", run: listed(storage.Query{StartOffset: "m/3"}, 0)},
		{name: "metadata and checksum", want: "ok text/plain map[k:v] 4 true", run: func(ctx context.Context, t *testing.T, b *storage.BucketHandle) string {
			w := b.Object("o").NewWriter(ctx)
			w.ContentType, w.Metadata = "text/plain", map[string]string{"k": "v"}
			_, _ = io.WriteString(w, "data")
			if err := w.Close(); err != nil {
				return outcome("", err)
			}
			a, err := b.Object("o").Attrs(ctx)
			if err != nil {
				return outcome("", err)
			}
			return outcome(fmt.Sprint(a.ContentType, " ", a.Metadata, " ", a.Size, " ", a.CRC32C == w.Attrs().CRC32C && a.CRC32C != 0), nil)
		}},
		{name: "wrong checksum", want: "status 400", run: func(ctx context.Context, t *testing.T, b *storage.BucketHandle) string {
			w := b.Object("o").NewWriter(ctx)
			w.SendCRC32C, w.CRC32C = true, 12345
			_, _ = io.WriteString(w, "data")
			return outcome("", w.Close())
		}},
		{name: "gzip, decompressed", want: "ok plain text", run: func(ctx context.Context, t *testing.T, b *storage.BucketHandle) string {
			w := b.Object("o").NewWriter(ctx)
			w.ContentEncoding = "gzip"
			_, _ = w.Write(gzipData)
			if err := w.Close(); err != nil {
				return outcome("", err)
			}
			return readRange(ctx, b.Object("o"), 0, -1)
		}},
		{name: "gzip, a range is the whole", want: "ok plain text", run: func(ctx context.Context, t *testing.T, b *storage.BucketHandle) string {
			w := b.Object("o").NewWriter(ctx)
			w.ContentEncoding = "gzip"
			_, _ = w.Write(gzipData)
			if err := w.Close(); err != nil {
				return outcome("", err)
			}
			return readRange(ctx, b.Object("o"), 0, 4)
		}},
		{name: "resumable", want: "ok 524288", run: func(ctx context.Context, t *testing.T, b *storage.BucketHandle) string {
			w := b.Object("o").NewWriter(ctx)
			w.ChunkSize = 256 << 10
			_, _ = w.Write(bytes.Repeat([]byte("x"), 512<<10))
			err := w.Close()
			if err != nil {
				return outcome("", err)
			}
			return outcome(fmt.Sprint(w.Attrs().Size), nil)
		}},
	}
}

// TestParityWithFakeGCSServer runs one table on this server and on the fake
// that the ecosystem uses. Where they differ, the case says so.
func TestParityWithFakeGCSServer(t *testing.T) {
	t.Parallel()
	for _, tc := range parityCases(gzipped(t, []byte("plain text"))) {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			_, client := start(t)
			if got := tc.run(ctx, t, client.Bucket(testBucket)); got != tc.want {
				t.Errorf("this server: %q, want %q", got, tc.want)
			}
			fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{Scheme: "http", Host: "127.0.0.1"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(fake.Stop)
			fake.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: testBucket})
			other := fake.Client()
			t.Cleanup(func() { other.Close() })
			other.SetRetry(storage.WithErrorFunc(func(error) bool { return false }))
			want := tc.want
			if tc.differs != "" {
				want = tc.differs
			}
			if got := tc.run(ctx, t, other.Bucket(testBucket)); got != want {
				t.Errorf("fake-gcs-server: %q, want %q", got, want)
			}
		})
	}
}
