// Package jsonstream reads JSON that is too long to be held: it walks through one value
// as its bytes come, copies parts of it, and keeps small ones. It accepts what
// encoding/json accepts, and holds 128 KiB and what it is asked to keep, whatever comes.
//
// A member of an unexpected type is no error here: an object has no elements, and an
// array no members. The package does not write JSON, and knows nobody's schema.
package jsonstream

import (
	"errors"
	"io"
)

// What is wrong with a stream. An error of the stream itself is passed on.
var (
	ErrSyntax = errors.New("the answer is not JSON")
	ErrCut    = errors.New("the answer ends in the middle of its JSON")
)

const (
	bufferBytes = 64 << 10 // 64 KiB, of what is read and of what is copied
	maxDepth    = 10_000   // encoding/json's
	maxName     = 256      // bytes of a member's name that is compared
)

// Reader reads one value from a stream. Each of its methods reads one whole value, and
// what calls them for members and elements must read each of these. It is for one
// goroutine, and its errors stay.
type Reader struct {
	src      io.Reader
	buf      []byte
	pos, end int
	readErr  error // comes behind the buffer
	depth    int
	err      error   // the first one
	spare    []byte  // Copy's buffer
	out      *output // where what is read goes, nil: nowhere
}

// New reads from a stream.
func New(src io.Reader) *Reader { return &Reader{src: src, buf: make([]byte, bufferBytes)} }

// Object reads an object and calls member for each of its members, which reads the
// value. A name that is longer than 256 bytes is given as "". Of a value of another type
// there are none.
func (r *Reader) Object(member func(name string) error) error {
	return r.container('{', '}', func(int) error {
		if err := r.quote(); err != nil {
			return err
		}
		name, whole, err := r.Text(maxName)
		if err != nil {
			return err
		}
		if !whole {
			name = ""
		}
		if err := r.expect(':'); err != nil {
			return err
		}
		return member(name)
	})
}

// Array reads an array and calls element for each of its elements, which reads it. Of a
// value of another type there are none.
func (r *Reader) Array(element func(index int) error) error {
	return r.container('[', ']', element)
}

// container reads what stands between brackets, if the value begins with one.
func (r *Reader) container(open, closing byte, element func(index int) error) error {
	c, err := r.Peek()
	if err != nil {
		return err
	}
	if c != open {
		return r.Skip()
	}
	if r.depth++; r.depth > maxDepth {
		return r.fail(ErrSyntax)
	}
	r.take(1)
	if c, err = r.Peek(); err != nil {
		return err
	}
	if c == closing {
		r.depth--
		r.take(1)
		return nil
	}
	for i := 0; ; i++ {
		if err := element(i); err != nil {
			return r.fail(err)
		}
		switch c, err = r.Peek(); {
		case err != nil:
			return err
		case c == closing:
			r.depth--
			r.take(1)
			return nil
		case c != ',':
			return r.fail(ErrSyntax)
		}
		r.take(1)
	}
}

// quote wants a string to come.
func (r *Reader) quote() error {
	c, err := r.Peek()
	if err == nil && c != '"' {
		err = r.fail(ErrSyntax)
	}
	return err
}

// expect reads one byte.
func (r *Reader) expect(want byte) error {
	c, err := r.Peek()
	if err == nil && c != want {
		err = r.fail(ErrSyntax)
	}
	if err == nil {
		r.take(1)
	}
	return err
}

// Peek gives the first byte of the next value, which says of what type it is.
func (r *Reader) Peek() (byte, error) {
	for {
		c, err := r.next()
		if err != nil {
			return 0, err
		}
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c, nil
		}
		r.pos++ // white space is never copied
	}
}

// End reads to the end of the stream, where only white space may be left.
func (r *Reader) End() error {
	_, err := r.Peek()
	switch {
	case err == nil:
		return r.fail(ErrSyntax)
	case errors.Is(err, ErrCut):
		return nil
	}
	return err
}

// Skip reads a value.
func (r *Reader) Skip() error {
	c, err := r.Peek()
	switch {
	case err != nil:
		return err
	case c == '{':
		return r.container('{', '}', r.skipMember)
	case c == '[':
		return r.container('[', ']', r.skipElement)
	case c == '"':
		return r.string()
	case c == '-' || '0' <= c && c <= '9':
		return r.number()
	case c == 't':
		return r.word("true")
	case c == 'f':
		return r.word("false")
	case c == 'n':
		return r.word("null")
	}
	return r.fail(ErrSyntax)
}

func (r *Reader) skipElement(int) error { return r.Skip() }

func (r *Reader) skipMember(int) error {
	if err := r.quote(); err != nil {
		return err
	}
	if err := r.string(); err != nil {
		return err
	}
	if err := r.expect(':'); err != nil {
		return err
	}
	return r.Skip()
}

// fail keeps the first error; that the stream has ended is none before it matters.
func (r *Reader) fail(err error) error {
	if r.err == nil || r.err == ErrCut {
		r.err = err
	}
	return r.err
}

// next gives the next byte, which it does not take. The end of the stream is ErrCut.
func (r *Reader) next() (byte, error) {
	for r.err == nil && r.pos == r.end {
		r.pos, r.end = 0, 0
		if r.readErr == nil {
			r.end, r.readErr = r.src.Read(r.buf)
			continue
		}
		if r.err = r.readErr; r.err == io.EOF {
			r.err = ErrCut
		}
	}
	if r.err != nil {
		return 0, r.err
	}
	return r.buf[r.pos], nil
}
