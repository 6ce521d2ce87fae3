package outcome

import (
	"encoding/base64"

	"example.com/gemini-webhook/internal/event"
)

// Simple makes the one outcome of an event that needs no reading: of every type
// but batch.succeeded.
func (o *Event) Simple() Message {
	kind := o.event.Type
	switch kind {
	case "", TypeBatchResult, TypeBatchIncomplete, TypeBatchUnreadable: // one of ours is not for others to send
		kind = TypeUnrecognized
	}
	return o.single(kind, o.simpleBody())
}

func (o *Event) simpleBody() body {
	e := o.event
	switch {
	case !e.JSON:
		return &bytesBody{data: e.Body}
	case e.Type == event.TypeVideoGenerated:
		var v event.Video
		if e.Video != nil {
			v = *e.Video
		}
		return &report{video: &v}
	case e.Error != nil && event.Known(e.Type):
		err := *e.Error
		return &report{err: &err}
	default:
		return &report{}
	}
}

// bytesBody passes a body on that is not JSON.
type bytesBody struct{ data []byte }

func (y *bytesBody) append(b []byte) []byte {
	b = append(appendName(b, "body_base64"), '"')
	b = base64.StdEncoding.AppendEncode(b, y.data)
	return append(b, '"')
}

func (y *bytesBody) omitted() []string { return nil }

func (y *bytesBody) fields() (first, last []field) {
	return []field{{name: "body_base64", size: base64.StdEncoding.EncodedLen(len(y.data)), cut: func(limit int) {
		y.data = y.data[:limit/4*3] // whole groups, so what remains decodes
	}}}, nil
}
