package results

import (
	"strings"

	"example.com/gemini-webhook/internal/lenientjson"
	"example.com/gemini-webhook/internal/outcome"
)

// readError reads an `error` member. It reports false where that says nothing:
// null, false, 0, an empty text, list or object, or the google.rpc code OK
// without a message.
func readError(v lenientjson.Value) (outcome.Error, bool) {
	switch {
	case v.IsString():
		return readMessage(v)
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

// readStatus reads a `status` member: a google.rpc.Status, or the text of a
// Vertex line, which is empty when all is well. It reports false where that is
// no failure; a code of OK is none whatever its message.
func readStatus(v lenientjson.Value) (outcome.Error, bool) {
	if v.IsString() {
		return readMessage(v)
	}
	e := readErrorMembers(v)
	if e.Code == "" {
		return e, e.Message != ""
	}
	return e, !isOK(e.Code)
}

// readMessage reads a text in the place of an error.
func readMessage(v lenientjson.Value) (outcome.Error, bool) {
	message := v.Str()
	return outcome.Error{Message: message}, strings.TrimSpace(message) != ""
}

// readErrorMembers reads {code, message, status}; of anything else, nothing.
func readErrorMembers(v lenientjson.Value) outcome.Error {
	var code, message, status lenientjson.Value
	v.Pick(lenientjson.To("code", &code), lenientjson.To("message", &message), lenientjson.To("status", &status))
	return outcome.Error{Code: code.StrOrNumber(), Message: message.StrOrNumber(), Status: status.StrOrNumber()}
}

// isOK reports whether a code is that of google.rpc's OK.
func isOK(code string) bool { return code == "0" || code == "OK" }
