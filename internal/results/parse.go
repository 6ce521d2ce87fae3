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
func Parse(line []byte) Line { return RawLine{Data: line}.Parse() }

// Parse reads a line that a Scanner gave. Of one that was too long it gives neither
// Response nor Request, and perhaps the beginning of Text; all else is that of any
// other line.
func (l RawLine) Parse() Line {
	var m members
	text := l.Data
	if kept := l.condensed; kept != nil {
		if kept.tooLong {
			return kept.ids.keyed(invalid(CodeLineTooLong))
		}
		m.condensed, m.cuts = kept, make(cuts)
		text = m.cuts.add(kept)
	} else if !utf8.Valid(text) {
		text = repaired(text)
	}
	if !valid(text) {
		return prefixIDs(text).keyed(invalid(CodeNotJSON))
	}
	m.read(lenientjson.Of(text))
	return m.line
}

const (
	// longLine is from where on the copy counts that goccy's validator makes of its
	// input, and keeps: there the standard library's, which makes none.
	longLine = 4 << 20
	maxDepth = 5000
)

// valid reports whether text is JSON that is nested no deeper than maxDepth.
func valid(text []byte) bool {
	// Each level begins with one of these, and hardly any line has so many.
	if bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > maxDepth && depth(text) > maxDepth {
		return false
	}
	if len(text) > longLine {
		return stdjson.Valid(text)
	}
	return json.Valid(text)
}

// depth is how deep a text is nested, if it is valid JSON.
func depth(text []byte) (deepest int) {
	level, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}

// members are the members of a line that the shapes name, and what they say.
type members struct {
	ids
	request, response, failure, status              lenientjson.Value
	instance, index                                 lenientjson.Value
	candidates, feedback, embedding, embeddings     lenientjson.Value // of a bare response
	predictions                                     lenientjson.Value
	code, message, details                          lenientjson.Value // of a bare status
	others                                          bool              // there may be some that are extra
	isResponse, isStatus, hasPredictions, hasAnswer bool              // what was read: the line itself, as …, its predictions, its response

	condensed *condensed // of a line that was too long
	cuts      cuts

	line Line
}

// read reads the value of a whole line.
func (m *members) read(top lenientjson.Value) {
	m.pick(top)
	m.shape(top)
	m.line.Request = m.request.Raw()
	if m.line.Request == nil {
		m.line.Request = m.instance.Raw()
	}
	if n, ok := count(m.index); ok && !m.key.Present() && !m.customID.Present() && m.line.Request == nil {
		m.line.Index, m.line.HasIndex = n, true // of an inline result; elsewhere it is somebody's own
	}
	m.line = m.ids.keyed(m.line)
	if m.others {
		m.line.Extra, m.line.ExtraOmitted = m.extra(top)
	}
	if m.condensed != nil {
		m.omit()
	}
}

// omit leaves out what is not whole.
func (m *members) omit() {
	m.line.ResponseOmitted = len(m.line.Response)+len(m.line.Request) > 0
	m.line.Response, m.line.Request = nil, nil
	if m.condensed.omitted && m.line.Error != nil {
		m.line.Error.Details = ""
	}
}

func (m *members) pick(top lenientjson.Value) {
	for name, v := range top.Fields {
		switch string(name) {
		case "key":
			m.key = v
		case "request":
			m.request = v
		case "response":
			m.response = v
			m.others = m.others || !v.IsObject()
		case "error":
			m.failure = v
		case "status":
			m.status = v
			m.others = m.others || !v.IsString()
		default:
			m.others = true
			if !m.ids.set(string(name), v) {
				m.pickOther(string(name), v)
			}
		}
	}
}

func (m *members) pickOther(name string, v lenientjson.Value) {
	switch name {
	case "instance":
		m.instance = v
	case "index":
		m.index = v
	case "candidates":
		m.candidates = v
	case "promptFeedback", "prompt_feedback":
		m.feedback = v
	case "embedding":
		m.embedding = v
	case "embeddings":
		m.embeddings = v
	case "predictions":
		m.predictions = v
	case "code":
		m.code = v
	case "message":
		m.message = v
	case "details":
		m.details = v
	}
}

// shape finds which of the shapes the line has, and reads it.
func (m *members) shape(top lenientjson.Value) {
	body, published := m.answer(top)
	if m.hasAnswer && body == nil {
		m.line = invalid(CodeLineTooLong)
		return
	}
	failure, failed := readError(m.failure)
	if !failed {
		failure, failed = readStatus(m.status)
	}
	if body == nil {
		if failure, failed = m.alone(top, failure, failed); !failed {
			m.line = invalid(CodeUnknownShape)
			return
		}
	} else {
		m.line.Response = published
		reason, without := readResponse(&m.line, body, m.cuts)
		if without && !failed {
			failure, failed = reason, true
		}
	}
	m.line.Status = outcome.StatusSucceeded
	if failed {
		m.line.Status = outcome.StatusFailed
		if failure != (outcome.Error{}) {
			e := failure // only a failed line allocates
			m.line.Error = &e
		}
	}
}

// alone is why a line without a response failed, if it says that it did.
func (m *members) alone(top lenientjson.Value, failure outcome.Error, failed bool) (outcome.Error, bool) {
	switch {
	case !m.failure.Present() && m.code.IsNumber() && !m.code.IsZero() && m.message.IsString():
		m.isStatus = true
		return readErrorMembers(top), true
	case !failed && m.failure.IsObject():
		// Alone, an error object is a failure however little it says.
		return readErrorMembers(m.failure), true
	}
	return failure, failed
}

// answer is the response that the line has, and what is published of it: the same,
// but of one that is written as a text that text, and of Vertex AI's embeddings
// the predictions.
func (m *members) answer(top lenientjson.Value) (body, published lenientjson.Value) {
	switch {
	case m.response.IsObject():
		m.hasAnswer = true
		return m.response, m.response
	case m.response.IsString():
		body, m.hasAnswer = m.responseText()
		return body, m.response
	case m.response.Present(): // of another type: not a response
	case m.candidates.Present(), m.feedback.Present(), m.embedding.Present(), m.embeddings.Present():
		m.isResponse = true
		return top, top
	case m.predictions.IsArray():
		m.hasPredictions = true
		return top, m.predictions
	}
	return nil, nil
}

// responseText is the object in a response that is a text, if there is one; nil
// where it was too long to be kept.
func (m *members) responseText() (object lenientjson.Value, found bool) {
	var text []byte
	if m.condensed == nil || m.condensed.response == nil {
		text = []byte(m.response.Str())
	} else if kept := m.condensed.response; kept.tooLong {
		return nil, true
	} else {
		text = m.cuts.add(kept)
	}
	if object = lenientjson.Of(text); !object.IsObject() || !valid(text) {
		return nil, false
	}
	return object, true
}
