package outcome

import (
	"encoding/base64"

	"example.com/gemini-webhook/internal/event"
)

// Simple makes the one outcome of an event that needs no reading: of every type but
// batch.succeeded and video.generated.
func (o *Event) Simple() Message {
	kind := o.event.Type
	switch kind {
	case "", TypeBatchResult, TypeBatchIncomplete, TypeBatchUnreadable: // one of ours is not for others to send
		kind = TypeUnrecognized
	}
	return o.single(kind, o.simpleBody())
}

func (o *Event) simpleBody() body {
	if !o.event.JSON {
		return &bytesBody{data: o.event.Body}
	}
	r := o.simpleReport()
	return &r
}

// simpleReport has the error that an event of the catalogue tells of.
func (o *Event) simpleReport() (r report) {
	if e := o.event; e.Error != nil && event.Known(e.Type) {
		err := *e.Error
		r.err = &err
	}
	return r
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
