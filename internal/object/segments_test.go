package object

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/results"
)

// store serves ranges of an object and remembers what it was asked for.
type store struct {
	object []byte
	asked  [][2]int64
	open   int // bodies that are not closed
}

type body struct {
	io.Reader
	store *store
}

func (b body) Close() error {
	b.store.open--
	return nil
}

func (s *store) Open(offset, length int64) (io.ReadCloser, error) {
	s.asked = append(s.asked, [2]int64{offset, length})
	s.open++
	end := min(offset+length, int64(len(s.object)))
	return body{bytes.NewReader(s.object[offset:end]), s}, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func randomBytes(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}

func TestSegments(t *testing.T) {
	t.Parallel()
	const kib, mib = int64(1 << 10), int64(1 << 20)
	object := randomBytes(int(40 * mib))
	size := int64(len(object))
	for name, tc := range map[string]struct {
		offset, first, size int64
		want                [][2]int64
	}{
		"pieces grow": {5, mib, size, [][2]int64{
			{5, mib + 64*kib}, {mib + 64*kib + 5, mib}, {2*mib + 64*kib + 5, 2 * mib}, {4*mib + 64*kib + 5, 4 * mib},
			{8*mib + 64*kib + 5, 8 * mib}, {16*mib + 64*kib + 5, 16 * mib}, {32*mib + 64*kib + 5, 8*mib - 64*kib - 5},
		}},
		"the first is cut at the size": {size - 10, 8 * mib, size, [][2]int64{{size - 10, 10}}},
		"to the end":                   {0, math.MaxInt64, size, [][2]int64{{0, size}}},
		"nothing is left":              {size, 8, size, nil},
		"behind the end":               {size + 1, 8, size, nil},
		"empty range":                  {size - 64*kib - 1, 0, size, [][2]int64{{size - 64*kib - 1, 64 * kib}, {size - 1, 1}}},
		"negative range":               {size - 64*kib, -9, size, [][2]int64{{size - 64*kib, 64 * kib}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &store{object: object}
			r := newSegments(s.Open, tc.offset, tc.first, tc.size)
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, object[min(tc.offset, size):]) {
				t.Errorf("read %d bytes, error %v, want the %d from %d", len(got), err, size-tc.offset, tc.offset)
			}
			if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("behind the end: %d, %v, want 0, EOF", n, err)
			}
			if diff := cmp.Diff(tc.want, s.asked); diff != "" {
				t.Errorf("asked for (-want +got):\n%s", diff)
			}
			if err := r.Close(); err != nil || s.open != 0 {
				t.Errorf("close: %v, %d bodies left open", err, s.open)
			}
		})
	}
}

func TestSegmentsArePiecesOf16MiBAtMost(t *testing.T) {
	t.Parallel()
	var lengths []int64
	r := newSegments(func(_, length int64) (io.ReadCloser, error) {
		lengths = append(lengths, length>>20)
		return io.NopCloser(io.LimitReader(zeros{}, length)), nil
	}, 0, 1<<20-firstSlack, 80<<20)
	if n, err := io.Copy(io.Discard, r); n != 80<<20 || err != nil {
		t.Errorf("read %d bytes, error %v, want 80 MiB", n, err)
	}
	if diff := cmp.Diff([]int64{1, 1, 2, 4, 8, 16, 16, 16, 16}, lengths); diff != "" {
		t.Errorf("pieces in MiB (-want +got):\n%s", diff)
	}
}

// A piece is read whatever sizes its body and its reader like.
func TestSegmentsBodies(t *testing.T) {
	t.Parallel()
	object := randomBytes(firstSlack + 3000)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"plain": func(r io.Reader) io.Reader { return r }, "halves": iotest.HalfReader, "EOF with data": iotest.DataErrReader,
		"more than was asked for": func(r io.Reader) io.Reader {
			return io.MultiReader(r, bytes.NewReader([]byte("more")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &store{object: object}
			open := func(offset, length int64) (io.ReadCloser, error) {
				b, err := s.Open(offset, length)
				return struct {
					io.Reader
					io.Closer
				}{wrap(b), b}, err
			}
			r := newSegments(open, 0, 1000, int64(len(object)))
			if err := iotest.TestReader(r, object); err != nil {
				t.Error(err)
			}
			if s.open != 0 || len(s.asked) != 2 {
				t.Errorf("%d bodies left open, %d pieces, want 0, 2", s.open, len(s.asked))
			}
		})
	}
}

func TestSegmentsErrors(t *testing.T) {
	t.Parallel()
	denied, reset := errors.New("denied"), errors.New("reset")
	serve := func(r io.Reader) openFunc {
		return func(int64, int64) (io.ReadCloser, error) { return io.NopCloser(r), nil }
	}
	refuse := func(err error) openFunc {
		return func(int64, int64) (io.ReadCloser, error) { return nil, err }
	}
	for name, tc := range map[string]struct {
		open openFunc
		size int64
		want error
		data string
	}{
		"a short piece":                {serve(bytes.NewReader([]byte("ab"))), 3, io.ErrUnexpectedEOF, "ab"},
		"a short piece, EOF with data": {serve(iotest.DataErrReader(bytes.NewReader([]byte("ab")))), 3, io.ErrUnexpectedEOF, "ab"},
		"a broken piece":               {serve(io.MultiReader(bytes.NewReader([]byte("ab")), iotest.ErrReader(reset))), 3, reset, "ab"},
		"refused":                      {refuse(denied), 3, denied, ""},
		"refused with EOF":             {refuse(io.EOF), 3, io.ErrUnexpectedEOF, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSegments(tc.open, 0, 10, tc.size)
			got, err := io.ReadAll(s)
			if string(got) != tc.data || err != tc.want {
				t.Errorf("read %q, error %v, want %q, %v", got, err, tc.data, tc.want)
			}
			if n, err := s.Read(make([]byte, 1)); n != 0 || err != tc.want {
				t.Errorf("read again: %d, %v, want 0, %v", n, err, tc.want)
			}
		})
	}
}

func TestSegmentsClose(t *testing.T) {
	t.Parallel()
	s := &store{object: randomBytes(100)}
	r := newSegments(s.Open, 0, 100, 100)
	if _, err := r.Read(make([]byte, 10)); err != nil || s.open != 1 {
		t.Fatalf("error %v, %d bodies open, want nil, 1", err, s.open)
	}
	if err := r.Close(); err != nil || s.open != 0 {
		t.Errorf("close: %v, %d bodies open, want none", err, s.open)
	}
	if _, err := r.Read(make([]byte, 10)); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("read after close: %v, want %v", err, fs.ErrClosed)
	}
	if err := r.Close(); err != nil || s.open != 0 {
		t.Errorf("second close: %v, %d bodies open", err, s.open)
	}
}

// A range of a large object costs one request for little more than the range.
func TestScannerOverSegments(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("x", 1999) + "\n"
	object := []byte(strings.Repeat(line, 3000))
	size := int64(len(object))
	const chunk = 1 << 20
	lines := 0
	for start := int64(0); start < size; start += chunk {
		s := &store{object: object}
		offset, end := max(start-1, 0), min(start+chunk, size)
		scanner := results.NewScanner(newSegments(s.Open, offset, end-offset, size), start, end, size, 1<<20)
		for ; scanner.Scan(); lines++ {
			if got := string(scanner.Line().Data) + "\n"; got != line {
				t.Fatalf("line %d: %.20q", lines, got)
			}
		}
		want := [][2]int64{{offset, min(end-offset+firstSlack, size-offset)}}
		if diff := cmp.Diff(want, s.asked); diff != "" {
			t.Errorf("range at %d asked for (-want +got):\n%s", start, diff)
		}
	}
	if lines != 3000 {
		t.Errorf("%d lines, want 3000", lines)
	}
}
