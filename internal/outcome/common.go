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
	eventID, eventType, eventTime, receivedAt string
	resourceID, mode, scheme, origin, path    string
	metadata                                  [][]byte // members `"key":value` of user_metadata, by key
	publishedBy                               string
}

func newCommon(e *event.Event, version string) common {
	return common{
		eventID:     e.ID,
		eventType:   e.Type,
		eventTime:   e.Time,
		receivedAt:  e.ReceivedAt.UTC().Format(time.RFC3339Nano),
		resourceID:  e.ResourceID,
		mode:        e.Mode,
		scheme:      e.Scheme,
		origin:      e.Origin,
		path:        e.Path,
		metadata:    encodeMetadata(e.UserMetadata),
		publishedBy: version,
	}
}

// members are what outcomes have in common, ready to be encoded.
type members struct {
	common    common
	encoded   []byte   // common
	truncated []string // what is left out of it already
}

// forLines leaves out what is too much for each line: the largest members of
// user_metadata.
func (m members) forLines() members {
	if metadataSize(m.common.metadata) <= maxLineMetadata {
		return m
	}
	m.common.metadata = dropLargest(m.common.metadata, maxLineMetadata)
	return members{m.common, m.common.append(nil), []string{userMetadata}}
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
	b = appendMember(b, "event_id", c.eventID)
	b = appendMember(b, "event_type", c.eventType)
	b = appendMember(b, "event_time", c.eventTime)
	b = appendMember(b, "received_at", c.receivedAt)
	b = appendMember(b, "resource_id", c.resourceID)
	b = appendMember(b, "mode", c.mode)
	b = appendMember(b, "scheme", c.scheme)
	b = appendMember(b, "origin", c.origin)
	b = appendMember(b, "path", c.path)
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
// the slice of metadata that c shared is left alone.
func (c *common) fields() []field {
	return []field{
		stringField("event_id", &c.eventID),
		stringField("event_time", &c.eventTime),
		stringField("resource_id", &c.resourceID),
		stringField("path", &c.path),
		{name: userMetadata, size: metadataSize(c.metadata), cut: func(limit int) {
			c.metadata = dropLargest(c.metadata, limit)
		}},
	}
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
