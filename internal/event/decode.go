package event

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

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
	var kind, timestamp, data lenientjson.Value
	body.Pick(lenientjson.To("type", &kind), lenientjson.To("timestamp", &timestamp), lenientjson.To("data", &data))

	if t := kind.Str(); len(t) <= maxTypeBytes {
		e.Type, e.SentType = t, t
	}
	if e.Type == formerBatchSucceeded {
		e.Type = TypeBatchSucceeded
	}
	e.Time = timestamp.StrOrNumber()
	e.ResourceID = data.Get("id").StrOrNumber()
	e.Pointer = first(data, lenientjson.Value.Str, "output_file_uri")
	e.UserMetadata = readMetadata(body, data)
	e.Error = readError(data)
	if e.Type == TypeVideoGenerated {
		e.Video = readVideo(data)
	}
	if e.Mode == ModeReconciled {
		e.Batch = readBatch(body)
	}
}

// first is what read gives of the first member with these names that it gives
// anything of. Names are in snake_case; behind each is looked for it in camelCase.
func first(object lenientjson.Value, read func(lenientjson.Value) string, names ...string) string {
	for _, name := range names {
		for _, spelling := range []string{name, camelCase(name)} {
			if text := read(object.Get(spelling)); text != "" {
				return text
			}
		}
	}
	return ""
}

func camelCase(name string) string {
	words := strings.Split(name, "_")
	for i := 1; i < len(words); i++ {
		words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
	}
	return strings.Join(words, "")
}

// readMetadata takes the user_metadata of the first place that has an object under
// that name, or a text that is the JSON of one: its members by name, nil where no
// place has any.
func readMetadata(places ...lenientjson.Value) map[string]lenientjson.Value {
	for _, place := range places {
		for _, name := range []string{"user_metadata", "userMetadata"} {
			v := place.Get(name)
			if text := []byte(v.Str()); isJSON(text) {
				v = lenientjson.Of(text)
			}
			if v.IsObject() {
				members := make(map[string]lenientjson.Value)
				for name, member := range v.Members {
					members[name.Str()] = member
				}
				return members
			}
		}
	}
	return nil
}

// readError reads error_code and error_message, and what they leave open from
// an error object beside them, or an error that is a text or a number.
func readError(data lenientjson.Value) *Error {
	nested := data.Get("error")
	e := Error{
		Code:    cmp.Or(first(data, lenientjson.Value.StrOrNumber, "error_code"), nested.Get("code").StrOrNumber()),
		Message: cmp.Or(first(data, lenientjson.Value.StrOrNumber, "error_message"), nested.Get("message").StrOrNumber(), nested.Str()),
		Status:  nested.Get("status").StrOrNumber(),
		Details: string(nested.Get("details").Raw()),
	}
	if nested.IsNumber() {
		e.Code = cmp.Or(e.Code, nested.StrOrNumber())
	}
	if e == (Error{}) {
		return nil
	}
	return &e
}

func readVideo(data lenientjson.Value) *Video {
	v := Video{
		URI:  first(data, lenientjson.Value.Str, "output_file_uri", "video_uri"),
		File: first(data, lenientjson.Value.StrOrNumber, "file_name", "file_id"),
	}
	if v == (Video{}) {
		return nil
	}
	return &v
}

// isJSON reports whether text is one JSON value that is still readable one
// level deeper, which is where an outcome puts it.
func isJSON(text []byte) bool {
	if !json.Valid(text) {
		return false
	}
	if len(text) < maxDepth {
		return true // too short to be that deep
	}
	return json.Valid(slices.Concat([]byte{'['}, text, []byte{']'}))
}
