package results

import (
	"io"
	"unicode"
	"unicode/utf8"
)

// readLimit is how far the object may be read now: to end, and past it only
// when everything before end is used up by a line that is not finished.
func (s *Scanner) readLimit() int64 {
	if s.readPos < s.end {
		return s.end
	}
	return s.readPos + minBuffer
}

// fill reads more bytes behind buf[lo:hi], to object offset limit at most. It
// reports false at the end of the object and after an error, which is in err.
// Bytes that come together with an error are used before it counts.
func (s *Scanner) fill(limit int64) bool {
	if s.readErr == nil {
		s.makeRoom(limit)
		free := s.buf[s.hi:]
		free = free[:min(int64(len(free)), limit-s.readPos)]
		before := s.readPos
		s.readErr = io.ErrNoProgress
		for range maxEmptyRead {
			n, err := s.r.Read(free)
			s.hi += n
			s.readPos += int64(n)
			if n > 0 || err != nil {
				s.readErr = err
				break
			}
		}
		if s.readPos > before {
			return true
		}
	}
	switch {
	// Only the bare EOF is the end; an error that wraps one is a lost connection.
	case s.readErr != io.EOF:
		s.err = s.readErr
	case s.readPos < s.size:
		s.err = io.ErrUnexpectedEOF
	}
	return false
}

// makeRoom frees space behind hi: it moves the unfinished line to the front, and
// enlarges the buffer when that line fills it. The limit on a line's length bounds
// the buffer, too.
func (s *Scanner) makeRoom(limit int64) {
	if s.hi < len(s.buf) && (s.lo == 0 || len(s.buf)-s.hi >= minBuffer/4) {
		return
	}
	rest, size := s.buf[s.lo:s.hi], int64(len(s.buf))
	// A line at the limit, the mark before it and CR LF must fit.
	need := max(s.maxLine+int64(len(bom))+2, minBuffer)
	switch {
	case size == 0: // a tiny range needs no more than it is long
		s.buf = make([]byte, min(max(limit-s.readPos, tinyBuffer), minBuffer))
	case len(rest) == len(s.buf):
		s.buf = make([]byte, min(2*size, need))
	}
	s.hi = copy(s.buf, rest)
	s.lo = 0
}

// blankCheck says whether a line that is not kept is white space only, in the
// sense of bytes.TrimSpace.
type blankCheck struct {
	rest []byte // the start of a rune that the last piece cut
	text bool
}

func (c *blankCheck) add(b []byte) {
	if c.text {
		return
	}
	if len(c.rest) > 0 {
		b = append(c.rest, b...)
		c.rest = nil
	}
	for len(b) > 0 {
		if !utf8.FullRune(b) {
			c.rest = append([]byte(nil), b...)
			return
		}
		r, n := utf8.DecodeRune(b)
		if !unicode.IsSpace(r) {
			c.text = true
			return
		}
		b = b[n:]
	}
}

func (c *blankCheck) blank() bool { return !c.text && len(c.rest) == 0 }
