// Package outcome is the published contract: the types of outcomes, their ids,
// attributes, limits and encoding (contract, "Outcomes" and "Identity"; JSON Schemas in
// docs/schemas).
//
// Whatever an event or a line of results says, the message made of it is valid
// JSON in UTF-8 within our limits, which are below Pub/Sub's: a message that
// Pub/Sub refuses would be retried for ever. The package publishes nothing.
package outcome

import (
	"bytes"
	"time"

	"example.com/gemini-webhook/internal/event"
)

// Outcome types that are not the type of an event. All others carry their event's.
const (
	TypeBatchResult     = "batch.result"
	TypeBatchCompleted  = "batch.completed"
	TypeBatchIncomplete = "batch.incomplete"
	TypeBatchUnreadable = "batch.unreadable"
	TypeUnrecognized    = "unrecognized"
)

// Limits of a finished message, data and attributes, in bytes. Pub/Sub's own is
// 10,000,000 for a message and for a publish request.
const (
	MaxResultBytes = 9 << 20   // 9 MiB, batch.result
	MaxBytes       = 256 << 10 // 256 KiB, all others: what Workflows and Eventarc still take

	// maxLineMetadata bounds the user_metadata of a batch.result, 64 KiB: one event
	// has a batch.result for each of millions of lines. batch.completed has what is
	// left out there.
	maxLineMetadata = 64 << 10

	MaxExtra   = 64 << 10 // what is published of a line's other members, 64 KiB
	maxDetails = 16 << 10 // and of an error's details, 16 KiB
)

// schemaVersion rises when a member of the data is renamed, removed or changes its
// meaning; an additional member does not raise it.
const schemaVersion = "1"

// Message is an outcome ready to be published. ID is the outcome_id, also an
// attribute and in the data. The receiver of a Message owns it.
type Message struct {
	ID         string
	Data       []byte
	Attributes map[string]string
}

// Source is where a result stands. Offset and Length are bytes, of the
// decompressed object where Encoding is "gzip".
type Source struct {
	URI        string
	Generation string
	Offset     int64
	Length     int64
	Encoding   string // "" or "gzip"
	Origin     string // what URI is a copy of, "files/<id>" or "batches/<id>"; "" where it is no copy
}

// Error is what went wrong; members that are "" are absent from the data.
type Error = event.Error

// Totals are the sums over all results of a batch.
type Totals struct {
	Counts
	Bytes    int64    // stored size of the objects
	Retrying bool     // a retry of its failed lines follows, or else the same with Settled
	Settled  *Settled // nil unless no round follows one that was to be retried, or is a retry
	Again    bool     // it was published before, with Retrying
}

// Settled is what the requests of a batch came to after retries of those that failed.
type Settled struct {
	Total, Succeeded, Failed, Invalid int64
	Rounds                            int // batches that were made of failed lines
}

// Batch is a batch's job.
type Batch event.Batch

// Factory makes outcomes that carry one version and one clock.
type Factory struct {
	version string
	now     func() time.Time
}

// NewFactory returns a factory. version becomes published_by, now gives
// published_at.
func NewFactory(version string, now func() time.Time) *Factory {
	return &Factory{version: version, now: now}
}

// Event makes the outcomes of one event. It is read-only after For, so goroutines
// may share it.
type Event struct {
	event       *event.Event
	batch       *Batch // nil where the API was not asked, or does not know it
	now         func() time.Time
	whole       members // of every outcome but batch.result
	line        members // of batch.result
	attributes  attributes
	resultAttrs map[string]string // of every batch.result, but for what the line adds
}

// For prepares what all outcomes of e share: a batch has millions of lines. It
// keeps e, which must not change afterwards.
func (f *Factory) For(e *event.Event) *Event { return f.ForBatch(e, nil) }

// ForBatch is For of an event whose job the Gemini API knows: all outcomes say so. Of
// a nil batch it is For.
func (f *Factory) ForBatch(e *event.Event, batch *Batch) *Event {
	o := &Event{
		event:      e,
		batch:      batch,
		now:        f.now,
		attributes: newAttributes(e, batch),
	}
	o.whole.common = newCommon(e, f.version)
	o.whole.encoded = o.whole.common.append(nil)
	if e.JSON && e.Mode != event.ModeReconciled {
		o.whole.event = bytes.TrimSpace(e.Body)
	}
	o.line = o.whole.forLines()
	o.resultAttrs = o.attributes.of(TypeBatchResult, "", lineAttributes)
	return o
}
