package outcome

import (
	"maps"
	"slices"
	"unicode/utf8"

	"example.com/gemini-webhook/internal/event"
)

// Pub/Sub's limits of attributes.
const (
	maxAttributes     = 100
	maxAttributeKey   = 256  // bytes
	maxAttributeValue = 1024 // bytes
)

// attributeOverhead is more than what Pub/Sub's wire format adds to each
// attribute: three tags and three lengths.
const attributeOverhead = 16

// lineAttributes is how many a batch.result has of its own: status, and where the
// line has them key, finish_reason and error_code.
const lineAttributes = 4

type attribute struct{ key, value string }

// attributes are what all outcomes of an event have in common, ready to publish.
type attributes struct {
	fixed   []attribute
	meta    []attribute // scalars of user_metadata by key, at most maxAttributes+1
	dropped bool        // a key was too long
}

func newAttributes(e *event.Event, batch *Batch) attributes {
	a := attributes{fixed: []attribute{
		{"event_id", attributeValue(e.ID)},
		{"event_type", attributeValue(e.SentType)},
		{"resource_id", attributeValue(e.ResourceID)},
		{"mode", attributeValue(e.Mode)},
		{"origin", attributeValue(e.Origin)},
		{"path", attributeValue(e.Path)},
	}}
	if e.Scheme != "" {
		a.fixed = append(a.fixed, attribute{"scheme", attributeValue(e.Scheme)})
	}
	if e.Signer != "" {
		a.fixed = append(a.fixed, attribute{"signer", attributeValue(e.Signer)})
	}
	if batch != nil {
		a.fixed = append(a.fixed, attribute{"confirmed", "true"})
		if batch.DisplayName != "" {
			a.fixed = append(a.fixed, attribute{"display_name", attributeValue(batch.DisplayName)})
		}
	}
	if e.Traceparent != "" {
		a.fixed = append(a.fixed, attribute{"traceparent", attributeValue(e.Traceparent)})
	}
	for _, k := range slices.Sorted(maps.Keys(e.UserMetadata)) {
		value, ok := e.UserMetadata[k].Scalar()
		switch {
		case !ok:
		case len("meta_"+k) > maxAttributeKey:
			a.dropped = true
		case len(a.meta) <= maxAttributes: // one more than can be needed shows that there are more
			a.meta = append(a.meta, attribute{"meta_" + k, attributeValue(value)})
		}
	}
	return a
}

// of returns the attributes of an outcome and leaves room for that many more.
// Beyond maxAttributes metadata is dropped, the last keys first; that it was takes
// an attribute itself.
func (a *attributes) of(kind, id string, room int) map[string]string {
	room = maxAttributes - room - len(a.fixed) - 2 // type, outcome_id
	truncated := a.dropped || len(a.meta) > room
	if truncated {
		room--
	}
	meta := a.meta[:min(len(a.meta), room)]

	m := make(map[string]string, len(a.fixed)+len(meta)+5) // most lines have no error_code
	m["type"] = attributeValue(kind)
	m["outcome_id"] = id
	for _, x := range a.fixed {
		m[x.key] = x.value
	}
	for _, x := range meta {
		m[x.key] = x.value
	}
	if truncated {
		m["metadata_truncated"] = "true"
	}
	return m
}

// attributeValue makes s valid UTF-8 of at most maxAttributeValue bytes, cut at a
// rune border.
func attributeValue(s string) string {
	if len(s) > maxAttributeValue+utf8.UTFMax {
		s = s[:maxAttributeValue+utf8.UTFMax] // what follows cannot matter, and may be megabytes
	}
	if !utf8.ValidString(s) {
		s = string([]rune(s)) // each invalid byte becomes U+FFFD, as in the data
	}
	if len(s) <= maxAttributeValue {
		return s
	}
	n := maxAttributeValue
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func attributesSize(m map[string]string) int {
	size := 0
	for k, v := range m {
		size += len(k) + len(v) + attributeOverhead
	}
	return size
}
