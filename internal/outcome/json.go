package outcome

import (
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. Each invalid byte becomes U+FFFD, as
// encoding/json does it; nothing is escaped for HTML.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0 // of what is to be copied as it is
	for i := 0; i < len(s); {
		if plain[s[i]] {
			i++
			continue
		}
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		b = append(b, s[start:i]...)
		switch r {
		case '"', '\\':
			b = append(b, '\\', byte(r))
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		case utf8.RuneError:
			b = utf8.AppendRune(b, r)
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&0xf])
		}
		i += size
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// plain says of each byte whether it stands for itself in a JSON string. Texts
// are most of what is encoded, so it is a table.
var plain = func() (table [256]bool) {
	for c := byte(' '); c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// fitting returns how many bytes of s may stay, up to a rune border, so that they
// take at most limit bytes between the quotes, and how many they take.
func fitting(s string, limit int) (n, encoded int) {
	for n < len(s) {
		r, size := rune(s[n]), 1
		cost := 1
		switch {
		case plain[s[n]]:
		case r >= utf8.RuneSelf:
			r, size = utf8.DecodeRuneInString(s[n:])
			cost = utf8.RuneLen(r)
		case r == '"' || r == '\\' || r == '\n' || r == '\r' || r == '\t':
			cost = 2
		default:
			cost = 6
		}
		if encoded+cost > limit {
			break
		}
		n += size
		encoded += cost
	}
	return n, encoded
}

// appendRaw appends one JSON value as it is. Only invalid UTF-8, which can stand
// inside its strings alone, is replaced: the data must be UTF-8.
func appendRaw(b, raw []byte) []byte {
	if utf8.Valid(raw) {
		return append(b, raw...)
	}
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		b = utf8.AppendRune(b, r) // U+FFFD for each invalid byte, as for strings
		raw = raw[size:]
	}
	return b
}

// appendMember appends `,"name":` and s as a string. The name needs no escapes.
func appendMember(b []byte, name, s string) []byte {
	return appendString(appendName(b, name), s)
}

// appendOptional is appendMember that leaves out an empty s.
func appendOptional(b []byte, name, s string) []byte {
	if s == "" {
		return b
	}
	return appendMember(b, name, s)
}

func appendName(b []byte, name string) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

func appendInt(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(appendName(b, name), n, 10)
}

// appendObject appends `,"name":{…}`, with the members that fill appends. Each
// member brings the comma before it; the first one's is removed.
func appendObject(b []byte, name string, fill func([]byte) []byte) []byte {
	b = append(appendName(b, name), '{')
	start := len(b)
	b = fill(b)
	if len(b) > start {
		b = append(b[:start], b[start+1:]...)
	}
	return append(b, '}')
}
