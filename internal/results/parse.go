package results

import (
	"bytes"
	stdjson "encoding/json"
	"unicode/utf8"

	"github.com/goccy/go-json"

	"example.com/gemini-webhook/internal/lenientjson"
	"example.com/gemini-webhook/internal/outcome"
)

// Parse reads the shape of one line (contract, "Lines").
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
	top := lenientjson.Of(raw)
	var m members
	top.Pick(lenientjson.To("key", &m.key), lenientjson.To("request", &m.request), lenientjson.To("response", &m.response),
		lenientjson.To("error", &m.failure), lenientjson.To("status", &m.status), lenientjson.To("candidates", &m.candidates),
		lenientjson.To("promptFeedback", &m.feedback), lenientjson.To("code", &m.code), lenientjson.To("message", &m.message))
	line := m.outcome(top)
	if m.key.Present() {
		line.Key, line.HasKey = m.key.Text(), true
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
	key, request, response, failure, status lenientjson.Value
	candidates, feedback                    lenientjson.Value // of a bare response
	code, message                           lenientjson.Value // of a bare status
}

// outcome is the line without its key.
func (m *members) outcome(top lenientjson.Value) Line {
	var response lenientjson.Value
	switch {
	case m.response.IsObject():
		response = m.response
	case m.response.Present(): // of another type: not a response
	case m.candidates.Present(), m.feedback.Present():
		response = top
	}
	failure, failed := readError(m.failure)
	if !failed {
		failure, failed = readStatus(m.status)
	}
	if response == nil {
		switch {
		case !m.failure.Present() && m.isStatus():
			failure, failed = outcome.Error{Code: m.code.StrOrNumber(), Message: m.message.Str(), Status: m.status.Str()}, true
		case !failed && m.failure.IsObject():
			// Alone, an error object is a failure however little it says.
			failure, failed = readErrorMembers(m.failure), true
		case !failed:
			return invalid(CodeUnknownShape)
		}
	}

	line := Line{Status: outcome.StatusSucceeded, Request: m.request.Raw(), Response: response.Raw()}
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
	return m.code.IsNumber() && !m.code.IsZero() && m.message.IsString()
}
