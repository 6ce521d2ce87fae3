package results

import (
	"bytes"
	"io"
	"math"
	"strings"
)

const (
	minBuffer    = 64 << 10 // 64 KiB; about thirty common lines, and one read of an HTTP body
	tinyBuffer   = 512
	maxEmptyRead = 100 // reads of nothing before io.ErrNoProgress, as bufio does
	bom          = "\xEF\xBB\xBF"
)

// RawLine is a line as it stands in the object. Offset is where its first byte
// is (behind a byte order mark), Length is in bytes without the line end.
type RawLine struct {
	Offset, Length int64
	Data           []byte     // the whole line; nil where it is longer than the limit
	condensed      *condensed // what was kept of such a line
}

// Scanner yields the lines whose first byte lies in [start, end) of an object:
// the byte at start-1 decides whether a line begins at start, and the last line
// is read past end. So any way to cut an object into ranges gives each line
// once. Blank lines are skipped (contract, "Lines"). Nothing past end is read but
// for a line that began before it. It buffers up to the limit of a line, and of a
// longer one keeps no more than about that (see condenser).
//
// It does not look into a line; Parse does. It is for one goroutine.
type Scanner struct {
	r       io.Reader
	start   int64
	end     int64
	size    int64 // -1: unknown
	maxLine int64

	buf     []byte
	lo, hi  int   // the bytes read and not yet used are buf[lo:hi]
	readPos int64 // object offset of buf[hi]
	pos     int64 // all lines that begin before pos were yielded or skipped

	aligned bool // a line begins at pos
	done    bool
	readErr error // the reader's last word, once its bytes are used
	err     error
	line    RawLine
}

// NewScanner reads the lines that begin in [start, end) from r, whose first byte
// is object offset max(start-1, 0). size is the object's size in bytes, or -1
// when unknown (gzip: offsets count decompressed bytes); with a known size an
// earlier EOF is io.ErrUnexpectedEOF, never taken for the end of the last line.
// end may be math.MaxInt64 for "to the end". Lines over maxLine bytes are read
// with the beginnings of their longest strings alone. It does not close r.
func NewScanner(r io.Reader, start, end, size, maxLine int64) *Scanner {
	start = max(start, 0)
	return &Scanner{
		r: r, start: start, end: max(start, end), size: size,
		maxLine: min(max(maxLine, 0), math.MaxInt32), // room for sums, and for int of 32 bits
		readPos: max(start-1, 0), pos: start,
	}
}

// Line is the line that Scan found, valid until the next Scan.
func (s *Scanner) Line() RawLine { return s.line }

// Err is why Scan stopped early: io.ErrUnexpectedEOF for a truncated object, or
// the reader's error. It is nil at the end of the range.
func (s *Scanner) Err() error { return s.err }

// Pos is the offset where the next line would begin: the lines of [start, Pos())
// are done, and a Scanner of [Pos(), end) yields exactly the rest. It is start
// before the first Scan and never beyond end; after the last line it is end, or
// the size if end is math.MaxInt64.
func (s *Scanner) Pos() int64 {
	if s.done && s.end != math.MaxInt64 {
		return s.end
	}
	return min(s.pos, s.end)
}

// Scan moves to the next line that is not blank. It is false at the end of the
// range and after an error.
func (s *Scanner) Scan() bool {
	s.line = RawLine{}
	for s.err == nil && !s.done {
		if !s.aligned {
			s.align()
			continue
		}
		if s.pos >= s.end {
			s.done = true
			continue
		}
		if s.next() {
			return true
		}
	}
	return false
}

// align finds the first line start in the range. It reads up to end-1 at most:
// a line end further on starts no line of ours.
func (s *Scanner) align() {
	if s.start == 0 {
		s.aligned = true
		return
	}
	for {
		if i := bytes.IndexByte(s.buf[s.lo:s.hi], '\n'); i >= 0 {
			s.lo += i + 1
			s.pos = s.readPos - int64(s.hi-s.lo)
			s.aligned = true
			return
		}
		s.lo, s.hi = 0, 0
		if s.readPos >= s.end-1 || !s.fill(s.end-1) {
			s.done = s.err == nil
			if s.done {
				s.pos = s.readPos
			}
			return
		}
	}
}

// next reads the line at pos and moves pos behind it. It reports false for a
// blank line, an error and the end of the object.
func (s *Scanner) next() bool {
	skip, searched := s.bomLength(), 0
	for s.err == nil {
		window := s.buf[s.lo:s.hi]
		if i := bytes.IndexByte(window[searched:], '\n'); i >= 0 {
			length := searched + i
			s.lo += length + 1
			return s.yield(trimCR(window[skip:length]), int64(skip), int64(length+1))
		}
		searched = len(window)
		// One byte over the limit may be the CR of a line end.
		if int64(searched-skip) > s.maxLine+1 {
			return s.condense(skip)
		}
		if s.fill(s.readLimit()) || s.err != nil {
			continue
		}
		if window = s.buf[s.lo:s.hi]; len(window) == 0 { // fill moved it
			s.done = true
			return false
		}
		s.lo = s.hi
		return s.yield(window[skip:], int64(skip), int64(len(window)))
	}
	return false
}

// yield sets the line from its bytes, which are all there. advance is from pos
// to the start of the next line.
func (s *Scanner) yield(data []byte, skip, advance int64) bool {
	offset := s.pos + skip
	s.pos += advance
	if len(bytes.TrimSpace(data)) == 0 {
		return false
	}
	s.line = RawLine{Offset: offset, Length: int64(len(data)), Data: data[:len(data):len(data)]}
	if s.line.Length > s.maxLine {
		c := newCondenser(int(s.maxLine), false)
		c.write(data)
		s.line.Data, s.line.condensed = nil, c.finish()
	}
	return true
}

// condense reads a line that is too long, the first part of which is in the
// buffer.
func (s *Scanner) condense(skip int) bool {
	var blank blankCheck
	var length int64 // without the line end
	c := newCondenser(int(s.maxLine), false)
	heldCR := false // it may be the line end's
	take := func(b []byte) {
		length += int64(len(b))
		blank.add(b)
		if heldCR && len(b) > 0 {
			c.write([]byte{'\r'})
			heldCR = false
		}
		if text := trimCR(b); len(text) < len(b) {
			b, heldCR = text, true
		}
		c.write(b)
	}
	s.lo += skip
	start, ended := s.pos+int64(skip), false
	for !ended {
		window := s.buf[s.lo:s.hi]
		if i := bytes.IndexByte(window, '\n'); i >= 0 {
			take(window[:i])
			s.lo += i + 1
			break
		}
		take(window)
		s.lo, s.hi = 0, 0
		if ended = !s.fill(s.readLimit()); s.err != nil {
			return false
		}
	}
	s.pos = s.readPos - int64(s.hi-s.lo)
	switch {
	case blank.blank():
		return false
	case heldCR && ended:
		c.write([]byte{'\r'})
	case heldCR:
		length--
	}
	s.line = RawLine{Offset: start, Length: length, condensed: c.finish()}
	return true
}

// bomLength is the length of the byte order mark at pos, which only an object's
// start has. The first line belongs to whoever owns byte 0.
func (s *Scanner) bomLength() int {
	if s.pos != 0 {
		return 0
	}
	for s.hi-s.lo < len(bom) {
		if !strings.HasPrefix(bom, string(s.buf[s.lo:s.hi])) || !s.fill(s.readLimit()) {
			return 0
		}
	}
	if string(s.buf[s.lo:s.lo+len(bom)]) == bom {
		return len(bom)
	}
	return 0
}

// trimCR takes the CR of a CRLF from a line that had an end.
func trimCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}
