package outcome

// Completed makes the batch.completed that follows the last result. Its id
// follows from the event alone, so two workers that finish at once make one.
func (o *Event) Completed(sourceURI string, t Totals) Message {
	return o.single(TypeBatchCompleted, &report{uri: &sourceURI, more: t.append})
}

// Incomplete makes the batch.incomplete of a batch that may never be finished. Its
// id follows from the event alone, whichever of its ranges reports. rangesDone and
// rangesMissing count ranges of the plan.
func (o *Event) Incomplete(err Error, rangesDone, rangesMissing int) Message {
	return o.single(TypeBatchIncomplete, &report{err: &err, more: func(b []byte) []byte {
		return appendObject(b, "ranges", func(b []byte) []byte {
			b = appendInt(b, "done", int64(rangesDone))
			return appendInt(b, "missing", int64(rangesMissing))
		})
	}})
}

// Unreadable makes the batch.unreadable of results that this configuration can
// never read. err.Code is one of those in contract, "Outcomes". sourceURI is "" where
// the event has no pointer.
func (o *Event) Unreadable(sourceURI string, err Error) Message {
	return o.single(TypeBatchUnreadable, &report{uri: &sourceURI, err: &err})
}

// single makes an outcome other than batch.result.
func (o *Event) single(kind string, m body) Message {
	id := o.id(kind, Source{})
	return o.message(kind, id, o.attributes.of(kind, id, 0), MaxBytes, m)
}

// report is about an event as a whole.
type report struct {
	uri  *string             // of the results; nil: they are not spoken of
	err  *Error              // nil: nothing went wrong
	more func([]byte) []byte // appends what else there is; nil: nothing
}

func (r *report) append(b []byte) []byte {
	if r.uri != nil {
		b = appendObject(b, "source", func(b []byte) []byte { return appendMember(b, "uri", *r.uri) })
	}
	b = appendError(b, r.err)
	if r.more != nil {
		b = r.more(b)
	}
	return b
}

func (r *report) omitted() []string { return omittedDetails(r.err) }

func (r *report) fields() (first, last []field) {
	if r.err != nil {
		first, last = []field{stringField("error.message", &r.err.Message)}, errorFields(r.err)
	}
	if r.uri != nil {
		last = append(last, stringField("source.uri", r.uri))
	}
	return first, last
}
