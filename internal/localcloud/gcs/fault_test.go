package gcs_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud/gcs"
)

// once is a hook that fails the first operation of a kind.
func once(kind gcs.Kind, f gcs.Fault) func(gcs.Op) *gcs.Fault {
	var fired atomic.Bool
	return func(op gcs.Op) *gcs.Fault {
		if op.Kind != kind || fired.Swap(true) {
			return nil
		}
		return &f
	}
}

func TestStatusFaultsReachTheClient(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	s.Put(testBucket, "o", []byte("data"), gcs.Attrs{})
	ctx := deadline(t)
	b := client.Bucket(testBucket)
	for _, status := range []int{401, 403, 412, 416, 429, 500, 503} {
		s.Fail(func(gcs.Op) *gcs.Fault { return &gcs.Fault{Status: status} })
		_, readErr := b.Object("o").NewReader(ctx)
		_, attrsErr := b.Object("o").Attrs(ctx)
		_, listErr := b.Objects(ctx, nil).Next()
		w := b.Object("new").NewWriter(ctx)
		_, _ = w.Write([]byte("x"))
		for name, err := range map[string]error{
			"read": readErr, "attrs": attrsErr, "list": listErr, "insert": w.Close(), "delete": b.Object("o").Delete(ctx),
		} {
			if code(err) != status {
				t.Errorf("%s: %v, want status %d", name, err, status)
			}
		}
	}
	s.Fail(nil)
	if _, err := b.Object("o").Attrs(ctx); err != nil {
		t.Errorf("after the faults: %v; the delete must not have been done", err)
	}
	if _, ok := s.Get(testBucket, "new"); ok {
		t.Error("an insert that was answered with an error has stored its object")
	}
}

func TestResetIsHealedByTheClientsRetries(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	client.SetRetry(storage.WithErrorFunc(storage.ShouldRetry), storage.WithMaxAttempts(5))
	want := bytes.Repeat([]byte("0123456789"), 100_000)
	s.Put(testBucket, "o", want, gcs.Attrs{})
	s.Fail(once(gcs.OpRead, gcs.Fault{Cut: gcs.CutReset, CutAfter: 300_000}))
	r, err := client.Bucket(testBucket).Object("o").NewReader(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, %v; want %d", len(got), err, len(want))
	}
	if n := s.Count(gcs.OpRead); n != 2 {
		t.Errorf("%d reads, want 2: the cut one and the rest", n)
	}
}

func TestResetBreaksTheBody(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	s.Put(testBucket, "o", bytes.Repeat([]byte("x"), 1000), gcs.Attrs{})
	s.Fail(once(gcs.OpRead, gcs.Fault{Cut: gcs.CutReset, CutAfter: 10}))
	res, err := http.Get(s.URL() + "/" + testBucket + "/o")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err == nil || len(got) > 10 || res.ContentLength != 1000 {
		t.Errorf("read %d bytes of %d, %v; want at most 10 of 1000 and an error", len(got), res.ContentLength, err)
	}
}

func TestShortBodyLooksComplete(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	s.Put(testBucket, "o", bytes.Repeat([]byte("x"), 1000), gcs.Attrs{})
	for _, length := range []int64{-1, 500} {
		s.Fail(once(gcs.OpRead, gcs.Fault{Cut: gcs.CutShort, CutAfter: 100}))
		r, err := client.Bucket(testBucket).Object("o").NewRangeReader(deadline(t), 0, length)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || len(got) != 100 {
			t.Errorf("length %d: read %d bytes, %v; want 100 and no error", length, len(got), err)
		}
		_ = r.Close()
	}
}

func TestStallAndDelay(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	s.Put(testBucket, "o", []byte("0123456789"), gcs.Attrs{})
	const pause = 150 * time.Millisecond
	get := func() (header, body time.Duration, data string) {
		t.Helper()
		begin := time.Now()
		res, err := http.Get(s.URL() + "/" + testBucket + "/o")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		header = time.Since(begin)
		all, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return header, time.Since(begin), string(all)
	}
	s.Fail(once(gcs.OpRead, gcs.Fault{Stall: pause, StallAfter: 4}))
	if header, body, data := get(); header >= pause || body < pause || data != "0123456789" {
		t.Errorf("stall: headers after %v, body %q after %v", header, data, body)
	}
	s.Fail(once(gcs.OpRead, gcs.Fault{Delay: pause}))
	if header, _, data := get(); header < pause || data != "0123456789" {
		t.Errorf("delay: headers after %v, body %q", header, data)
	}
}

func TestCloseEndsStalledAnswers(t *testing.T) {
	t.Parallel()
	s := gcs.New(gcs.Options{})
	if err := s.Start(""); err != nil {
		t.Fatal(err)
	}
	s.Put(testBucket, "o", []byte("0123456789"), gcs.Attrs{})
	entered := make(chan struct{})
	s.Fail(func(gcs.Op) *gcs.Fault { close(entered); return &gcs.Fault{Delay: time.Hour} })
	failed := make(chan error, 1)
	go func() {
		_, err := http.Get(s.URL() + "/" + testBucket + "/o")
		failed <- err
	}()
	<-entered
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-failed:
		if err == nil {
			t.Error("the stalled request succeeded")
		}
	case <-time.After(5 * time.Second):
		t.Error("the stalled request did not end")
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := s.Start(""); !errors.Is(err, gcs.ErrStarted) {
		t.Errorf("Start after Close: %v, want ErrStarted", err)
	}
}

// TestLostAnswer is the case of a crash between a write and its answer: the
// object exists, the writer sees an error.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	s.Fail(once(gcs.OpInsert, gcs.Fault{Cut: gcs.CutReset}))
	w := client.Bucket(testBucket).Object("o").NewWriter(deadline(t))
	_, _ = w.Write([]byte("data"))
	if err := w.Close(); err == nil {
		t.Error("the writer saw success")
	}
	if got, _ := s.Get(testBucket, "o"); string(got.Data) != "data" {
		t.Errorf("stored %q, want data", got.Data)
	}
}

func TestChunkFaultIsRetried(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	client.SetRetry(storage.WithErrorFunc(storage.ShouldRetry), storage.WithPolicy(storage.RetryAlways))
	s.Fail(once(gcs.OpChunk, gcs.Fault{Status: 503}))
	want := bytes.Repeat([]byte("x"), 600<<10)
	w := client.Bucket(testBucket).Object("o").NewWriter(deadline(t))
	w.ChunkSize = 256 << 10
	_, _ = w.Write(want)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Get(testBucket, "o"); !bytes.Equal(got.Data, want) {
		t.Errorf("stored %d bytes, want %d", len(got.Data), len(want))
	}
	if n := s.Count(gcs.OpChunk); n != 4 {
		t.Errorf("%d chunk requests, want 4: three and one repeated", n)
	}
}

func TestHookSeesOperations(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	s.Put(testBucket, "dir/o", []byte("0123456789"), gcs.Attrs{})
	var ops []gcs.Op
	s.Fail(func(op gcs.Op) *gcs.Fault { ops = append(ops, op); return nil })
	ctx := deadline(t)
	o := client.Bucket(testBucket).Object("dir/o")
	for _, rng := range [][2]int64{{0, -1}, {2, 3}, {-4, -1}} {
		r, err := o.NewRangeReader(ctx, rng[0], rng[1])
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, r)
		_ = r.Close()
	}
	_, _ = o.Attrs(ctx)
	_, _ = client.Bucket(testBucket).Objects(ctx, &storage.Query{Prefix: "dir/"}).Next()
	_ = o.Delete(ctx)
	want := []gcs.Op{
		{Kind: gcs.OpRead, Bucket: testBucket, Object: "dir/o", Offset: 0, Length: -1},
		{Kind: gcs.OpRead, Bucket: testBucket, Object: "dir/o", Offset: 2, Length: 3},
		{Kind: gcs.OpRead, Bucket: testBucket, Object: "dir/o", Offset: -4, Length: -1},
		{Kind: gcs.OpGet, Bucket: testBucket, Object: "dir/o"},
		{Kind: gcs.OpList, Bucket: testBucket, Object: "dir/"},
		{Kind: gcs.OpDelete, Bucket: testBucket, Object: "dir/o"},
	}
	if diff := cmp.Diff(want, ops); diff != "" {
		t.Error(diff)
	}
	counts := map[gcs.Kind]int64{gcs.OpRead: 3, gcs.OpGet: 1, gcs.OpList: 1, gcs.OpDelete: 1}
	if diff := cmp.Diff(counts, s.Counts()); diff != "" {
		t.Error(diff)
	}
	s.ResetCounts()
	if n := s.Count(gcs.OpRead); n != 0 {
		t.Errorf("%d reads after ResetCounts", n)
	}
}
