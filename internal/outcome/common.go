package outcome

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/lenientjson"
)

// common are the members of every outcome's data that its event determines.
type common struct {
	texts       []text
	metadata    [][]byte // members `"key":value` of user_metadata, by key
	publishedBy string
}

// text is a member that is a string.
type text struct {
	name, value string
	long        bool // a sender can make it long
}

func newCommon(e *event.Event, version string) common {
	c := common{
		texts: []text{
			{"event_id", e.ID, true},
			{"event_type", e.SentType, false},
			{"event_time", e.Time, true},
			{"received_at", e.ReceivedAt.UTC().Format(time.RFC3339Nano), false},
			{"resource_id", e.ResourceID, true},
			{"mode", e.Mode, false},
			{"scheme", e.Scheme, false},
			{"origin", e.Origin, false},
			{"path", e.Path, true},
		},
		metadata:    encodeMetadata(e.UserMetadata),
		publishedBy: version,
	}
	if e.Scheme == "" { // nobody signed
		c.texts = slices.DeleteFunc(c.texts, func(t text) bool { return t.name == "scheme" })
	}
	return c
}

// members are what outcomes have in common, ready to be encoded.
type members struct {
	common    common
	encoded   []byte   // common
	event     []byte   // what Gemini sent; nil where that is no JSON, and in lines
	truncated []string // what is left out already
}

// forLines leaves out what is too much for each line: the event and the largest
// members of user_metadata.
func (m members) forLines() members {
	m.event = nil
	if metadataSize(m.common.metadata) <= maxLineMetadata {
		return m
	}
	m.common.metadata = dropLargest(m.common.metadata, maxLineMetadata)
	m.encoded = m.common.append(nil)
	m.truncated = []string{userMetadata}
	return m
}

const userMetadata = "user_metadata"

func encodeMetadata(m map[string]lenientjson.Value) [][]byte {
	members := make([][]byte, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b := append(appendString(nil, k), ':')
		members = append(members, appendRaw(b, m[k]))
	}
	return members
}

// append appends the members, a comma before each.
func (c *common) append(b []byte) []byte {
	for _, t := range c.texts {
		b = appendMember(b, t.name, t.value)
	}
	b = append(appendName(b, userMetadata), '{')
	for i, m := range c.metadata {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, m...)
	}
	b = append(b, '}')
	return appendMember(b, "published_by", c.publishedBy)
}

// fields are the members that a sender can make long. Cutting one changes c, and
// what c shared is left alone.
func (c *common) fields() []field {
	c.texts = slices.Clone(c.texts)
	var fields []field
	for i := range c.texts {
		if t := &c.texts[i]; t.long {
			fields = append(fields, stringField(t.name, &t.value))
		}
	}
	return append(fields, field{name: userMetadata, size: metadataSize(c.metadata), cut: func(limit int) {
		c.metadata = dropLargest(c.metadata, limit)
	}})
}

func metadataSize(members [][]byte) int {
	size := 0
	for _, m := range members {
		size += len(m) + 1 // and a comma
	}
	return size
}

// dropLargest returns the members without the largest ones, so that they take at
// most limit bytes: many short values are worth more than one long one.
func dropLargest(members [][]byte, limit int) [][]byte {
	bySize := make([]int, len(members))
	for i := range bySize {
		bySize[i] = i
	}
	slices.SortStableFunc(bySize, func(i, j int) int { return cmp.Compare(len(members[j]), len(members[i])) })
	dropped := make([]bool, len(members))
	for size, n := metadataSize(members), 0; size > limit; n++ {
		i := bySize[n]
		dropped[i] = true
		size -= len(members[i]) + 1
	}
	var kept [][]byte
	for i, m := range members {
		if !dropped[i] {
			kept = append(kept, m)
		}
	}
	return kept
}
