package event

import (
	"cmp"
	"encoding/json"
	"slices"

	"example.com/gemini-webhook/internal/lenientjson"
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
		e.read(lenientjson.Of(body))
	}
	e.Key = e.key()
	return e
}

// read takes what the members of the body say.
func (e *Event) read(body lenientjson.Value) {
	var kind, timestamp, data, metadata lenientjson.Value
	body.Pick(lenientjson.To("type", &kind), lenientjson.To("timestamp", &timestamp),
		lenientjson.To("data", &data), lenientjson.To("user_metadata", &metadata))
	var id, uri, inner lenientjson.Value
	data.Pick(lenientjson.To("id", &id), lenientjson.To("output_file_uri", &uri), lenientjson.To("user_metadata", &inner))

	if t := kind.Str(); len(t) <= maxTypeBytes {
		e.Type = t
	}
	e.Time = timestamp.StrOrNumber()
	e.ResourceID = id.StrOrNumber()
	e.Pointer = uri.Str()
	if !metadata.IsObject() {
		metadata = inner
	}
	e.UserMetadata = object(metadata)
	e.Error = readError(data)
	if e.Type == TypeVideoGenerated {
		e.Video = readVideo(data)
	}
}

// object gives an object's members by name, nil of anything else.
func object(v lenientjson.Value) map[string]lenientjson.Value {
	if !v.IsObject() {
		return nil
	}
	members := make(map[string]lenientjson.Value)
	for name, member := range v.Members {
		members[name.Str()] = member
	}
	return members
}

// readError reads error_code and error_message, and what they leave open from
// an error object (or an error text) beside them.
func readError(data lenientjson.Value) *Error {
	var code, message, nested, nestedCode, nestedMessage, status lenientjson.Value
	data.Pick(lenientjson.To("error_code", &code), lenientjson.To("error_message", &message), lenientjson.To("error", &nested))
	nested.Pick(lenientjson.To("code", &nestedCode), lenientjson.To("message", &nestedMessage), lenientjson.To("status", &status))
	e := Error{
		Code:    cmp.Or(code.StrOrNumber(), nestedCode.StrOrNumber()),
		Message: cmp.Or(message.Str(), nestedMessage.Str(), nested.Str()),
		Status:  status.StrOrNumber(),
	}
	if e == (Error{}) {
		return nil
	}
	return &e
}

func readVideo(data lenientjson.Value) *Video {
	v := Video{
		URI:  cmp.Or(data.Get("output_file_uri").Str(), data.Get("video_uri").Str()),
		File: cmp.Or(data.Get("file_name").StrOrNumber(), data.Get("file_id").StrOrNumber()),
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
