package results

import (
	"bytes"

	"example.com/gemini-webhook/internal/lenientjson"
)

// An unescaper has the content of a string condensed, if that is a JSON object.
type unescaper struct {
	to    *condenser
	half  []byte // an escape that may be the first half of a surrogate pair
	begun bool   // it is an object
	done  bool   // it is none
}

// write takes a part of the string: text without escapes, or one escape.
func (u *unescaper) write(part []byte) {
	switch {
	case part[0] != '\\':
		u.flush()
		u.add(part)
	case len(u.half) > 0 && isHalf(part, "cdef"):
		u.half = append(u.half, part...)
		u.flush()
	default:
		u.flush()
		if u.half = append(u.half, part...); !isHalf(part, "89ab") {
			u.flush()
		}
	}
}

// flush is called where an escape is finished.
func (u *unescaper) flush() {
	if len(u.half) > 0 {
		quoted := append(append([]byte{'"'}, u.half...), '"')
		u.add([]byte(lenientjson.Value(quoted).Str()))
		u.half = u.half[:0]
	}
}

func (u *unescaper) add(text []byte) {
	if !u.begun {
		text = bytes.TrimLeft(text, " \t\r\n")
		u.done = u.done || len(text) > 0 && text[0] != '{'
		u.begun = !u.done && len(text) > 0
	}
	if u.begun {
		u.to.write(text)
	}
}
