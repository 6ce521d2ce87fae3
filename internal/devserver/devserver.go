// Package devserver is the model behind `webhookctl dev`: the embedded cloud, the
// receiver in this process, and a front before its public door that records every
// request and its answer. What a page shows of them, and does with them, is here too.
//
// Everything listens on loopback, and all keys are of the embedded cloud: a Detail
// holds the request as it came. Nothing is written to disk. What is kept of deliveries is
// bounded; of what is published, the embedded Pub/Sub keeps all until the end.
package devserver

import (
	"errors"
	"time"

	"example.com/gemini-webhook/internal/capture"
	"example.com/gemini-webhook/internal/explain"
)

// Senders of deliveries.
const (
	SenderGemini  = "gemini"  // the simulator, and its retries
	SenderTrigger = "trigger" // Server.Trigger
	SenderEdited  = "edited"  // Server.Edit
	SenderAgain   = "again"   // Server.Again
	SenderOther   = "other"   // whoever else on this machine
)

// Schemes of signatures, as Server.Trigger and Server.Edit take them.
const (
	SchemeV1  = "v1"
	SchemeV1a = "v1a"
	SchemeJWT = "jwt"
)

// Faults, see Server.SetFault.
const (
	FaultPubSub    = "pubsub"    // publishing fails
	FaultStale     = "stale"     // the sender's clock is ten minutes back
	FaultDuplicate = "duplicate" // each delivery of Gemini arrives twice
	FaultBusy      = "429"       // the front answers as Cloud Run without an instance
)

// Kinds of jobs, see Server.Run.
const (
	KindBatchFile   = "batch-file"
	KindBatchInline = "batch-inline"
	KindBatchGCS    = "batch-gcs"
	KindVideo       = "video"
	KindInteraction = "interaction"
)

// Verdicts of a Query.
const (
	VerdictAccepted    = "accepted"    // 2xx
	VerdictRefused     = "refused"     // 4xx
	VerdictUnavailable = "unavailable" // 5xx
)

// ErrNotFound: no delivery of that number is kept.
var ErrNotFound = errors.New("no such delivery is kept")

// Delivery is a request that came to the public door.
type Delivery struct {
	Seq        int64         `json:"seq"` // from 1, in the order of coming
	At         time.Time     `json:"at"`
	WebhookID  string        `json:"webhook_id"`
	Type       string        `json:"type"`
	ResourceID string        `json:"resource_id"`
	Scheme     string        `json:"scheme"` // v1, v1a, jwt; "" where there is no signature that is known
	Path       string        `json:"path"`   // without the token
	Status     int           `json:"status"` // 0: not answered yet
	Code       string        `json:"code"`   // the answer's one word: accepted, signature_mismatch
	Took       time.Duration `json:"took"`
	Sender     string        `json:"sender"` // gemini, trigger, edited, again, other
	Of         int64         `json:"of"`     // the delivery that this one repeats or was edited from; 0: none
	// What is published so far of its event: outcomes but for lines, lines, and those
	// of them that did not succeed.
	Outcomes int `json:"outcomes"`
	Lines    int `json:"lines"`
	Failed   int `json:"failed"`
}

// Query says which deliveries are wanted.
type Query struct {
	Text    string // is in the id, type, resource, code or body, in any case; "": all
	Verdict string // accepted, refused, unavailable; "": all
	Before  int64  // older than this one; 0: from the newest
	Limit   int    // at most 1000; 0: 100
}

// Detail is all of one delivery.
type Detail struct {
	Delivery
	Request capture.Request // as it came, with the whole path
	Answer  []byte
	Report  explain.Report // check by check, with the secrets, tokens and keys of then
	Work    Work
	Log     []string // lines of the receiver's log (JSON), unless the sender gave a trace of its own
}

// Work is what became of a delivery's event.
type Work struct {
	Plan     *Plan     `json:"plan,omitempty"` // of a batch
	Ranges   []Range   `json:"ranges,omitempty"`
	Lines    []Line    `json:"lines,omitempty"`  // those that did not succeed first
	Hidden   int       `json:"hidden,omitempty"` // lines that are counted and not kept
	Outcomes []Outcome `json:"outcomes,omitempty"`
}

// Plan is what a batch's work was cut into.
type Plan struct {
	URI     string    `json:"uri"`              // the results
	Origin  string    `json:"origin,omitempty"` // what the copy at URI was made of
	Mode    string    `json:"mode"`             // lines, summary
	Made    time.Time `json:"made"`
	Objects []string  `json:"objects"` // gs://bucket/name#generation, files/…
	Bytes   int64     `json:"bytes"`
	Done    int       `json:"done"` // ranges
	Missing int       `json:"missing"`
}

// Range is one part of a plan.
type Range struct {
	Object int   `json:"object"` // index into Plan.Objects
	Start  int64 `json:"start"`
	End    int64 `json:"end"` // -1: of an object whose length is not known before it is read
	Done   bool  `json:"done"`
	Lines  int64 `json:"lines"`  // done so far
	Failed int64 `json:"failed"` // of them: failed and invalid
}

// Line is one batch.result.
type Line struct {
	Key          string `json:"key"`
	Index        *int64 `json:"index,omitempty"` // of inline results
	Status       string `json:"status"`          // succeeded, failed, invalid
	Text         string `json:"text,omitempty"`  // the beginning
	FinishReason string `json:"finish_reason,omitempty"`
	ErrorCode    string `json:"error_code,omitempty"`
	Error        string `json:"error,omitempty"` // the beginning
	Offset       int64  `json:"offset"`          // in its object
}

// Outcome is a message that was published, but for lines.
type Outcome struct {
	ID         string            `json:"outcome_id"`
	Type       string            `json:"type"`
	At         time.Time         `json:"at"`
	Data       []byte            `json:"-"` // JSON, up to 64 KiB of it
	Attributes map[string]string `json:"attributes"`
}

// Trigger is an event to be sent.
type Trigger struct {
	Type   string
	Scheme string // v1, v1a, jwt; "": v1
	Body   []byte // nil: the sample of Type, about a resource of its own
}

// State is how the server stands.
type State struct {
	Clock     time.Duration `json:"clock"` // of the sender, from this machine's
	Faults    []Fault       `json:"faults"`
	Addresses []Address     `json:"addresses"`
	Secrets   []Version     `json:"secrets"` // of the signing secret, the newest first
	Tokens    []Version     `json:"tokens"`
	Counts    Counts        `json:"counts"`
	Types     []string      `json:"types"` // that Trigger knows
	Kinds     []string      `json:"kinds"` // that Run knows
}

// Fault is a switch.
type Fault struct {
	Name string `json:"name"`
	What string `json:"what"` // a sentence
	On   bool   `json:"on"`
}

// Address is one that somebody may want to use.
type Address struct {
	Name  string `json:"name"` // as an environment variable
	Value string `json:"value"`
	What  string `json:"what"` // a sentence
}

// Version is one of a secret.
type Version struct {
	Name    string `json:"name"`
	Refused string `json:"refused,omitempty"` // why it is not accepted
}

// Counts are of all deliveries since the start.
type Counts struct {
	Deliveries  int64 `json:"deliveries"`
	Accepted    int64 `json:"accepted"`
	Refused     int64 `json:"refused"`
	Unavailable int64 `json:"unavailable"`
	Forgotten   int64 `json:"forgotten"` // no longer kept
}
