// Package progress keeps what is done of a batch, so that every crash heals
// and finished work is not published again (SPEC.md "State").
//
// It owns the layout of the state bucket:
//
//	v1/<event key>/plan                    the plan: objects, generations, ranges
//	v1/<event key>/range/<object>/<a>-<b>  lines that begin in [a, b) are published; counts in the metadata
//	v1/<event key>/flag/<name>             a step that happens once: queued, completed, published, …
//	v1/<event key>/flag/completing         who is to publish batch.completed
//
// Nothing is ever overwritten: each object is created with a does-not-exist
// precondition, and who loses the race uses the winner's. Losing the bucket's
// content can cause repeats, never loss.
//
// The package decides nothing about Pub/Sub or results; it does not retry.
package progress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"example.com/gemini-webhook/internal/object"
)

// Errors of a Store, which adapters wrap.
var (
	// ErrExists: Create found an object of that name.
	ErrExists = errors.New("state object exists already")
	// ErrNotFound: there is no state object of that name.
	ErrNotFound = errors.New("state object not found")
)

// ErrUnknownFormat: an object in the state bucket was written by a version of
// this program that this one does not understand.
var ErrUnknownFormat = errors.New("state has an unknown format; deploy the version that wrote it, or a newer one")

// Store is the state bucket. All methods are strongly consistent, as Cloud
// Storage is.
type Store interface {
	// Create writes an object that must not exist yet, else ErrExists.
	Create(ctx context.Context, name string, data []byte, metadata map[string]string) error
	// Read returns an object's content, or ErrNotFound.
	Read(ctx context.Context, name string) ([]byte, error)
	// List returns the objects whose names begin with prefix, in name order;
	// of those, where from and to are not empty, the ones in [from, to).
	List(ctx context.Context, prefix, from, to string) ([]Entry, error)
}

// Entry is one listed object of a Store.
type Entry struct {
	Name     string
	Metadata map[string]string
}

// ToEnd is the end of a range whose object's length is not known before it is
// read (gzip, Files API).
const ToEnd = int64(math.MaxInt64)

// Modes of a plan: what becomes of its lines.
const (
	Lines   = "lines"   // a message per line
	Summary = "summary" // lines are counted only
)

const planFormat = 1

// Plan is what a batch's work is cut into. It is made once per event and
// stored before the first range is queued.
type Plan struct {
	Format  int      `json:"format"`
	URI     string   `json:"uri"`     // the event's pointer
	Mode    string   `json:"mode"`    // Lines or Summary, as configured when the plan was made
	Event   []byte   `json:"event"`   // the event in its queued form: every outcome carries its fields
	Objects []Object `json:"objects"` // in name order, pinned
}

// Object is one result object of a plan.
type Object struct {
	object.Object
	RangeSize int64 `json:"range_size"` // bytes; 0: one range to the end
}

// Cut is an object as a plan has it, in ranges of chunk bytes where its bytes
// can be read from any offset.
func Cut(o object.Object, chunk int64) Object {
	if !o.Seekable() {
		return Object{o, 0}
	}
	return Object{o, RangeSize(o.Size, chunk)}
}

// maxRanges bounds the ranges of one object, so that the listing of its
// markers stays one page (SPEC.md CHUNK_BYTES: at least size/1000).
const maxRanges = 1000

// RangeSize is the size of the ranges in which an object of size bytes is
// processed: chunk, but at least 1 and at least size/1000.
func RangeSize(size, chunk int64) int64 {
	return max(1, chunk, (size+maxRanges-1)/maxRanges)
}

// Ranges are the intervals that an object is processed in, in order. An
// object of unknown length is one range to the end; an empty one has none.
func (o Object) Ranges() []Interval {
	if o.RangeSize == 0 {
		return []Interval{{0, ToEnd}}
	}
	ranges := make([]Interval, 0, (o.Size+o.RangeSize-1)/o.RangeSize)
	for a := int64(0); a < o.Size; a += o.RangeSize {
		ranges = append(ranges, Interval{a, min(a+o.RangeSize, o.Size)})
	}
	return ranges
}

// AtMost reports whether the plan has no more than n ranges.
func (p *Plan) AtMost(n int64) bool {
	for _, o := range p.Objects {
		if o.RangeSize == 0 {
			n--
		} else {
			n -= (o.Size + o.RangeSize - 1) / o.RangeSize
		}
	}
	return n >= 0
}

// After gives the range that follows r's in the plan, and after the last one
// the first.
func (p *Plan) After(object int, r Interval) (nextObject int, next Interval) {
	o := p.Objects[object]
	if o.RangeSize > 0 {
		if start := (r.Start/o.RangeSize + 1) * o.RangeSize; start < o.Size {
			return object, Interval{start, min(start+o.RangeSize, o.Size)}
		}
	}
	for i := 1; i <= len(p.Objects); i++ {
		nextObject = (object + i) % len(p.Objects)
		if ranges := p.Objects[nextObject].Ranges(); len(ranges) > 0 {
			return nextObject, ranges[0]
		}
	}
	return object, r // a plan without ranges
}

// Task is a piece of a plan that is queued: lines of one object that begin in
// an interval.
type Task struct {
	Format int      `json:"format"`
	Key    string   `json:"key"`    // the event's
	Object int      `json:"object"` // index into Plan.Objects
	Range  Interval `json:"range"`
	// Event is the plan's, so that a plan that was lost can be made again. It is
	// left out where it is large: such a task then waits in the dead letters.
	Event []byte `json:"event,omitempty"`
}

// maxTaskEvent keeps a task small: 64 KiB; events are under 1 kB but for what
// user_metadata adds.
const maxTaskEvent = 64 << 10

// Encode gives a task's queued form.
func (t Task) Encode() []byte {
	t.Format = planFormat
	if len(t.Event) > maxTaskEvent {
		t.Event = nil
	}
	data, err := json.Marshal(t)
	if err != nil { // strings and numbers always encode
		panic(err)
	}
	return data
}

// DecodeTask reads a task's queued form.
func DecodeTask(data []byte) (Task, error) {
	var t Task
	if err := json.Unmarshal(data, &t); err != nil {
		return Task{}, fmt.Errorf("not a range task: %w", err)
	}
	if t.Format != planFormat {
		return Task{}, fmt.Errorf("range task of format %d: %w", t.Format, ErrUnknownFormat)
	}
	if t.Object < 0 || t.Range.Start < 0 || t.Range.Start >= t.Range.End || !validKey(t.Key) {
		return Task{}, errors.New("not a range task: a field is out of range")
	}
	return t, nil
}

// validKey keeps a task from naming objects outside its event's folder.
func validKey(key string) bool {
	if key == "" || len(key) > 64 {
		return false
	}
	for _, c := range []byte(key) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
