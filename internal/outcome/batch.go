package outcome

// Completed makes the batch.completed that follows the last result. Its id
// follows from the event alone, so two workers that finish at once make one.
func (o *Event) Completed(sourceURI string, t Totals) Message {
	return o.single(TypeBatchCompleted, &completedBody{uri: sourceURI, Totals: t})
}

// Incomplete makes the batch.incomplete of a batch that may never be finished. Its
// id follows from the event alone, whichever of its ranges reports. rangesDone and
// rangesMissing count ranges of the plan.
func (o *Event) Incomplete(err Error, rangesDone, rangesMissing int) Message {
	return o.single(TypeBatchIncomplete, &incompleteBody{err: err, done: rangesDone, missing: rangesMissing})
}

// Unreadable makes the batch.unreadable of results that this configuration can
// never read. err.Code is one of those in contract, "Outcomes". sourceURI is "" where
// the event has no pointer.
func (o *Event) Unreadable(sourceURI string, err Error) Message {
	return o.single(TypeBatchUnreadable, &unreadableBody{uri: sourceURI, err: err})
}

// single makes an outcome other than batch.result.
func (o *Event) single(kind string, m body) Message {
	id := o.id(kind, Source{})
	return o.message(kind, id, o.attributes.of(kind, id, 0), MaxBytes, m)
}

type completedBody struct {
	uri string
	Totals
}

func (c *completedBody) append(b []byte) []byte {
	b = appendURI(b, c.uri)
	b = appendObject(b, "results", func(b []byte) []byte {
		b = appendInt(b, "total", c.Total)
		b = appendInt(b, "succeeded", c.Succeeded)
		b = appendInt(b, "failed", c.Failed)
		return appendInt(b, "invalid", c.Invalid)
	})
	b = appendObject(b, "usage", c.Tokens.append)
	return appendInt(b, "bytes", c.Bytes)
}

func (c *completedBody) sizeHint() int { return 512 + len(c.uri) }

func (c *completedBody) fields() (first, last []field) {
	return nil, []field{stringField("source.uri", &c.uri)}
}

type incompleteBody struct {
	err           Error
	done, missing int
}

func (i *incompleteBody) append(b []byte) []byte {
	b = appendError(b, &i.err)
	return appendObject(b, "ranges", func(b []byte) []byte {
		b = appendInt(b, "done", int64(i.done))
		return appendInt(b, "missing", int64(i.missing))
	})
}

func (i *incompleteBody) sizeHint() int { return 256 + len(i.err.Message) }

func (i *incompleteBody) fields() (first, last []field) {
	return []field{stringField("error.message", &i.err.Message)}, errorFields(&i.err)
}

type unreadableBody struct {
	uri string
	err Error
}

func (u *unreadableBody) append(b []byte) []byte {
	return appendError(appendURI(b, u.uri), &u.err)
}

func (u *unreadableBody) sizeHint() int { return 256 + len(u.uri) + len(u.err.Message) }

func (u *unreadableBody) fields() (first, last []field) {
	return []field{stringField("error.message", &u.err.Message)},
		append(errorFields(&u.err), stringField("source.uri", &u.uri))
}

// appendURI appends the `,"source":{"uri":…}` of outcomes about a whole batch.
func appendURI(b []byte, uri string) []byte {
	return appendObject(b, "source", func(b []byte) []byte { return appendMember(b, "uri", uri) })
}
