package verify

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// object is a JSON object whose values are not decoded. Names are exact:
// encoding/json would take "EXP" for "exp" when decoding into a struct. It is
// a list and not a map because tokens have few members and every delivery with
// a token makes two.
type object []member

type member struct {
	name  []byte
	value json.RawMessage
}

// parseObject splits a JSON object into its members. It refuses all else.
func parseObject(text []byte) (object, bool) {
	text = bytes.TrimLeft(text, jsonSpace)
	if len(text) == 0 || text[0] != '{' || !json.Valid(text) {
		return nil, false
	}
	// It is valid from here on, so no bounds are in doubt.
	members := make(object, 0, 8)
	for rest := next(text[1:]); rest[0] != '}'; {
		n := valueLen(rest)
		name := rest[1 : n-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			var unescaped string
			_ = json.Unmarshal(rest[:n], &unescaped) // a valid string
			name = []byte(unescaped)
		}
		rest = next(next(rest[n:])[1:]) // past the colon
		n = valueLen(rest)
		members = append(members, member{name, json.RawMessage(rest[:n:n])})
		if rest = next(rest[n:]); rest[0] == ',' {
			rest = next(rest[1:])
		}
	}
	return members, true
}

const jsonSpace = " \t\r\n"

func next(text []byte) []byte { return bytes.TrimLeft(text, jsonSpace) }

// valueLen is the length of the value that valid JSON text starts with.
func valueLen(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				return i // the end of what holds a number
			}
			depth--
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue // within a number, true, false, null; or a colon
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(text)
}

// get returns a member's value; of two with one name the last one.
func (o object) get(name string) (value json.RawMessage, ok bool) {
	for i := len(o) - 1; i >= 0; i-- {
		if string(o[i].name) == name {
			return o[i].value, true
		}
	}
	return nil, false
}

func (o object) has(name string) bool {
	_, ok := o.get(name)
	return ok
}

// text returns a member that is a string, else "".
func (o object) text(name string) string {
	value, ok := o.get(name)
	if !ok || value[0] != '"' {
		return ""
	}
	if inner := value[1 : len(value)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	var s string
	_ = json.Unmarshal(value, &s) // a valid string
	return s
}
