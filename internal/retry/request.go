package retry

import (
	"bytes"
	"encoding/json"

	"example.com/gemini-webhook/internal/lenientjson"
	"example.com/gemini-webhook/internal/results"
)

// answers are the members of a line of Vertex AI's that are not its request's: what it
// was asked for stands beside them, and what whoever asked had put there.
var answers = map[string]bool{
	"response": true, "error": true, "status": true, "predictions": true, "processed_time": true, "processedTime": true,
}

// ownRequest is a line of results as a line of input, where it has its request; else nil.
func ownRequest(raw results.RawLine, line *results.Line) []byte {
	if line.Request == nil {
		return nil
	}
	top := lenientjson.Of(bytes.ToValidUTF8(raw.Data, []byte("\uFFFD")))
	if !top.Get("request").Present() {
		return line.Request // an instance: an input's line is that itself
	}
	request := []byte{'{'}
	for quoted, member := range top.Members {
		if answers[quoted.Str()] {
			continue
		}
		if len(request) > 1 {
			request = append(request, ',')
		}
		request = append(append(append(request, quoted...), ':'), member...)
	}
	return append(request, '}')
}

// keyed is a line of input with a key: that of an inline request has none of its own,
// by which its result would be known.
func keyed(line []byte, key string) []byte {
	line = bytes.TrimSpace(line)
	if !json.Valid(line) || line[0] != '{' {
		return line // as it was
	}
	top := lenientjson.Of(line)
	if top.Get("key").Present() || top.Get("custom_id").Present() || top.Get("customId").Present() {
		return line
	}
	quoted, _ := json.Marshal(key) // a string
	head := append([]byte(`{"key":`), quoted...)
	if !top.IsEmpty() {
		head = append(head, ',')
	}
	return append(head, line[1:]...)
}

// write writes a line of the new input.
func (s *Selection) write(line []byte) error {
	s.kind(line)
	s.report.Requests++
	if _, err := s.to.Write(line); err != nil {
		return err
	}
	return s.to.WriteByte('\n')
}

// kind tells from a batch's first request that can be read what it asks for.
func (s *Selection) kind(line []byte) {
	if s.known || !json.Valid(line) {
		return
	}
	s.known = true
	var request, customID, contents, content lenientjson.Value
	lenientjson.Of(line).Pick(lenientjson.To("request", &request), lenientjson.To("custom_id", &customID))
	request.Pick(lenientjson.To("contents", &contents), lenientjson.To("content", &content))
	s.openAI = customID.Present() && !request.Present()
	s.embeddings = content.Present() && !contents.Present()
}
