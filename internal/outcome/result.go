package outcome

import "maps"

// Result makes the batch.result of one line, which stands at source. Response and
// Request are left out together, and response_omitted says so, where the message
// would take more than MaxResultBytes. That they, Extra and an error's Details are
// JSON is the caller's promise: they are not parsed.
func (o *Event) Result(source Source, line Line) Message {
	id := o.id(TypeBatchResult, source)
	attrs := maps.Clone(o.resultAttrs)
	attrs["outcome_id"] = id
	attrs["status"] = attributeValue(line.Status)
	if line.HasKey {
		attrs["key"] = attributeValue(line.Key)
	}
	if line.FinishReason != "" {
		attrs["finish_reason"] = attributeValue(line.FinishReason)
	}
	if line.Error != nil && line.Error.Code != "" {
		attrs["error_code"] = attributeValue(line.Error.Code)
	}
	b := &resultBody{source: source, Line: line}
	b.clip()
	return o.message(TypeBatchResult, id, attrs, MaxResultBytes, b)
}

type resultBody struct {
	source Source
	Line
}

// clip takes away what cannot be in the message whatever else it holds, so that
// it is not copied: a line may have hundreds of megabytes. Nothing is encoded in
// fewer bytes than it has, so the message is the same as without.
func (r *resultBody) clip() {
	if len(r.Response)+len(r.Request)+len(r.Text) > MaxResultBytes {
		r.omit()
	}
	r.Text = r.Text[:min(len(r.Text), MaxResultBytes)]
	r.Key = r.Key[:min(len(r.Key), MaxResultBytes)]
	if len(r.Extra) > MaxExtra {
		r.Extra, r.ExtraOmitted = nil, true
	}
}

// omit leaves out the response and the request, and reports whether there were any.
func (r *resultBody) omit() bool {
	if len(r.Response)+len(r.Request) == 0 {
		return false
	}
	r.Response, r.Request, r.ResponseOmitted = nil, nil, true
	return true
}

func (r *resultBody) omitted() []string {
	names := omittedDetails(r.Error)
	if r.ExtraOmitted {
		names = append(names, "extra")
	}
	if r.TextCut {
		names = append(names, "text")
	}
	return names
}

func (r *resultBody) append(b []byte) []byte {
	b = r.source.append(b)
	if r.HasKey {
		b = appendMember(b, "key", r.Key)
	}
	if r.HasIndex {
		b = appendInt(b, "index", r.Index)
	}
	b = appendMember(b, "status", r.Status)
	if r.HasText {
		b = appendMember(b, "text", r.Text)
	}
	b = appendOptional(b, "finish_reason", r.FinishReason)
	b = appendOptional(b, "model_version", r.ModelVersion)
	if r.Usage != (Usage{}) {
		b = appendObject(b, "usage", r.Usage.append)
	}
	b = appendError(b, r.Error)
	if len(r.Extra) > 0 {
		b = appendRaw(appendName(b, "extra"), r.Extra)
	}
	if len(r.Response) > 0 {
		b = appendRaw(appendName(b, "response"), r.Response)
	}
	if len(r.Request) > 0 {
		b = appendRaw(appendName(b, "request"), r.Request)
	}
	if r.ResponseOmitted {
		b = append(b, `,"response_omitted":true`...)
	}
	return b
}

// size is about what append appends, in bytes.
func (r *resultBody) size() int {
	n := 768 + len(r.source.URI) + len(r.Response) + len(r.Request) + len(r.Extra) + len(r.Key) +
		len(r.Text) + len(r.Text)/16 // escapes
	if r.Error != nil {
		n += len(r.Error.Message) + len(r.Error.Details)
	}
	return n
}

func (r *resultBody) fields() (first, last []field) {
	if r.HasText {
		first = append(first, stringField("text", &r.Text))
	}
	if r.HasKey {
		first = append(first, stringField("key", &r.Key))
	}
	if r.Error != nil {
		err := *r.Error
		r.Error = &err
		first = append(first, stringField("error.message", &r.Error.Message))
		last = errorFields(r.Error)
	}
	return first, append(last,
		stringField("source.uri", &r.source.URI),
		stringField("source.generation", &r.source.Generation),
		stringField("finish_reason", &r.FinishReason),
		stringField("model_version", &r.ModelVersion),
	)
}

// append appends `,"source":{…}` with the place of a line.
func (s *Source) append(b []byte) []byte {
	b = append(b, `,"source":{"uri":`...)
	b = appendString(b, s.URI)
	b = appendMember(b, "generation", s.Generation)
	b = appendInt(b, "offset", s.Offset)
	b = appendInt(b, "length", s.Length)
	b = appendOptional(b, "encoding", s.Encoding)
	b = appendOptional(b, "origin", s.Origin)
	return append(b, '}')
}

// appendError appends `,"error":{…}`, or nothing where there is none.
func appendError(b []byte, e *Error) []byte {
	if e == nil {
		return b
	}
	published := *e
	if len(e.Details) > maxDetails {
		published.Details = ""
	}
	if published == (Error{}) {
		return b
	}
	return appendObject(b, "error", func(b []byte) []byte {
		b = appendOptional(b, "code", published.Code)
		b = appendOptional(b, "message", published.Message)
		b = appendOptional(b, "status", published.Status)
		if published.Details != "" {
			b = appendRaw(appendName(b, "details"), []byte(published.Details))
		}
		return b
	})
}

// omittedDetails names an error's details where they are too long.
func omittedDetails(e *Error) []string {
	if e == nil || len(e.Details) <= maxDetails {
		return nil
	}
	return []string{"error.details"}
}

// errorFields are the members of an error that can be cut, but its message.
func errorFields(e *Error) []field {
	return []field{stringField("error.code", &e.Code), stringField("error.status", &e.Status)}
}
