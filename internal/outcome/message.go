package outcome

import (
	"slices"
	"time"
)

// body is what an outcome type adds to the common members.
type body interface {
	// append appends its members, a comma before each.
	append(b []byte) []byte
	// omitted names what is not in it, or not whole, whatever the size of the message.
	omitted() []string
	// fields returns what may be cut: first the members that the contract names, which
	// can lose their end without losing their meaning, then the others. Cutting
	// changes the body, never what its caller passed in.
	fields() (first, last []field)
}

// message assembles an outcome and cuts it to its limit.
func (o *Event) message(kind, id string, attrs map[string]string, limit int, m body) Message {
	d := draft{kind: kind, id: id, published: o.now(), body: m, members: o.whole}
	if _, isLine := m.(*resultBody); isLine {
		d.members = o.line
	}
	d.truncated = append(slices.Clip(d.truncated), m.omitted()...)
	limit -= attributesSize(attrs)
	if len(d.event) > limit {
		d.omit() // before it is copied
	}
	data := d.encode()
	for len(data) > limit && d.omit() {
		data = d.encode()
	}
	if len(data) > limit {
		data = d.shrink(len(data) - limit)
	}
	return Message{ID: id, Data: data, Attributes: attrs}
}

type draft struct {
	kind, id  string
	published time.Time
	body      body
	members
}

// omit leaves out what can be read elsewhere, or be done without: the event, which
// lines do not have, then of lines and interactions what they are made of. It reports
// whether there was any.
func (d *draft) omit() bool {
	if d.event != nil {
		d.event = nil
		d.truncated = append(d.truncated, "event")
		return true
	}
	b, can := d.body.(interface{ omit() bool })
	return can && b.omit()
}

// encode appends everything in one go.
func (d *draft) encode() []byte {
	size := 1024 + len(d.event) // about
	if r, ok := d.body.(*resultBody); ok {
		size = r.size()
	}
	b := make([]byte, 0, len(d.encoded)+size)
	b = append(b, `{"type":`...)
	b = appendString(b, d.kind)
	b = append(b, `,"outcome_id":"`...)
	b = append(b, d.id...)
	b = append(b, `","schema_version":`+schemaVersion+`,"published_at":"`...)
	b = d.published.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	b = append(b, d.encoded...)
	b = d.body.append(b)
	if d.event != nil {
		b = appendRaw(appendName(b, "event"), d.event)
	}
	for i, name := range d.truncated {
		if i == 0 {
			b = append(b, `,"truncated":[`...)
		} else {
			b = append(b, ',')
		}
		b = appendString(b, name)
	}
	if len(d.truncated) > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

// shrink encodes the message anew with members cut, so that it takes at least
// excess bytes less.
func (d draft) shrink(excess int) []byte {
	first, last := d.body.fields()
	last = append(last, d.common.fields()...)
	excess += len(`,"truncated":[]`)
	for _, f := range slices.Concat(first, last) {
		excess += len(f.name) + len(`"",`) // as if all were named
	}
	for _, fields := range [][]field{first, last} {
		if excess <= 0 {
			break
		}
		top := level(fields, excess)
		for _, f := range fields {
			if f.size > top {
				f.cut(top)
				excess -= f.size - top
				if !slices.Contains(d.truncated, f.name) {
					d.truncated = append(d.truncated, f.name)
				}
			}
		}
	}
	d.encoded = d.common.append(nil)
	return d.encode()
}

// field is a member that can be cut.
type field struct {
	name string          // as `truncated` names it
	size int             // encoded, in bytes, without quotes
	cut  func(limit int) // to at most limit bytes, encoded
}

// stringField is a field for a string, which is cut at a rune border.
func stringField(name string, s *string) field {
	_, size := fitting(*s, int(^uint(0)>>1))
	return field{name: name, size: size, cut: func(limit int) {
		n, _ := fitting(*s, limit)
		*s = (*s)[:n]
	}}
}

// minCut is what a cut leaves of a member at least. All members at that size and
// the attributes (100 of 1.3 kB) take less than MaxBytes, so any message fits.
const minCut = 1024

// level returns the size to which the fields above it are to be cut so that the
// excess is gone: the largest that does it, so short members stay whole. It is
// minCut where no level does.
func level(fields []field, excess int) int {
	saved := func(top int) int {
		n := 0
		for _, f := range fields {
			n += max(0, f.size-top)
		}
		return n
	}
	low, high := minCut, minCut
	for _, f := range fields {
		high = max(high, f.size)
	}
	for low < high { // saved falls as the level rises
		if mid := low + (high-low+1)/2; saved(mid) >= excess {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return low
}
