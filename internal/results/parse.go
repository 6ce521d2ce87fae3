package results

import (
	"bytes"
	stdjson "encoding/json"
	"unicode/utf8"

	"github.com/goccy/go-json"

	"example.com/gemini-webhook/internal/outcome"
)

// Parse reads the shape of one line (SPEC.md, Lines; GEMINI.md, Batch results).
// It never fails: what cannot be read is an invalid line. Of members that are
// there twice the last counts, and their names are matched exactly. It does not
// skip blank lines or a byte order mark; Scanner does.
func Parse(raw []byte) Line {
	// What is published has to be UTF-8, so the bytes passed on have to be.
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	if !valid(raw) {
		line := invalid(CodeNotJSON)
		line.Key, line.HasKey = prefixKey(raw)
		return line
	}
	top := value(bytes.TrimSpace(raw))
	var m members
	top.pick(field{"key", &m.key}, field{"request", &m.request}, field{"response", &m.response},
		field{"error", &m.failure}, field{"status", &m.status}, field{"candidates", &m.candidates},
		field{"promptFeedback", &m.feedback}, field{"code", &m.code}, field{"message", &m.message})
	line := m.outcome(top)
	if m.key.present() {
		line.Key, line.HasKey = m.key.text(), true
	}
	return line
}

// longLine is from where on the copy counts that goccy's validator makes of its
// input, and keeps: there the standard library's, which makes none.
const longLine = maxOwn

func valid(raw []byte) bool {
	if len(raw) > longLine {
		return stdjson.Valid(raw)
	}
	return json.Valid(raw)
}

// members are the top-level members that tell the shapes apart.
type members struct {
	key, request, response, failure, status value
	candidates, feedback                    value // of a bare response
	code, message                           value // of a bare status
}

// outcome is the line without its key.
func (m *members) outcome(top value) Line {
	var response value
	switch {
	case m.response.isObject():
		response = m.response
	case m.response.present(): // of another type: not a response
	case m.candidates.present(), m.feedback.present():
		response = top
	}
	failure, failed := readError(m.failure)
	if !failed {
		failure, failed = readStatus(m.status)
	}
	if response == nil {
		switch {
		case !m.failure.present() && m.isStatus():
			failure, failed = outcome.Error{Code: m.code.scalar(), Message: m.message.str(), Status: m.status.str()}, true
		case !failed && m.failure.isObject():
			// Alone, an error object is a failure however little it says.
			failure, failed = readErrorMembers(m.failure), true
		case !failed:
			return invalid(CodeUnknownShape)
		}
	}

	line := Line{Status: outcome.StatusSucceeded, Request: m.request.slice(), Response: response.slice()}
	blocked := readResponse(&line, response)
	if blocked != "" && !failed {
		failure, failed = outcome.Error{Code: CodeBlocked, Message: blocked}, true
	}
	if failed {
		line.Status = outcome.StatusFailed
		if failure != (outcome.Error{}) {
			e := failure // only a failed line allocates
			line.Error = &e
		}
	}
	return line
}

// isStatus reports whether the line itself is a google.rpc.Status.
func (m *members) isStatus() bool {
	return m.code.isNumber() && !m.code.isZero() && m.message.isString()
}
