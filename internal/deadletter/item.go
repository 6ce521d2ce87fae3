package deadletter

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/event"
)

// maxText bounds what an Item has of a text that others wrote, in bytes.
const maxText = 256

// Item is a message of the dead letters as it is listed. Its texts can be printed.
type Item struct {
	ID         string    `json:"id"`
	Kind       string    `json:"kind"` // "event", "range", or what it is instead
	EventType  string    `json:"event_type,omitempty"`
	ResourceID string    `json:"resource_id,omitempty"`
	EventID    string    `json:"event_id,omitempty"`  // the webhook-id
	EventKey   string    `json:"event_key,omitempty"` // names the folder in the state bucket; "" of a foreign message
	Class      Class     `json:"class"`
	Attempts   int       `json:"attempts,omitempty"` // 0 where Pub/Sub does not say
	Queued     time.Time `json:"queued,omitzero"`
	Dead       time.Time `json:"dead"` // since when
	Bytes      int       `json:"bytes"`
	Keeper     bool      `json:"keeper,omitempty"` // the message of its batch that is redriven last
	Range      *Range    `json:"range,omitempty"`

	Progress *Progress `json:"progress,omitempty"` // nil where there is no plan
	Error    *Failure  `json:"error,omitempty"`    // nil where none was reported since it was queued

	mode, jobKey string // of the event that it carries
	carries      bool   // an event
	retry        bool   // asks for the retry of failed lines, when all else is done
}

// Range is what a message of kind range asks for.
type Range struct {
	Plan   string `json:"plan"`
	Object int    `json:"object"` // of the plan, from 0
	Start  int64  `json:"start"`  // bytes
	End    int64  `json:"end"`
}

// Progress is how much of a batch's plan is done, in ranges.
type Progress struct {
	Done    int    `json:"done"`
	Missing int    `json:"missing"`
	URI     string `json:"uri"` // of the results
}

// Failure is what a batch.incomplete said.
type Failure struct {
	Code    string    `json:"code,omitempty"`
	Message string    `json:"message,omitempty"`
	At      time.Time `json:"at"`
}

// read makes the item of a message, which it does not keep. Its class is left open
// unless the message itself tells.
func read(m Message) Item {
	kind := m.Attributes["kind"]
	i := Item{ID: m.ID, Kind: printable(kind), Dead: m.Published.UTC(), Bytes: len(m.Data)}
	i.Attempts, _ = strconv.Atoi(m.Attributes[attrAttempts]) // 0: not known
	if at, err := time.Parse(time.RFC3339Nano, m.Attributes[attrQueued]); err == nil {
		i.Queued = at.UTC()
	}
	switch kind {
	case event.Kind:
		i.readEvent(m.Data)
	case batch.KindRange:
		i.readRange(m.Data)
	default:
		i.Class = Foreign
	}
	return i
}

func (i *Item) readEvent(data []byte) {
	e, err := event.Decode(data)
	if err != nil {
		i.Class = classOfError(err)
		return
	}
	i.carry(e)
	i.EventKey = e.Key
}

func (i *Item) carry(e *event.Event) {
	i.carries = true
	i.EventType, i.ResourceID, i.EventID = printable(e.Type), printable(e.ResourceID), printable(e.ID)
	i.mode, i.jobKey = strings.Clone(e.Mode), e.JobKey()
}

func (i *Item) readRange(data []byte) {
	r, err := batch.DecodeRange(data)
	if err != nil {
		i.Class = classOfError(err)
		return
	}
	i.EventKey, i.EventType = r.Key, event.TypeBatchSucceeded // no other has ranges
	if r.Retry {
		i.retry = true
		return
	}
	i.Keeper = r.Keeper != nil
	i.Range = &Range{r.Plan, r.Object, r.Start, r.End}
	if len(r.Event) == 0 {
		return
	}
	if e, err := event.Decode(r.Event); err == nil {
		i.carry(e)
	}
}

// classOfError is the class of what cannot be read as a message of ours.
func classOfError(err error) Class {
	if errors.Is(err, event.ErrFormat) || errors.Is(err, batch.ErrUnknownFormat) {
		return Format
	}
	return Foreign
}

// printable is a copy of a text that does nothing to a terminal.
func printable(text string) string {
	if len(text) > maxText {
		text = text[:maxText]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// oldestFirst sorts items.
func oldestFirst(items []Item) {
	slices.SortFunc(items, func(a, b Item) int { return cmp.Or(a.Dead.Compare(b.Dead), cmp.Compare(a.ID, b.ID)) })
}
