package results

import (
	"bytes"
	"strconv"

	"github.com/goccy/go-json"
)

// value is the text of a JSON value inside a line that was found valid, without
// white space around it; nil if absent. Its methods rely on that validity.
type value []byte

func (v value) present() bool  { return len(v) > 0 && v[0] != 'n' } // null counts as absent
func (v value) isObject() bool { return len(v) > 0 && v[0] == '{' }
func (v value) isArray() bool  { return len(v) > 0 && v[0] == '[' }
func (v value) isString() bool { return len(v) > 0 && v[0] == '"' }
func (v value) isTrue() bool   { return len(v) > 0 && v[0] == 't' }
func (v value) isNumber() bool {
	return len(v) > 0 && (v[0] == '-' || '0' <= v[0] && v[0] <= '9')
}

// isZero reports whether a number is 0, in any of the ways to write it.
func (v value) isZero() bool {
	f, err := strconv.ParseFloat(string(v), 64)
	return err == nil && f == 0
}

// isEmpty reports whether an array or object has nothing in it.
func (v value) isEmpty() bool {
	for range v.members {
		return false
	}
	return true
}

// str is a string's value, and "" for any other type.
func (v value) str() string {
	if !v.isString() {
		return ""
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1])
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		return ""
	}
	return s
}

// scalar is a string's value, a number's JSON text, and "" for anything else.
func (v value) scalar() string {
	if v.isNumber() {
		return string(v)
	}
	return v.str()
}

// text is a string's value, and the JSON text of any other.
func (v value) text() string {
	if v.isString() {
		return v.str()
	}
	return string(v)
}

// slice is the value's bytes, nil if it is absent or null. Its capacity ends
// with it: appending to it does not write into the line.
func (v value) slice() []byte {
	if !v.present() {
		return nil
	}
	return v[:len(v):len(v)]
}

// first is the first value of an array, if v is one that has any.
func (v value) first() value {
	if v.isArray() {
		for _, element := range v.members {
			return element
		}
	}
	return nil
}

// field says where the value of an object's member goes.
type field struct {
	name string
	into *value
}

// pick reads members of an object. Of members that are there twice the last
// counts, as in encoding/json. If v is no object it leaves the fields alone.
func (v value) pick(fields ...field) {
	if !v.isObject() {
		return
	}
	for name, member := range v.members {
		for _, f := range fields {
			if name.is(f.name) {
				*f.into = member
				break
			}
		}
	}
}

// is reports whether a string's value is s.
func (v value) is(s string) bool {
	plain := v[1 : len(v)-1]
	if bytes.IndexByte(plain, '\\') < 0 {
		return string(plain) == s
	}
	return v.str() == s
}

// members is an iterator over an object's members or an array's elements, whose
// names are nil.
func (v value) members(yield func(name, member value) bool) {
	for i := v.skipSpace(1); v[i] != '}' && v[i] != ']'; {
		var name value
		if v[0] == '{' {
			end := v.skipString(i)
			name = v[i:end]
			i = v.skipSpace(v.skipSpace(end) + 1) // the colon
		}
		end := v.skipValue(i)
		if !yield(name, v[i:end]) {
			return
		}
		if i = v.skipSpace(end); v[i] == ',' {
			i = v.skipSpace(i + 1)
		}
	}
}

func (v value) skipSpace(i int) int {
	for v[i] == ' ' || v[i] == '\t' || v[i] == '\n' || v[i] == '\r' {
		i++
	}
	return i
}

// skipValue is the index behind the value at i.
func (v value) skipValue(i int) int {
	switch v[i] {
	case '"':
		return v.skipString(i)
	case '{', '[':
		for depth := 0; ; i++ {
			switch v[i] {
			case '"':
				i = v.skipString(i) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	for {
		switch v[i] {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			return i
		}
		i++
	}
}

// skipString is the index behind the string at i: behind the first quote that
// an even number of backslashes comes before.
func (v value) skipString(i int) int {
	for end := i + 1; ; end++ {
		end += bytes.IndexByte(v[end:], '"')
		escape := end
		for v[escape-1] == '\\' {
			escape--
		}
		if (end-escape)%2 == 0 {
			return end + 1
		}
	}
}
