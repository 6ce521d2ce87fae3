package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/archive"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/object"
)

// sizes are contents of one request, of whole chunks, and of chunks and a rest.
var sizes = []int{0, 10, archiveChunk, 2*archiveChunk + 1}

func content(size int) []byte { return bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size] }

func writes(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(data))
		return err
	}
}

func TestArchive(t *testing.T) {
	for _, s := range servers(t) {
		t.Run(s.name, func(t *testing.T) {
			c, ctx := connect(t, s), t.Context()
			kept := c.Archive(bucket)
			for _, size := range sizes {
				name, data := fmt.Sprintf("archive/k/%d", size), content(size)
				if _, err := kept.Stat(ctx, name); !errors.Is(err, object.ErrNotFound) {
					t.Errorf("Stat of nothing: %v, want ErrNotFound", err)
				}
				made, err := kept.Create(ctx, name, "video/mp4", "files/abc", writes(data))
				must(t, err)
				if made.Size != int64(size) || made.Generation == 0 || made.ContentType != "video/mp4" || made.Origin != "files/abc" || (made.CRC32C == 0) != (size == 0) || made.URI() != "gs://"+bucket+"/"+name {
					t.Errorf("made %+v", made)
				}
				found, err := kept.Stat(ctx, name)
				if diff := cmp.Diff(made, found); diff != "" || err != nil {
					t.Errorf("Stat: %v (-made +found):\n%s", err, diff)
				}
				body, err := c.Open(ctx, found.Object, 0, -1)
				must(t, err)
				stored, err := io.ReadAll(body)
				must(t, errors.Join(err, body.Close()))
				if !bytes.Equal(stored, data) {
					t.Errorf("%d bytes: another content is stored", size)
				}
				if _, err := kept.Create(ctx, name, "video/mp4", "files/abc", writes([]byte("another"))); err == nil {
					t.Error("what is there is made again")
				}
			}
			if _, err := c.Archive("absent-bucket").Create(ctx, "archive/o", "", "files/abc", writes(nil)); err == nil || errors.Is(err, object.ErrNotFound) {
				t.Errorf("no bucket: %v, want an error that is no ErrNotFound", err)
			}
		})
	}
}

// TestABrokenSourceLeavesNoObject: the part that was written is no copy, whatever it
// was sent in.
func TestABrokenSourceLeavesNoObject(t *testing.T) {
	for _, s := range servers(t) {
		for _, size := range sizes {
			t.Run(fmt.Sprint(s.name, " ", size), func(t *testing.T) {
				kept, broken := connect(t, s).Archive(bucket), fmt.Errorf("the download broke off: %w", object.ErrNotFound)
				_, err := kept.Create(t.Context(), "broken", "", "files/abc", func(w io.Writer) error {
					return errors.Join(writes(content(size))(w), broken)
				})
				if !errors.Is(err, object.ErrNotFound) {
					t.Errorf("got %v, want what the source says", err)
				}
				time.Sleep(50 * time.Millisecond) // what is left of the upload
				if found, err := kept.Stat(t.Context(), "broken"); !errors.Is(err, object.ErrNotFound) {
					t.Errorf("left behind %+v, %v", found, err)
				}
			})
		}
	}
}

// archiveWith is an archive whose requests to create meet a fault; n counts them.
func archiveWith(t *testing.T, fault func(server *gcs.Server, op gcs.Op, n int) *gcs.Fault) (*Archive, *gcs.Server) {
	t.Helper()
	s, err := gcs.Start(bucket)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	n := 0 // one request at a time
	s.Fail(func(op gcs.Op) *gcs.Fault {
		if op.Kind != gcs.OpInsert && op.Kind != gcs.OpUpload {
			return nil
		}
		n++
		return fault(s, op, n)
	})
	return connect(t, server{addr: s.Addr()}).Archive(bucket), s
}

// TestUploadsAreTriedAgain: of three requests one fails before it takes effect, and one
// after.
func TestUploadsAreTriedAgain(t *testing.T) {
	for _, size := range sizes {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			kept, s := archiveWith(t, func(_ *gcs.Server, op gcs.Op, n int) *gcs.Fault {
				return []*gcs.Fault{nil, {Status: 503}, {Cut: gcs.CutReset}}[n%3]
			})
			made, err := (&archive.Store{Bucket: kept}).Keep(t.Context(), archive.Item{Key: "k", File: "f"}, writes(content(size)))
			must(t, err)
			if o, _ := s.Get(bucket, made.Name); !bytes.Equal(o.Data, content(size)) {
				t.Errorf("%d bytes are stored, want %d", len(o.Data), size)
			}
		})
	}
}

func TestUploadsThatFail(t *testing.T) {
	for name, test := range map[string]struct {
		fault func(*gcs.Server, gcs.Op, int) *gcs.Fault
		left  string
	}{
		"refused at once": {func(*gcs.Server, gcs.Op, int) *gcs.Fault { return &gcs.Fault{Status: 403} }, ""},
		"refused later": {func(_ *gcs.Server, op gcs.Op, n int) *gcs.Fault {
			if n == 3 {
				return &gcs.Fault{Status: 403}
			}
			return nil
		}, ""},
		"a race that is lost": {func(s *gcs.Server, op gcs.Op, n int) *gcs.Fault {
			if n == 3 {
				s.Put(bucket, "o", []byte("theirs"), gcs.Attrs{})
			}
			return nil
		}, "theirs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept, s := archiveWith(t, test.fault)
			begin := time.Now()
			_, err := kept.Create(t.Context(), "o", "", "files/abc", writes(content(4*archiveChunk)))
			if err == nil || time.Since(begin) > 10*time.Second {
				t.Errorf("got %v after %v, want an error at once", err, time.Since(begin))
			}
			if o, _ := s.Get(bucket, "o"); string(o.Data) != test.left {
				t.Errorf("%d bytes are stored", len(o.Data))
			}
		})
	}
}

// TestAnUploadEndsWithItsContext: a caller that leaves does not wait for a request
// that hangs.
func TestAnUploadEndsWithItsContext(t *testing.T) {
	kept, s := archiveWith(t, func(*gcs.Server, gcs.Op, int) *gcs.Fault { return &gcs.Fault{Delay: time.Hour} })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := kept.Create(ctx, "o", "", "files/abc", writes(content(3*archiveChunk))); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that the deadline is exceeded", err)
	}
	if _, ok := s.Get(bucket, "o"); ok {
		t.Error("there is an object")
	}
}
