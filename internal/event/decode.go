package event

import (
	"bytes"
	"encoding/json"
	"slices"
)

// maxDepth is how deeply encoding/json follows nested values.
const maxDepth = 10000

// New makes the event of a delivery and its body. It never fails and never
// panics: whatever is absent or of a wrong type is left empty. Of a member that
// occurs twice the last one counts; names are compared exactly. The event keeps
// body, which must not change afterwards.
func New(d Delivery, body []byte) *Event {
	e := &Event{Delivery: d, Body: body, JSON: isJSON(body)}
	if e.JSON {
		e.read(object(body))
	}
	e.Key = e.key()
	return e
}

// read takes what the members of the body say.
func (e *Event) read(top map[string]json.RawMessage) {
	data := object(top["data"])

	if t := str(top["type"]); len(t) <= maxTypeBytes {
		e.Type = t
	}
	e.Time = text(top["timestamp"])
	e.ResourceID = text(data["id"])
	e.Pointer = str(data["output_file_uri"])
	e.UserMetadata = object(top["user_metadata"])
	if e.UserMetadata == nil {
		e.UserMetadata = object(data["user_metadata"])
	}
	e.Error = decodeError(data)
	if e.Type == TypeVideoGenerated {
		e.Video = decodeVideo(data)
	}
}

// decodeError reads error_code and error_message, and what they leave open from
// an error object (or an error text) beside them.
func decodeError(data map[string]json.RawMessage) *Error {
	nested := object(data["error"])
	e := Error{
		Code:    first(text(data["error_code"]), text(nested["code"])),
		Message: first(str(data["error_message"]), str(nested["message"]), str(data["error"])),
		Status:  text(nested["status"]),
	}
	if e == (Error{}) {
		return nil
	}
	return &e
}

func decodeVideo(data map[string]json.RawMessage) *Video {
	v := Video{
		URI:  first(str(data["output_file_uri"]), str(data["video_uri"])),
		File: first(text(data["file_name"]), text(data["file_id"])),
	}
	if v == (Video{}) {
		return nil
	}
	return &v
}

// isJSON reports whether body is one JSON value that is still readable one
// level deeper, which is where an outcome puts it.
func isJSON(body []byte) bool {
	if !json.Valid(body) {
		return false
	}
	if len(body) < maxDepth {
		return true // too short to be that deep
	}
	return json.Valid(slices.Concat([]byte{'['}, body, []byte{']'}))
}

// object returns the members of a JSON object, or nil if raw is none.
func object(raw []byte) map[string]json.RawMessage {
	if trimmed := bytes.TrimLeft(raw, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil
	}
	// A map and not a struct: encoding/json matches struct fields in any case.
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

// str returns a JSON string's value, or "" if raw is none.
func str(raw json.RawMessage) string {
	if len(raw) == 0 || raw[0] != '"' {
		return ""
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// text is str that also takes a number, as its JSON text.
func text(raw json.RawMessage) string {
	if len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') {
		return string(raw)
	}
	return str(raw)
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
