package results

import (
	"encoding/json"
	"strings"

	"example.com/gemini-webhook/internal/lenientjson"
	"example.com/gemini-webhook/internal/outcome"
)

// readError reads an `error` member. It reports false where that says nothing:
// null, false, 0, an empty text, list or object, or the google.rpc code OK
// without a message.
func readError(v lenientjson.Value) (outcome.Error, bool) {
	v = unwrap(v)
	switch {
	case v.IsString():
		message := v.Str()
		return outcome.Error{Message: message}, strings.TrimSpace(message) != ""
	case v.IsNumber():
		return outcome.Error{Code: string(v)}, !v.IsZero()
	case v.IsTrue():
		return outcome.Error{Message: string(v)}, true
	case !v.IsObject() && !v.IsArray(), v.IsEmpty():
		return outcome.Error{}, false
	}
	e := readErrorMembers(v)
	switch {
	case e == (outcome.Error{}): // it says something, but nothing that is known
		return outcome.Error{Message: string(v)}, true
	case isOK(e.Code) && e.Message == "":
		return outcome.Error{}, false
	}
	return e, true
}

// unwrap is the error inside {"error": {…}} or a list that begins with one, as the
// API's answers are; anything else is itself.
func unwrap(v lenientjson.Value) lenientjson.Value {
	inner := v
	if v.IsArray() {
		inner = v.First()
	}
	if inner = inner.Get("error"); inner.IsObject() {
		return inner
	}
	return v
}

// readStatus reads a `status` member: a google.rpc.Status, or the text of a
// Vertex line, which is empty when all is well. It reports false where that is
// no failure; a code of OK is none whatever its message.
func readStatus(v lenientjson.Value) (outcome.Error, bool) {
	if v.IsString() {
		return readStatusText(v.Str())
	}
	e := readErrorMembers(v)
	if e.Code == "" {
		return e, e.Message != ""
	}
	return e, !isOK(e.Code)
}

// maxObjects bounds how often a text is searched for JSON: what comes before the
// object is a name, and perhaps an address.
const maxObjects = 8

// readStatusText reads a text that says what went wrong, with or without the
// API's answer in it, as in `Bad Request: {"error": {"code": 400, …}}`.
func readStatusText(text string) (outcome.Error, bool) {
	switch strings.TrimSpace(text) {
	case "", "OK", "SUCCEEDED":
		return outcome.Error{}, false
	}
	rest := text
	for range maxObjects {
		i := strings.IndexByte(rest, '{')
		if i < 0 {
			break
		}
		rest = rest[i:]
		var object json.RawMessage
		if json.NewDecoder(strings.NewReader(rest)).Decode(&object) == nil && valid(object) {
			if e := readErrorMembers(unwrap(lenientjson.Of(object))); e != (outcome.Error{}) {
				if e.Message == "" {
					e.Message = text
				}
				return e, true
			}
		}
		rest = rest[1:]
	}
	return outcome.Error{Message: text}, true
}

// readErrorMembers reads {code, message, status, details}; of anything else,
// nothing.
func readErrorMembers(v lenientjson.Value) (e outcome.Error) {
	for name, member := range v.Fields {
		switch string(name) {
		case "code":
			e.Code = member.StrOrNumber()
		case "message":
			e.Message = member.StrOrNumber()
		case "status":
			e.Status = member.StrOrNumber()
		case "details":
			e.Details = string(member.Raw())
		}
	}
	return e
}

// isOK reports whether a code is that of google.rpc's OK.
func isOK(code string) bool { return code == "0" || code == "OK" }
