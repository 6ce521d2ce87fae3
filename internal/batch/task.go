package batch

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"example.com/gemini-webhook/internal/event"
)

// Task is one message about a batch: its event, or a range of its plan.
type Task struct {
	Key   string       // the event's
	Event *event.Event // nil for a range
	Range *Range       // nil for an event

	MessageID string
	Attempt   int       // of the message, counts from 1; 0 where it is not known
	Cutoff    time.Time // from here on, what is left is handed on
}

// KindRange is the attribute kind of a queued Range.
const KindRange = "range"

// Range is a piece of a plan as it is queued: lines of one object that begin in
// an interval.
type Range struct {
	Format   int    `json:"format"`
	Key      string `json:"key"`    // the event's
	Object   int    `json:"object"` // index into Plan.Objects
	Interval `json:"range"`
	// Event is the plan's, so that a plan that was lost can be made again. It is
	// left out where it is large: such a task then waits in the dead letters.
	Event []byte `json:"event,omitempty"`
}

// maxRangeEvent keeps a queued range small: 64 KiB; events are under 1 kB but for
// what user_metadata adds.
const maxRangeEvent = 64 << 10

// Encode gives a range's queued form.
func (r Range) Encode() []byte {
	r.Format = format
	if len(r.Event) > maxRangeEvent {
		r.Event = nil
	}
	data, err := json.Marshal(r)
	if err != nil { // strings and numbers always encode
		panic(err)
	}
	return data
}

// DecodeRange reads a range's queued form.
func DecodeRange(data []byte) (*Range, error) {
	var r Range
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("not a range task: %w", err)
	}
	if r.Format != format {
		return nil, fmt.Errorf("range task of format %d: %w", r.Format, errUnknownFormat)
	}
	if r.Object < 0 || r.Start < 0 || r.Start >= r.End || !validKey(r.Key) {
		return nil, errors.New("not a range task: a field is out of range")
	}
	return &r, nil
}

// validKey keeps a range from naming objects outside its event's folder.
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
