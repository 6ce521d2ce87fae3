// Package lenientjson reads JSON that others wrote. Nothing in it fails: what is
// absent, or of another type than was asked for, is empty. Names are compared
// exactly, and of members that are there twice the last one counts.
//
// A Value is found valid once, by whoever makes it, and then walked without being
// decoded. The package does not write JSON, and knows nobody's schema.
package lenientjson

import (
	"bytes"
	"strconv"
)

// Value is the text of a JSON value that was found valid, without white space
// around it; nil is one that is absent. What is not valid must not become one:
// the methods rely on it.
type Value []byte

// Of is the value of a text that is valid JSON.
func Of(text []byte) Value { return bytes.TrimSpace(text) }

// Present reports whether there is a value; null counts as absent.
func (v Value) Present() bool { return len(v) > 0 && v[0] != 'n' }

// IsObject reports whether it is an object.
func (v Value) IsObject() bool { return len(v) > 0 && v[0] == '{' }

// IsArray reports whether it is an array.
func (v Value) IsArray() bool { return len(v) > 0 && v[0] == '[' }

// IsString reports whether it is a string.
func (v Value) IsString() bool { return len(v) > 0 && v[0] == '"' }

// IsTrue reports whether it is true.
func (v Value) IsTrue() bool { return len(v) > 0 && v[0] == 't' }

// IsNumber reports whether it is a number.
func (v Value) IsNumber() bool {
	return len(v) > 0 && (v[0] == '-' || '0' <= v[0] && v[0] <= '9')
}

// IsZero reports whether it is the number 0, in any of the ways to write it.
func (v Value) IsZero() bool {
	f, err := strconv.ParseFloat(string(v), 64)
	return err == nil && f == 0
}

// IsEmpty reports whether it is an array or object that has nothing in it.
func (v Value) IsEmpty() bool {
	for range v.Members {
		return false
	}
	return v.IsObject() || v.IsArray()
}

// Str is a string's value, and "" for any other type. Invalid UTF-8 is
// replaced.
func (v Value) Str() string {
	if !v.IsString() {
		return ""
	}
	return unquote(v[1 : len(v)-1])
}

// StrOrNumber is a string's value, a number's JSON text, and "" for any other
// type.
func (v Value) StrOrNumber() string {
	if v.IsNumber() {
		return string(v)
	}
	return v.Str()
}

// Scalar is a string's value, and the JSON text of a number or boolean. It
// reports false for anything else.
func (v Value) Scalar() (text string, ok bool) {
	if !v.Present() || v.IsObject() || v.IsArray() {
		return "", false
	}
	return v.Text(), true
}

// Text is a string's value, and the JSON text of anything else.
func (v Value) Text() string {
	if v.IsString() {
		return v.Str()
	}
	return string(v)
}

// Raw is the value's text as it stands, nil where it is absent or null.
func (v Value) Raw() []byte {
	if !v.Present() {
		return nil
	}
	return v
}

// First is the first value of an array, if it is one that has any.
func (v Value) First() Value {
	if v.IsArray() {
		for _, element := range v.Members {
			return element
		}
	}
	return nil
}

// Get is an object's member of that name; nil where there is none.
func (v Value) Get(name string) (member Value) {
	v.Pick(To(name, &member))
	return member
}

// Field says where the value of an object's member goes.
type Field struct {
	name string
	into *Value
}

// To has the member of that name put into a value, which stays as it is where
// there is none.
func To(name string, into *Value) Field { return Field{name, into} }

// Fields is an iterator over an object's members, by their names without quotes
// and escapes. It yields nothing of any other type.
func (v Value) Fields(yield func(name []byte, member Value) bool) {
	if !v.IsObject() {
		return
	}
	for quoted, member := range v.Members {
		name := quoted[1 : len(quoted)-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			name = Value(quoted.Str())
		}
		if !yield(name, member) {
			return
		}
	}
}

// Pick reads members of an object in one pass.
func (v Value) Pick(fields ...Field) {
	for name, member := range v.Fields {
		for _, f := range fields {
			if f.name == string(name) {
				*f.into = member
				break
			}
		}
	}
}

// Members is an iterator over an object's members, or over an array's elements,
// whose names are nil. Appending to what it yields does not write into the text.
func (v Value) Members(yield func(name, member Value) bool) {
	if !v.IsObject() && !v.IsArray() {
		return
	}
	for i := v.skipSpace(1); v[i] != '}' && v[i] != ']'; {
		var name Value
		if v[0] == '{' {
			end := v.skipString(i)
			name = v[i:end:end]
			i = v.skipSpace(v.skipSpace(end) + 1) // the colon
		}
		end := v.skipValue(i)
		if !yield(name, v[i:end:end]) {
			return
		}
		if i = v.skipSpace(end); v[i] == ',' {
			i = v.skipSpace(i + 1)
		}
	}
}

func (v Value) skipSpace(i int) int {
	for v[i] == ' ' || v[i] == '\t' || v[i] == '\n' || v[i] == '\r' {
		i++
	}
	return i
}

// skipValue is the index behind the value at i.
func (v Value) skipValue(i int) int {
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
func (v Value) skipString(i int) int {
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
