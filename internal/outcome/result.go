package outcome

import "maps"

// Result makes the batch.result of one line. Response and Request are left out
// together, and response_omitted says so, where the message would take more than
// MaxResultBytes. That they are JSON is the caller's promise: they are not parsed.
func (o *Event) Result(r Result) Message {
	id := o.id(TypeBatchResult, r.Source)
	attrs := maps.Clone(o.resultAttrs)
	attrs["outcome_id"] = id
	attrs["status"] = attributeValue(r.Status)
	if r.Key != nil {
		attrs["key"] = attributeValue(*r.Key)
	}
	b := &resultBody{Result: r}
	b.clip()
	return o.message(TypeBatchResult, id, attrs, MaxResultBytes, b)
}

type resultBody struct {
	Result
	omitted bool // response and request, for their size
}

// clip takes away what cannot be in the message whatever else it holds, so that
// it is not copied: a line may have hundreds of megabytes. Nothing is encoded in
// fewer bytes than it has, so the message is the same as without.
func (r *resultBody) clip() {
	size := len(r.Response) + len(r.Request)
	if r.Text != nil {
		size += len(*r.Text)
	}
	if size > MaxResultBytes {
		r.omit()
	}
	for _, s := range []**string{&r.Text, &r.Key} {
		if *s != nil && len(**s) > MaxResultBytes {
			start := (**s)[:MaxResultBytes]
			*s = &start
		}
	}
}

func (r *resultBody) omit() {
	r.omitted = len(r.Response)+len(r.Request) > 0
	r.Response, r.Request = nil, nil
}

func (r *resultBody) append(b []byte) []byte {
	b = r.Source.append(b)
	if r.Key != nil {
		b = appendMember(b, "key", *r.Key)
	}
	b = appendMember(b, "status", r.Status)
	if r.Text != nil {
		b = appendMember(b, "text", *r.Text)
	}
	b = appendOptional(b, "finish_reason", r.FinishReason)
	b = appendOptional(b, "model_version", r.ModelVersion)
	if r.Usage != nil && *r.Usage != (Usage{}) {
		b = appendObject(b, "usage", r.Usage.append)
	}
	b = appendError(b, r.Error)
	if len(r.Response) > 0 {
		b = appendRaw(appendName(b, "response"), r.Response)
	}
	if len(r.Request) > 0 {
		b = appendRaw(appendName(b, "request"), r.Request)
	}
	if r.omitted {
		b = append(b, `,"response_omitted":true`...)
	}
	return b
}

func (r *resultBody) sizeHint() int {
	n := 512 + len(r.Source.URI) + len(r.Response) + len(r.Request)
	if r.Key != nil {
		n += len(*r.Key)
	}
	if r.Text != nil {
		n += len(*r.Text) + len(*r.Text)/16 // escapes
	}
	if r.Error != nil {
		n += len(r.Error.Message)
	}
	return n
}

func (r *resultBody) fields() (first, last []field) {
	if r.Text != nil {
		text := *r.Text
		r.Text = &text
		first = append(first, stringField("text", r.Text))
	}
	if r.Key != nil {
		key := *r.Key
		r.Key = &key
		first = append(first, stringField("key", r.Key))
	}
	if r.Error != nil {
		err := *r.Error
		r.Error = &err
		first = append(first, stringField("error.message", &r.Error.Message))
		last = errorFields(r.Error)
	}
	return first, append(last,
		stringField("source.uri", &r.Source.URI),
		stringField("source.generation", &r.Source.Generation),
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
	return append(b, '}')
}

func (u *Usage) append(b []byte) []byte {
	for _, m := range [...]struct {
		name string
		n    *int64
	}{
		{"prompt_tokens", u.Prompt},
		{"candidates_tokens", u.Candidates},
		{"thoughts_tokens", u.Thoughts},
		{"total_tokens", u.Total},
	} {
		if m.n != nil {
			b = appendInt(b, m.name, *m.n)
		}
	}
	return b
}

// appendError appends `,"error":{…}`, or nothing where there is none.
func appendError(b []byte, e *Error) []byte {
	if e == nil || *e == (Error{}) {
		return b
	}
	return appendObject(b, "error", func(b []byte) []byte {
		b = appendOptional(b, "code", e.Code)
		b = appendOptional(b, "message", e.Message)
		return appendOptional(b, "status", e.Status)
	})
}

// errorFields are the members of an error but its message.
func errorFields(e *Error) []field {
	return []field{stringField("error.code", &e.Code), stringField("error.status", &e.Status)}
}
