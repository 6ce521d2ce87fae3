package lenientjson

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// unquote is the value of a valid JSON string, given without its quotes, as
// encoding/json reads it: each invalid byte and each half of a surrogate pair
// becomes U+FFFD.
func unquote(inner []byte) string {
	if !utf8.Valid(inner) {
		inner = []byte(string([]rune(string(inner))))
	}
	escape := bytes.IndexByte(inner, '\\')
	if escape < 0 {
		return string(inner)
	}
	var b strings.Builder
	b.Grow(len(inner))
	for escape >= 0 {
		b.Write(inner[:escape])
		inner = inner[escape:]
		if c := plain[inner[1]]; c != 0 {
			b.WriteByte(c)
			inner = inner[2:]
		} else {
			r, size := codePoint(inner)
			b.WriteRune(r)
			inner = inner[size:]
		}
		escape = bytes.IndexByte(inner, '\\')
	}
	b.Write(inner)
	return b.String()
}

// plain are what the escapes of one letter stand for.
var plain = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// codePoint reads the escape \uXXXX, or the two of a surrogate pair, at the start
// of text.
func codePoint(text []byte) (r rune, size int) {
	r = hex4(text[2:])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
		if pair := utf16.DecodeRune(r, hex4(text[8:])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

func hex4(digits []byte) (r rune) {
	for _, c := range digits[:4] {
		switch {
		case c <= '9':
			c -= '0'
		case c <= 'F':
			c -= 'A' - 10
		default:
			c -= 'a' - 10
		}
		r = r<<4 | rune(c)
	}
	return r
}
