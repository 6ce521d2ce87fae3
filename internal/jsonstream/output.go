package jsonstream

import (
	"cmp"
	"io"
	"strings"
	"unicode/utf8"

	"example.com/gemini-webhook/internal/lenientjson"
)

// output is where what is read goes: to a writer, or kept up to a size.
type output struct {
	to   io.Writer // nil: kept
	buf  []byte
	err  error // of to
	max  int   // of what is kept
	over bool  // there was more
}

// take passes on the next n bytes, which are in the buffer.
func (r *Reader) take(n int) {
	p, out := r.buf[r.pos:r.pos+n], r.out
	r.pos += n
	switch {
	case out == nil:
	case out.to == nil:
		if room := out.max - len(out.buf); len(p) > room {
			p, out.over = p[:room], true
		}
		out.buf = append(out.buf, p...)
	default:
		if len(out.buf)+len(p) > bufferBytes {
			r.flush()
		}
		out.buf = append(out.buf, p...)
	}
}

func (r *Reader) flush() {
	if _, err := r.out.to.Write(r.out.buf); err != nil && r.out.err == nil {
		r.out.err = r.fail(err) // nothing more is read
	}
	r.out.buf = r.out.buf[:0]
}

// Copy reads a value and writes it as one line, without white space between its tokens.
// What was written of a value that fails is no value.
func (r *Reader) Copy(w io.Writer) error {
	r.out = &output{to: w, buf: r.spare[:0]}
	defer func() { r.spare, r.out = r.out.buf, nil }()
	err := r.Skip()
	r.flush()
	return cmp.Or(r.out.err, err)
}

// Value reads a value and keeps it without white space between its tokens; nil where
// that is longer than limit bytes.
func (r *Reader) Value(limit int) (lenientjson.Value, error) {
	kept, whole, err := r.keep(limit)
	if err != nil || !whole {
		return nil, err
	}
	return kept, nil
}

func (r *Reader) keep(limit int) (kept []byte, whole bool, err error) {
	r.out = &output{max: limit}
	defer func() { r.out = nil }()
	err = r.Skip()
	return r.out.buf, !r.out.over, err
}

// Text reads a string and gives its value, of a longer one the beginning of at most
// limit bytes as they stand in the JSON. A value of another type gives "".
func (r *Reader) Text(limit int) (text string, whole bool, err error) {
	c, err := r.Peek()
	if err != nil {
		return "", false, err
	}
	if c != '"' {
		return "", true, r.Skip()
	}
	kept, whole, err := r.keep(limit + len(`""`))
	if err != nil {
		return "", false, err
	}
	if !whole {
		kept = append(kept[:1+boundary(kept[1:1+limit])], '"')
	}
	return lenientjson.Value(kept).Str(), whole, nil
}

// boundary is where a string whose rest is missing can end: behind a whole character,
// and not between the two escapes of one.
func boundary(part []byte) (end int) {
	for i := 0; i < len(part); i = end {
		next := i + 1
		switch {
		case part[i] == '\\':
			next = i + escapeLen(part[i:])
		case part[i] >= utf8.RuneSelf:
			if !utf8.FullRune(part[i:]) {
				return end
			}
			_, size := utf8.DecodeRune(part[i:])
			next = i + size
		}
		if next > len(part) {
			return end
		}
		end = next
	}
	return end
}

// escapeLen is the length of an escape, or of a pair of them that is one character.
func escapeLen(at []byte) int {
	switch {
	case len(at) < 4 || at[1] != 'u':
		if len(at) > 1 && at[1] != 'u' {
			return len(`\n`)
		}
		return len(at) + 1
	case strings.ContainsRune("dD", rune(at[2])) && strings.ContainsRune("89abAB", rune(at[3])):
		return len(`\ud83d\ude00`)
	}
	return len(`\u0000`)
}
