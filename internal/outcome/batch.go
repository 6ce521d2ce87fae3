package outcome

// Completed makes the batch.completed that follows the last result. Its id follows from
// the event and t.Again alone, so two workers that finish at once make one. Of source
// URI and Origin are published. Where it is known how many requests the batch had, so is
// how many of them have no line.
func (o *Event) Completed(source Source, t Totals) Message {
	missing := int64(-1)
	if o.batch != nil && o.batch.HasRequested {
		missing = max(0, o.batch.Requested-t.Total)
	}
	place := Source{}
	if t.Again {
		place.URI = "settled" // of no object
	}
	return o.placed(TypeBatchCompleted, place, &report{uri: &source.URI, origin: source.Origin, more: func(b []byte) []byte {
		return t.append(b, missing)
	}})
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
func (o *Event) single(kind string, m body) Message { return o.placed(kind, Source{}, m) }

// placed is single of several of one type and event, told apart by a place.
func (o *Event) placed(kind string, place Source, m body) Message {
	if r, ok := m.(*report); ok && o.batch != nil {
		batch := *o.batch
		r.batch = &batch
	}
	id := o.id(kind, place)
	return o.message(kind, id, o.attributes.of(kind, id, 0), MaxBytes, m)
}

// report is about an event as a whole.
type report struct {
	uri    *string             // of the results; nil: they are not spoken of
	origin string              // of what uri names
	err    *Error              // nil: nothing went wrong
	batch  *Batch              // nil: not known
	more   func([]byte) []byte // appends what else there is; nil: nothing
}

func (r *report) append(b []byte) []byte {
	if r.uri != nil {
		b = appendObject(b, "source", func(b []byte) []byte {
			return appendOptional(appendMember(b, "uri", *r.uri), "origin", r.origin)
		})
	}
	b = appendError(b, r.err)
	if r.more != nil {
		b = r.more(b)
	}
	if r.batch != nil {
		b = appendObject(b, "batch", r.batch.append)
	}
	return b
}

// texts are the members of a batch that are texts, in their order.
func (c *Batch) texts() []struct {
	name  string
	value *string
} {
	return []struct {
		name  string
		value *string
	}{
		{"name", &c.Name}, {"display_name", &c.DisplayName}, {"model", &c.Model},
		{"created", &c.Created}, {"ended", &c.Ended}, {"state", &c.State},
	}
}

func (c *Batch) append(b []byte) []byte {
	for _, text := range c.texts() {
		b = appendOptional(b, text.name, *text.value)
	}
	if c.HasRequested {
		b = appendInt(b, "requested", c.Requested)
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
	if r.batch != nil {
		for _, text := range r.batch.texts() {
			last = append(last, stringField("batch."+text.name, text.value))
		}
	}
	return first, last
}
