package outcome

import (
	"bytes"
	"encoding/base64"

	"example.com/gemini-webhook/internal/event"
)

// Simple makes the one outcome of an event that needs no reading: of every type
// but batch.succeeded. An event of a type that the catalogue does not know is
// passed on whole, and so is an unrecognized body.
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
	switch e.Type {
	case event.TypeVideoGenerated:
		v := &videoBody{}
		if e.Video != nil {
			v.Video = *e.Video
		}
		return v
	case event.TypeBatchFailed, event.TypeBatchExpired, event.TypeBatchCancelled,
		event.TypeInteractionCompleted, event.TypeInteractionRequiresAction,
		event.TypeInteractionFailed, event.TypeInteractionCancelled:
		b := &report{err: &Error{}}
		if e.Error != nil {
			*b.err = *e.Error
		}
		return b
	}
	if e.JSON {
		return &eventBody{raw: bytes.TrimSpace(e.Body)}
	}
	return &bytesBody{data: e.Body}
}

type videoBody struct{ event.Video }

func (v *videoBody) append(b []byte) []byte {
	return appendObject(b, "video", func(b []byte) []byte {
		return appendOptional(appendOptional(b, "uri", v.URI), "file", v.File)
	})
}

func (v *videoBody) fields() (first, last []field) {
	return nil, []field{stringField("video.uri", &v.URI), stringField("video.file", &v.File)}
}

// eventBody passes a JSON body on verbatim. What remains of one that is too long
// is no JSON any more, and becomes a string.
type eventBody struct {
	raw   []byte
	start string
	isCut bool
}

func (e *eventBody) append(b []byte) []byte {
	if e.isCut {
		return appendMember(b, "event", e.start)
	}
	return appendRaw(appendName(b, "event"), e.raw)
}

func (e *eventBody) fields() (first, last []field) {
	raw := appendRaw(nil, e.raw)
	return []field{{name: "event", size: len(raw), cut: func(limit int) {
		n, _ := fitting(string(raw), limit-len(`""`))
		e.start, e.isCut = string(raw[:n]), true
	}}}, nil
}

// bytesBody passes a body on that is not JSON.
type bytesBody struct{ data []byte }

func (y *bytesBody) append(b []byte) []byte {
	b = append(appendName(b, "body_base64"), '"')
	b = base64.StdEncoding.AppendEncode(b, y.data)
	return append(b, '"')
}

func (y *bytesBody) fields() (first, last []field) {
	return []field{{name: "body_base64", size: base64.StdEncoding.EncodedLen(len(y.data)), cut: func(limit int) {
		y.data = y.data[:limit/4*3] // whole groups, so what remains decodes
	}}}, nil
}
