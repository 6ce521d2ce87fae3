package batch

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
)

// toEnd is the end of a range whose object's length is not known before it is
// read (gzip, Files API).
const toEnd = int64(math.MaxInt64)

// Modes of a plan: what becomes of its lines.
const (
	Lines   = "lines"   // a message per line
	Summary = "summary" // lines are counted only
)

// format is the version of stored plans.
const format = 1

// Plan is what a batch's work is cut into. It is made once per event and
// stored before the first range is queued.
type Plan struct {
	Format  int       `json:"format"`
	URI     string    `json:"uri"`              // the event's pointer, or a copy's own
	Mode    string    `json:"mode"`             // Lines or Summary, as configured when the plan was made
	Event   []byte    `json:"event"`            // the event in its queued form: every outcome carries its fields
	Objects []Planned `json:"objects"`          // in name order, pinned
	Origin  string    `json:"origin,omitempty"` // what the copy at URI was made of
	// Batch is what the Gemini API said of the job when the plan was made.
	Batch *outcome.Batch `json:"batch,omitempty"`
	// Made is when it was, in nanoseconds: it tells a plan from one of the same
	// work that was deleted. 0 of plans by former versions.
	Made int64 `json:"made,omitempty"`
	// Proven: the event is its job's, see State.Claim. Not set in plans by former versions.
	Proven bool `json:"proven,omitempty"`

	id      string       // see identity
	decoded *event.Event // Event
}

// decodePlan reads a stored plan.
func decodePlan(data []byte) (*Plan, error) {
	var p Plan
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("decode plan: %w", err)
	}
	if p.Format != format {
		return nil, fmt.Errorf("plan of format %d: %w", p.Format, ErrUnknownFormat)
	}
	p.id = p.identity()
	return &p, nil
}

// identity tells plans of different work apart: other objects or generations (of
// copies other content, for one that is made again is the same), other ranges,
// another mode. Plans of the same work have the same, so that what
// is marked stays true for a plan that was deleted and made again. It is 32
// hexadecimal digits and no part of any outcome's id.
func (p *Plan) identity() string {
	h := sha256.New()
	field := func(texts ...string) {
		for _, text := range texts { // with its length before it: "ab"+"c" is not "a"+"bc"
			_ = binary.Write(h, binary.BigEndian, int64(len(text))) // a hash takes everything
			_, _ = io.WriteString(h, text)
		}
	}
	field("plan/1", p.Mode)
	for _, o := range p.Objects {
		if o.Origin != "" {
			o.Bucket, o.Name, o.Generation = "", o.Origin, int64(o.CRC32C)
		}
		field(o.Bucket, o.Name, o.Encoding)
		_ = binary.Write(h, binary.BigEndian, []int64{o.Generation, o.Size, o.RangeSize})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Decoded is the event that the plan was made for.
func (p *Plan) Decoded() (e *event.Event, err error) {
	if p.decoded == nil {
		p.decoded, err = event.Decode(p.Event)
	}
	return p.decoded, err
}

// Listed reports whether the results are a copy of a job's list, in the order of its
// requests.
func (p *Plan) Listed() bool { return strings.HasPrefix(p.Origin, "batches/") }

// Planned is one object of a plan.
type Planned struct {
	object.Object
	RangeSize int64 `json:"range_size"` // bytes; 0: one range to the end
}

// cut is an object in ranges of chunk bytes, or in one where its bytes cannot be
// read from any offset.
func cut(o object.Object, chunk int64) Planned {
	if !o.Seekable() {
		return Planned{o, 0}
	}
	return Planned{o, rangeSize(o.Size, chunk)}
}

// maxRanges bounds the ranges of one object, so that the listing of its
// markers stays one page (contract, CHUNK_BYTES: at least size/1000).
const maxRanges = 1000

// rangeSize is the size of the ranges in which an object of size bytes is
// processed: chunk, but at least 1 and at least size/1000.
func rangeSize(size, chunk int64) int64 {
	return max(1, chunk, (size+maxRanges-1)/maxRanges)
}

// ranges are the intervals that an object is processed in, in order. An
// object of unknown length is one range to the end; an empty one has none.
func (o Planned) ranges() []Interval {
	if o.RangeSize == 0 {
		return []Interval{{0, toEnd}}
	}
	ranges := make([]Interval, 0, (o.Size+o.RangeSize-1)/o.RangeSize)
	for a := int64(0); a < o.Size; a += o.RangeSize {
		ranges = append(ranges, Interval{a, min(a+o.RangeSize, o.Size)})
	}
	return ranges
}

// atMost reports whether the plan has no more than n ranges.
func (p *Plan) atMost(n int64) bool {
	for _, o := range p.Objects {
		if o.RangeSize == 0 {
			n--
		} else {
			n -= (o.Size + o.RangeSize - 1) / o.RangeSize
		}
	}
	return n >= 0
}

// after gives the range that follows r's in the plan, and after the last one
// the first.
func (p *Plan) after(object int, r Interval) (nextObject int, next Interval) {
	o := p.Objects[object]
	if o.RangeSize > 0 {
		if start := (r.Start/o.RangeSize + 1) * o.RangeSize; start < o.Size {
			return object, Interval{start, min(start+o.RangeSize, o.Size)}
		}
	}
	for i := 1; i <= len(p.Objects); i++ {
		nextObject = (object + i) % len(p.Objects)
		if ranges := p.Objects[nextObject].ranges(); len(ranges) > 0 {
			return nextObject, ranges[0]
		}
	}
	return object, r // a plan without ranges
}

// last is the range that its plan ends with, the keeper's; none where there are
// no ranges.
func (p *Plan) last() (object int, r Interval, ok bool) {
	for i := len(p.Objects) - 1; i >= 0; i-- {
		if ranges := p.Objects[i].ranges(); len(ranges) > 0 {
			return i, ranges[len(ranges)-1], true
		}
	}
	return 0, Interval{}, false
}

// progress is how far a plan's markers cover it.
type progress struct {
	done, missing int            // ranges
	counts        outcome.Counts // of the ranges done
	bytes         int64          // stored size of all objects
}

// progress compares a plan with its markers by object.
func (p *Plan) progress(markers map[int][]Marker) progress {
	var sum progress
	for i, o := range p.Objects {
		sum.bytes += o.Size
		starts := byStart(markers[i], o)
		for k, r := range o.ranges() {
			pos, counts := reach(starts[k], r)
			if pos < r.End {
				sum.missing++
				continue
			}
			sum.done++
			sum.counts.Add(counts)
		}
	}
	return sum
}

// byStart groups an object's markers by the range that they lie in, so that a
// range goes through its own only.
func byStart(all []Marker, o Planned) map[int][]Marker {
	groups := make(map[int][]Marker)
	for _, m := range all {
		k := 0
		if o.RangeSize > 0 {
			k = int(m.Start / o.RangeSize)
		}
		groups[k] = append(groups[k], m)
	}
	return groups
}
