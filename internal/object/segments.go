package object

import (
	"io"
	"io/fs"
)

const (
	firstSlack = 64 << 10 // 64 KiB past the range: the rest of most last lines
	minPiece   = 1 << 20  // 1 MiB
	maxPiece   = 16 << 20 // 16 MiB; bounds what an unfinished read throws away
)

// openFunc opens length bytes of an object from offset. It may give more than
// was asked for, which is not used.
type openFunc func(offset, length int64) (io.ReadCloser, error)

// segments is an io.ReadCloser over an object from an offset to its end that
// opens it piece by piece: whoever stops reading has not asked the store for
// much more than was read. It does not retry. It is for one goroutine.
type segments struct {
	open   openFunc
	offset int64 // of the next byte
	size   int64
	piece  int64 // length of the next piece
	then   int64 // length of the one after it
	body   io.ReadCloser
	left   int64 // of the open piece
	err    error
}

// newSegments reads the object from offset. The first piece is first bytes (to
// the end of a range) and 64 KiB more, the next ones 1 MiB, doubling to 16 MiB.
// size is the object's size in bytes: a piece that ends early is
// io.ErrUnexpectedEOF.
func newSegments(open openFunc, offset, first, size int64) *segments {
	// What is beyond the size is cut when the piece is opened; no sum may overflow.
	return &segments{open: open, offset: offset, size: size, then: minPiece,
		piece: max(first, max(first, 0)+firstSlack)}
}

// Read implements io.Reader. Errors of openFunc and of the pieces are returned
// as they are, again and again.
func (s *segments) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if s.body == nil {
		if s.err = s.next(); s.err != nil {
			return 0, s.err
		}
	}
	n, err := s.body.Read(p[:min(int64(len(p)), s.left)])
	s.offset += int64(n)
	s.left -= int64(n)
	switch {
	case s.left == 0:
		// All bytes are here: what closing says about them changes nothing.
		_ = s.body.Close()
		s.body = nil
	case err == io.EOF:
		s.err = io.ErrUnexpectedEOF
	default:
		s.err = err
	}
	return n, s.err
}

// next opens the next piece.
func (s *segments) next() error {
	if s.offset >= s.size {
		return io.EOF
	}
	length := min(s.piece, s.size-s.offset)
	body, err := s.open(s.offset, length)
	if err == io.EOF { // not to be taken for the object's end
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	s.body, s.left = body, length
	s.piece, s.then = s.then, min(2*s.then, maxPiece)
	return nil
}

// Close closes the open piece. Reading afterwards fails with fs.ErrClosed.
func (s *segments) Close() error {
	s.err = fs.ErrClosed
	if s.body == nil {
		return nil
	}
	body := s.body
	s.body = nil
	return body.Close()
}
