package batch

import (
	"bytes"
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
	Published time.Time // when the message was queued; zero where that is not known
	Attempt   int       // of the message, counts from 1; 0 where it is not known
	Cutoff    time.Time // from here on, what is left is handed on
}

// KindRange is the attribute kind of a queued Range.
const KindRange = "range"

// Formats of queued ranges. An older worker refuses a newer one, and the message
// waits for the new worker.
const (
	retryFormat  = 3 // with Retry
	rangeFormat  = 2
	formerFormat = 1 // of any plan of its event, without a keeper
)

// Range is a piece of a plan as it is queued: lines of one object that begin in
// an interval. With Retry it is none: the subscriptions know two kinds, and their
// filters cannot be changed.
type Range struct {
	Format   int    `json:"format"`
	Key      string `json:"key"`            // the event's
	Plan     string `json:"plan,omitempty"` // the plan's identity; of the former format ""
	Object   int    `json:"object"`         // index into Plan.Objects
	Interval `json:"range"`
	Keeper   *Keeper `json:"keeper,omitempty"` // nil but for the last range of a plan
	// Traceparent is the event's: what is done for the range belongs to its trace.
	Traceparent string `json:"traceparent,omitempty"`
	// Event is the plan's, so that a plan that was lost can be made again. The
	// keeper alone carries it, behind the JSON; in the former format every range
	// does, up to 64 KiB.
	Event []byte `json:"event,omitempty"`
	// Retry: the lines of the event's batch are published, and those that failed are to
	// be retried. Nothing else counts but Key.
	Retry bool `json:"retry,omitempty"`
}

// Keeper makes a range's task the one that is not acknowledged before
// batch.completed is published: the state says what is done, but it may be
// deleted, and then it cannot say what is still in the queue.
type Keeper struct {
	Missing  int       `json:"missing"`           // ranges not done when this was queued
	Waiting  bool      `json:"waiting,omitempty"` // its own range was done then
	Requeued time.Time `json:"requeued,omitzero"` // when it queued lost ranges again
}

// Encode gives a range's queued form: JSON and, of a keeper, '\n' and the event
// as it is, for base64 of the largest would not fit a message.
func (r Range) Encode() []byte {
	r.Format = rangeFormat
	if r.Retry {
		r.Format = retryFormat
	}
	event := r.Event
	r.Event = nil
	data, err := json.Marshal(r)
	if err != nil { // strings, numbers and a time always encode
		panic(err)
	}
	if r.Keeper == nil {
		return data
	}
	data = append(data, '\n')
	return append(data, event...)
}

// DecodeRange reads a range's queued form.
func DecodeRange(data []byte) (*Range, error) {
	data, event, _ := bytes.Cut(data, []byte{'\n'})
	var r Range
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("not a range task: %w", err)
	}
	if err := r.check(event); err != nil {
		return nil, err
	}
	switch {
	case r.Format == retryFormat:
		return &Range{Format: r.Format, Key: r.Key, Traceparent: r.Traceparent, Retry: true}, nil
	case r.Format == formerFormat:
		r.Plan, r.Keeper = "", nil
	case r.Keeper == nil:
		r.Event = nil
	default:
		r.Event = event
	}
	r.Retry = false
	return &r, nil
}

// check refuses what no version of this program queues.
func (r *Range) check(event []byte) error {
	switch {
	case r.Format < 1:
		return errors.New("not a range task: no format")
	case r.Format > retryFormat:
		return fmt.Errorf("range task of format %d: %w", r.Format, ErrUnknownFormat)
	case !validKey(r.Key):
		return errors.New("not a range task: its key is none")
	case r.Format == retryFormat && !r.Retry:
		return errors.New("not a range task: a retry of nothing")
	case r.Format == retryFormat:
		return nil
	}
	return r.checkPlace(event)
}

// checkPlace is check of a task with lines.
func (r *Range) checkPlace(event []byte) error {
	if r.Object < 0 || r.Start < 0 || r.Start >= r.End {
		return errors.New("not a range task: a field is out of range")
	}
	if r.Format == rangeFormat && (!validKey(r.Plan) || r.Keeper != nil && len(event) == 0) {
		return errors.New("not a range task: no plan, or a keeper without its event")
	}
	return nil
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
