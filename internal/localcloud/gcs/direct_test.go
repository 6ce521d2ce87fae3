package gcs_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud/gcs"
)

func TestDirectAccess(t *testing.T) {
	t.Parallel()
	s := gcs.New(gcs.Options{})
	a := s.Put("made", "x/1", []byte("one"), gcs.Attrs{})
	b := s.Put("made", "x/2", []byte("two"), gcs.Attrs{})
	s.Put("made", "y", nil, gcs.Attrs{})
	var got []string
	for _, o := range s.List("made", "x/") {
		got = append(got, o.Name+"="+string(o.Data))
	}
	if diff := cmp.Diff([]string{"x/1=one", "x/2=two"}, got); diff != "" || b <= a {
		t.Errorf("generations %d, %d; %s", a, b, diff)
	}
	if !s.Delete("made", "x/1") || s.Delete("made", "x/1") {
		t.Error("Delete must tell whether there was an object")
	}
	if _, ok := s.Get("made", "x/1"); ok {
		t.Error("deleted object is still there")
	}
}

// TestGeneratedObject reads 1 GiB that is never in memory.
func TestGeneratedObject(t *testing.T) {
	t.Parallel()
	const size = 1 << 30
	s, client := start(t)
	at := func(off int64, p []byte) {
		for i := range p {
			p[i] = byte((off + int64(i)) >> 3)
		}
	}
	gen := s.PutGenerated(testBucket, "big", size, at)
	ctx := deadline(t)
	attrs, err := client.Bucket(testBucket).Object("big").Attrs(ctx)
	if err != nil || attrs.Size != size || attrs.Generation != gen {
		t.Fatalf("attributes %+v, %v", attrs, err)
	}
	for _, off := range []int64{0, 12345, size - 16, size - 7} {
		r, err := client.Bucket(testBucket).Object("big").Generation(gen).NewRangeReader(ctx, off, 16)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		want := make([]byte, min(16, size-off))
		at(off, want)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("at %d: %x, %v; want %x", off, got, err, want)
		}
		_ = r.Close()
	}
	if testing.Short() {
		t.Skip("skipping the whole gigabyte with -short")
	}
	s.PutGenerated(testBucket, "big", size, func(off int64, p []byte) {
		if len(p) >= 8 {
			binary.LittleEndian.PutUint64(p, uint64(off))
		}
	})
	begin := time.Now()
	r, err := client.Bucket(testBucket).Object("big").NewReader(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	if err != nil || n != size {
		t.Errorf("read %d bytes, %v; want %d", n, err, int64(size))
	}
	t.Logf("1 GiB in %v", time.Since(begin).Round(time.Millisecond))
}

func TestStartTakesLoopbackOnly(t *testing.T) {
	t.Parallel()
	s := gcs.New(gcs.Options{})
	if err := s.Start("0.0.0.0:0"); !errors.Is(err, gcs.ErrNotLoopback) {
		t.Errorf("got %v, want ErrNotLoopback", err)
	}
	if err := s.Start("localhost:0"); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !strings.HasPrefix(s.URL(), "http://127.0.0.1:") && !strings.HasPrefix(s.URL(), "http://[::1]:") {
		t.Errorf("URL %s is not loopback", s.URL())
	}
}

// TestEmulatorHost is how a program that knows nothing of this package uses it.
func TestEmulatorHost(t *testing.T) {
	s := gcs.New(gcs.Options{})
	if err := s.Start(""); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Put(testBucket, "in", []byte("data"), gcs.Attrs{})
	t.Setenv("STORAGE_EMULATOR_HOST", s.Addr())
	ctx := deadline(t)
	client, err := storage.NewClient(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r, err := client.Bucket(testBucket).Object("in").NewReader(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w := client.Bucket(testBucket).Object("out").NewWriter(ctx)
	if _, err := io.Copy(w, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Get(testBucket, "out"); string(got.Data) != "data" {
		t.Errorf("stored %q, want data", got.Data)
	}
}
