package outcome

import (
	"time"

	"example.com/gemini-webhook/internal/event"
)

// Video is a generated video: where Gemini has it, and our copy.
type Video struct {
	event.Video
	Archived  *Archived
	ExpiresAt time.Time // when Gemini deletes it
	Error     *Error    // why there is no copy
}

// Archived is a copy in the archive bucket.
type Archived struct {
	URI, Generation string
	Bytes           int64
	ContentType     string
}

func appendArchived(b []byte, a *Archived) []byte {
	if a == nil {
		return b
	}
	return appendObject(b, "archived", func(b []byte) []byte {
		b = appendMember(appendMember(b, "uri", a.URI), "generation", a.Generation)
		return appendOptional(appendInt(b, "bytes", a.Bytes), "content_type", a.ContentType)
	})
}

// Videos makes the outcome of a video.generated: the first of all is its `video`, and
// there is at least one. confirmed says that the Gemini API knows the operation.
func (o *Event) Videos(all []Video, confirmed bool) Message {
	return o.confirmable(confirmed, &videosBody{append([]Video(nil), all...)})
}

// confirmable makes the outcome of an event of which the Gemini API may know.
func (o *Event) confirmable(confirmed bool, m body) Message {
	kind := o.event.Type
	id := o.id(kind, Source{})
	attrs := o.attributes.of(kind, id, 1)
	if confirmed {
		attrs["confirmed"] = "true"
	}
	return o.message(kind, id, attrs, MaxBytes, m)
}

type videosBody struct{ all []Video }

func (v *videosBody) append(b []byte) []byte {
	b = appendObject(b, "video", v.all[0].append)
	if len(v.all) == 1 {
		return b
	}
	b = append(appendName(b, "videos"), '[')
	for i := range v.all {
		if i > 0 {
			b = append(b, ',')
		}
		start := len(b)
		b = v.all[i].append(append(b, '{'))
		b = append(append(b[:start+1], b[start+2:]...), '}') // without the first comma
	}
	return append(b, ']')
}

func (v *Video) append(b []byte) []byte {
	b = appendOptional(appendOptional(b, "uri", v.URI), "file", v.File)
	b = appendArchived(b, v.Archived)
	b = appendMember(b, "expires_at", v.ExpiresAt.UTC().Format(time.RFC3339Nano))
	return appendReason(b, "error", v.Error)
}

// appendReason appends why something was not read. Its texts are short; what the API
// says of a failed operation may not be.
func appendReason(b []byte, name string, e *Error) []byte {
	if e == nil {
		return b
	}
	return appendObject(b, name, func(b []byte) []byte {
		return appendOptional(appendOptional(b, "code", attributeValue(e.Code)), "message", attributeValue(e.Message))
	})
}

func (v *videosBody) omitted() []string { return nil }

// fields names the first video's twice: it is there twice.
func (v *videosBody) fields() (first, last []field) {
	last = append(last, stringField("video.uri", &v.all[0].URI), stringField("video.file", &v.all[0].File))
	if len(v.all) > 1 {
		for i := range v.all {
			last = append(last, stringField("videos.uri", &v.all[i].URI), stringField("videos.file", &v.all[i].File))
		}
	}
	return nil, last
}
