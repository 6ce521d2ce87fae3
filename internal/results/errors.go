package results

import "strings"

// readError reads an `error` member. It reports false where that says nothing:
// null, false, 0, an empty text, list or object, or the google.rpc code OK
// without a message.
func readError(v value) (Error, bool) {
	switch {
	case v.isString():
		return readMessage(v)
	case v.isNumber():
		return Error{Code: string(v)}, !v.isZero()
	case v.isTrue():
		return Error{Message: string(v)}, true
	case !v.isObject() && !v.isArray(), v.isEmpty():
		return Error{}, false
	}
	e := readErrorMembers(v)
	switch {
	case e == (Error{}): // it says something, but nothing that is known
		return Error{Message: string(v)}, true
	case isOK(e.Code) && e.Message == "":
		return Error{}, false
	}
	return e, true
}

// readStatus reads a `status` member: a google.rpc.Status, or the text of a
// Vertex line, which is empty when all is well. It reports false where that is
// no failure; a code of OK is none whatever its message.
func readStatus(v value) (Error, bool) {
	if v.isString() {
		return readMessage(v)
	}
	e := readErrorMembers(v)
	if e.Code == "" {
		return e, e.Message != ""
	}
	return e, !isOK(e.Code)
}

// readMessage reads a text in the place of an error.
func readMessage(v value) (Error, bool) {
	message := v.str()
	return Error{Message: message}, strings.TrimSpace(message) != ""
}

// readErrorMembers reads {code, message, status}; of anything else, nothing.
func readErrorMembers(v value) Error {
	var code, message, status value
	v.pick(field{"code", &code}, field{"message", &message}, field{"status", &status})
	return Error{Code: code.scalar(), Message: message.scalar(), Status: status.scalar()}
}

// isOK reports whether a code is that of google.rpc's OK.
func isOK(code string) bool { return code == "0" || code == "OK" }
