package results

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// naive splits a whole object by the sentences of contract, "Lines", with nothing
// of Scanner's way to do it.
func naive(object []byte, maxLine int) []RawLine {
	var lines []RawLine
	offset := 0
	for i, line := range bytes.SplitAfter(object, []byte("\n")) {
		start := offset
		offset += len(line)
		if i == 0 && bytes.HasPrefix(line, []byte(bom)) {
			start, line = start+3, line[3:]
		}
		if bytes.HasSuffix(line, []byte("\r\n")) {
			line = line[:len(line)-2]
		} else {
			line = bytes.TrimSuffix(line, []byte("\n"))
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		found := RawLine{Offset: int64(start), Length: int64(len(line)), Data: line}
		if len(line) > maxLine {
			c := newCondenser(maxLine, false)
			c.write(line)
			found.Data, found.condensed = nil, c.finish()
		}
		lines = append(lines, found)
	}
	return lines
}

// scanAll collects the lines of one range with copies of their bytes.
func scanAll(s *Scanner) []RawLine {
	var lines []RawLine
	for s.Scan() {
		line := s.Line()
		line.Data = bytes.Clone(line.Data)
		lines = append(lines, line)
	}
	return lines
}

// from is a reader as NewScanner wants it.
func from(object []byte, start int64) io.Reader {
	return bytes.NewReader(object[min(max(start-1, 0), int64(len(object))):])
}

// diffLines is a cmp.Diff that is only made when there is one: these tests
// compare a million lists.
func diffLines(want, got []RawLine) string {
	if slices.EqualFunc(want, got, func(a, b RawLine) bool {
		return a.Offset == b.Offset && a.Length == b.Length && bytes.Equal(a.Data, b.Data) && equal(a.condensed, b.condensed)
	}) {
		return ""
	}
	return cmp.Diff(want, got, cmp.AllowUnexported(RawLine{}, condensed{}))
}

func equal(a, b *condensed) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bytes.Equal(a.data, b.data) && slices.Equal(a.cuts, b.cuts) && a.tooLong == b.tooLong && a.ids.keyed(Line{}).Key == b.ids.keyed(Line{}).Key &&
		a.omitted == b.omitted && equal(a.response, b.response)
}

func TestScanner(t *testing.T) {
	t.Parallel()
	type line struct {
		Offset int64
		Data   string // with "+" in front: too long, its length
	}
	for name, tc := range map[string]struct {
		object string
		want   []line
	}{
		"two lines":                   {"ab\ncd\n", []line{{0, "ab"}, {3, "cd"}}},
		"the last lacks its end":      {"ab\ncd", []line{{0, "ab"}, {3, "cd"}}},
		"CRLF":                        {"ab\r\ncd\r\n", []line{{0, "ab"}, {4, "cd"}}},
		"one CR of two":               {"ab\r\r\ncd", []line{{0, "ab\r"}, {5, "cd"}}},
		"a lone CR is data":           {"a\rb\n\rc", []line{{0, "a\rb"}, {4, "\rc"}}},
		"a CR at the object's end":    {"ab\r", []line{{0, "ab\r"}}},
		"blank and white space":       {"\n\r\n \t\nab\n\v\f\n\u00a0\u2003\n", []line{{6, "ab"}}},
		"not white space":             {"\xa0\n\u200b\n", []line{{0, "\xa0"}, {2, "\u200b"}}},
		"mark":                        {bom + "ab\ncd", []line{{3, "ab"}, {6, "cd"}}},
		"mark before a blank line":    {bom + "\nab", []line{{4, "ab"}}},
		"mark alone":                  {bom, nil},
		"mark in the middle":          {"ab\n" + bom + "c", []line{{0, "ab"}, {3, bom + "c"}}},
		"two marks":                   {bom + bom, []line{{3, bom}}},
		"half a mark":                 {bom[:2], []line{{0, bom[:2]}}},
		"half a mark and a line":      {bom[:2] + "\na", []line{{0, bom[:2]}, {3, "a"}}},
		"empty":                       {"", nil},
		"at the limit":                {"12345678\n12345678\r\n12345678", []line{{0, "12345678"}, {9, "12345678"}, {19, "12345678"}}},
		"at the limit behind a mark":  {bom + "12345678\r\n", []line{{3, "12345678"}}},
		"over the limit":              {"123456789\nab\n", []line{{0, "+9"}, {10, "ab"}}},
		"over the limit by a lone CR": {"12345678\r", []line{{0, "+9"}}},
		"over the limit, CRLF":        {"123456789\r\n123456789012\r\nab", []line{{0, "+9"}, {11, "+12"}, {25, "ab"}}},
		"over the limit, no end":      {bom + "12345678901234567890", []line{{3, "+20"}}},
		"long white space":            {strings.Repeat(" ", 30) + "\r\n" + strings.Repeat("\u2003", 9) + "\nab", []line{{60, "ab"}}},
		"long white space, cut rune":  {strings.Repeat(" ", 30) + "\xe2\x80\n", []line{{0, "+32"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewScanner(strings.NewReader(tc.object), 0, math.MaxInt64, int64(len(tc.object)), 8)
			var got []line
			for s.Scan() {
				l := s.Line()
				text := string(l.Data)
				if l.condensed != nil {
					text = fmt.Sprintf("+%d", l.Length)
				} else if int(l.Length) != len(l.Data) {
					t.Errorf("length %d of %q", l.Length, l.Data)
				}
				got = append(got, line{l.Offset, text})
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("lines of %q (-want +got):\n%s", tc.object, diff)
			}
			if s.Err() != nil || s.Pos() != int64(len(tc.object)) {
				t.Errorf("at the end: position %d, error %v, want %d, nil", s.Pos(), s.Err(), len(tc.object))
			}
			if diff := diffLines(naive([]byte(tc.object), 8), scanCut(t, []byte(tc.object), 8, everyByte(len(tc.object)), plain)); diff != "" {
				t.Errorf("ranges of one byte (-want +got):\n%s", diff)
			}
		})
	}
}

// A wrapper makes the reader of a range awkward.
type wrapper func(io.Reader) io.Reader

func plain(r io.Reader) io.Reader { return r }

var wrappers = []wrapper{plain, iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader, func(r io.Reader) io.Reader {
	return iotest.DataErrReader(iotest.OneByteReader(r))
}}

// everyByte is the borders of ranges of one byte each.
func everyByte(size int) []int64 {
	var cuts []int64
	for i := 1; i < size; i++ {
		cuts = append(cuts, int64(i))
	}
	return cuts
}

// scanCut scans an object in the ranges between cuts, the last without an end,
// and checks that each range ends where it should.
func scanCut(t *testing.T, object []byte, maxLine int64, cuts []int64, wrap wrapper) []RawLine {
	t.Helper()
	var lines []RawLine
	start := int64(0)
	for _, end := range append(cuts, math.MaxInt64) {
		size := int64(len(object))
		if end%2 == 0 {
			size = -1 // unknown
		}
		s := NewScanner(wrap(from(object, start)), start, end, size, maxLine)
		if s.Pos() != start {
			t.Fatalf("position %d before the first Scan, want %d", s.Pos(), start)
		}
		lines = append(lines, scanAll(s)...)
		want := end
		if end == math.MaxInt64 {
			want = int64(len(object))
		}
		if s.Err() != nil || s.Pos() != want {
			t.Fatalf("[%d, %d): position %d, error %v", start, end, s.Pos(), s.Err())
		}
		start = end
	}
	return lines
}

func TestReaderWithoutProgress(t *testing.T) {
	t.Parallel()
	s := NewScanner(readerFunc(func([]byte) (int, error) { return 0, nil }), 5, 9, 100, 8)
	if s.Scan() || s.Err() != io.ErrNoProgress || s.Pos() != 5 {
		t.Errorf("error %v at %d, want %v at 5", s.Err(), s.Pos(), io.ErrNoProgress)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Nothing behind the range is asked for unless a line runs over its end.
func TestScannerReadsNoFurther(t *testing.T) {
	t.Parallel()
	object := []byte("0123\n" + strings.Repeat("x", 100) + "\nab\n" + strings.Repeat("y", 100))
	for name, tc := range map[string]struct{ start, end, last int64 }{
		"empty range":                      {5, 5, 4},
		"inside a line":                    {10, 20, 19},
		"one byte inside a line":           {10, 11, 10},
		"up to a line end":                 {10, 106, 105},
		"ends behind a line end":           {0, 5, 5},
		"ends with lines":                  {106, 109, 109},
		"a line begins with the last byte": {106, 110, int64(len(object))},
		"end far behind the object":        {106, 1 << 40, int64(len(object))},
		"the line end is behind the range": {0, 105, int64(len(object))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read := max(tc.start-1, 0)
			r := from(object, tc.start)
			s := NewScanner(readerFunc(func(p []byte) (int, error) {
				n, err := r.Read(p)
				read += int64(n)
				if read > tc.last || read == tc.last && n == 0 && tc.last < int64(len(object)) {
					t.Errorf("read up to %d, want no more than %d", read, tc.last)
				}
				return n, err
			}), tc.start, tc.end, int64(len(object)), 1000)
			scanAll(s)
			if s.Err() != nil || s.Pos() != tc.end {
				t.Errorf("position %d, error %v, want %d", s.Pos(), s.Err(), tc.end)
			}
		})
	}
}

func TestScannerBorders(t *testing.T) {
	t.Parallel()
	object := []byte("ab\ncd\n")
	for name, tc := range map[string]struct{ start, end, pos, lines int64 }{
		"start behind end":        {5, 2, 5, 0},
		"start at the size":       {6, 9, 9, 0},
		"start behind it":         {8, 9, 9, 0},
		"negative start":          {-4, 2, 2, 1},
		"negative range":          {-4, -2, 0, 0},
		"to the end, inside":      {4, math.MaxInt64, 6, 0},
		"to the end, from a line": {3, math.MaxInt64, 6, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewScanner(from(object, tc.start), tc.start, tc.end, int64(len(object)), 8)
			if n := int64(len(scanAll(s))); n != tc.lines || s.Err() != nil || s.Pos() != tc.pos {
				t.Errorf("%d lines, position %d, error %v, want %d, %d", n, s.Pos(), s.Err(), tc.lines, tc.pos)
			}
		})
	}
}
