package results

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// pieces are what random objects are made of.
var pieces = []string{
	"\n", "\n", "\r\n", "\r", "\n\n", " ", "\t", "\u2003", "\u0085", "\xe2\x80", "\xff", bom, bom[:1], `{"key":"a","response":{}}`, "{", "abc",
	"0123456789", strings.Repeat("x", 40), strings.Repeat(" ", 40),
}

func randomObject(r *rand.Rand) []byte {
	var object []byte
	if r.IntN(3) == 0 {
		object = append(object, bom...)
	}
	for range r.IntN(25) {
		object = append(object, pieces[r.IntN(len(pieces))]...)
	}
	return object
}

func TestAnyRangesGiveTheSameLines(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 1500 {
		object, maxLine := randomObject(r), int64(r.IntN(60))
		want := naive(object, int(maxLine))
		var cuts []int64
		for at := int64(0); ; {
			if at += 1 + r.Int64N(30); at >= int64(len(object)) {
				break
			}
			cuts = append(cuts, at)
		}
		wrap := wrappers[round%len(wrappers)]
		for _, cuts := range [][]int64{nil, cuts, everyByte(len(object))} {
			if diff := diffLines(want, scanCut(t, object, maxLine, cuts, wrap)); diff != "" {
				t.Fatalf("%q, limit %d, cut at %v (-want +got):\n%s", object, maxLine, cuts, diff)
			}
		}
	}
}

// Lines around the sizes at which the buffer grows, moves and is given back.
func TestLinesOfAnySize(t *testing.T) {
	t.Parallel()
	const maxLine = 300 << 10
	r := rand.New(rand.NewPCG(3, 4))
	for range 3 {
		object := []byte(strings.Repeat(bom, r.IntN(2)))
		for range 40 {
			size := []int{1, 2000, minBuffer - 1, minBuffer, 2 * minBuffer, maxLine - 1, maxLine, maxLine + 1, maxLine + 2, 2 * maxLine}[r.IntN(10)]
			object = append(object, bytes.Repeat([]byte{byte('a' + r.IntN(26)), ' '}[r.IntN(2):][:1], size)...)
			object = append(object, []string{"\n", "\r\n"}[r.IntN(2)]...)
		}
		object = append(object, bytes.Repeat([]byte("small lines give the buffer back\n"), 20_000)...)
		object = append(object, bytes.Repeat([]byte("z"), 9_000)...) // without an end
		want := naive(object, maxLine)
		cuts := []int64{1, r.Int64N(int64(len(object))/2) + 2, int64(len(object)) - 2}
		for _, wrap := range []wrapper{plain, iotest.HalfReader, iotest.DataErrReader} {
			got := scanCut(t, object, maxLine, cuts, wrap)
			if diff := diffLines(want, got); diff != "" {
				t.Fatalf("%d lines, want %d, or other ones", len(got), len(want)) // megabytes: not shown
			}
		}
	}
}

func TestPosResumes(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for range 800 {
		object, maxLine := randomObject(r), int64(r.IntN(60))
		size := int64(len(object))
		start := r.Int64N(size + 1)
		end := start + r.Int64N(size+2)
		all := scanAll(NewScanner(from(object, start), start, end, size, maxLine))
		for stop := range all {
			s := NewScanner(from(object, start), start, end, size, maxLine)
			for range stop + 1 {
				s.Scan()
			}
			pos := s.Pos()
			if pos < start || pos > end {
				t.Fatalf("%q [%d, %d): position %d is outside", object, start, end, pos)
			}
			rest := scanAll(NewScanner(from(object, pos), pos, end, size, maxLine))
			if diff := diffLines(all[stop+1:], rest); diff != "" {
				t.Fatalf("%q [%d, %d) resumed at %d (-want +got):\n%s", object, start, end, pos, diff)
			}
		}
	}
}

// Whatever ends the reading early, only whole lines come out, the error says so
// and Pos is where the next attempt has to begin.
func TestTruncatedObject(t *testing.T) {
	t.Parallel()
	refused := errors.New("connection reset")
	r := rand.New(rand.NewPCG(7, 8))
	for round := range 150 {
		object, maxLine := randomObject(r), int64(r.IntN(60))
		want := naive(object, int(maxLine))
		size := int64(len(object))
		for cut := range object {
			for _, failure := range []error{io.EOF, refused, fmt.Errorf("read: %w", io.EOF)} {
				reader := io.MultiReader(bytes.NewReader(object[:cut]), iotest.ErrReader(failure))
				wantErr, known := failure, int64(-1)
				if failure == io.EOF {
					wantErr, known = io.ErrUnexpectedEOF, size
				}
				s := NewScanner(wrappers[round%len(wrappers)](reader), 0, size+1, known, maxLine)
				got := scanAll(s)
				if s.Err() != wantErr || s.Scan() {
					t.Fatalf("%q cut at %d: error %v, want %v and no more lines", object, cut, s.Err(), wantErr)
				}
				if s.Pos() > int64(cut) {
					t.Fatalf("%q cut at %d: position %d is behind the cut", object, cut, s.Pos())
				}
				got = append(got, scanAll(NewScanner(from(object, s.Pos()), s.Pos(), size+1, size, maxLine))...)
				if diff := diffLines(want, got); diff != "" {
					t.Fatalf("%q cut at %d, resumed at %d (-want +got):\n%s", object, cut, s.Pos(), diff)
				}
			}
		}
	}
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte(bom+"a\r\n\n b\n{"), uint8(3), uint8(1), uint8(0))
	f.Add([]byte("0123456789\r\n\u2003\u2003\u2003\nx\r"), uint8(4), uint8(2), uint8(1))
	f.Add([]byte("{\"key\":\"a\"}\n{\"key\":\"b\"}\n"), uint8(100), uint8(7), uint8(3))
	f.Fuzz(func(t *testing.T, object []byte, maxLine, step, wrap uint8) {
		if len(object) > 4096 {
			return
		}
		var cuts []int64
		for at := int64(step) + 1; at < int64(len(object)); at += int64(step) + 1 {
			cuts = append(cuts, at)
		}
		want := naive(object, int(maxLine))
		got := scanCut(t, object, int64(maxLine), cuts, wrappers[int(wrap)%len(wrappers)])
		if diff := diffLines(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}
