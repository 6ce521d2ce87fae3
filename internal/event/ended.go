package event

import (
	"encoding/json"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/lenientjson"
)

// ModeReconciled is the mode of an event that nobody delivered: a look at the jobs
// found that it should have come (contract, "Reconciliation").
const ModeReconciled = "reconciled"

// Origins of reconciled events: the API that has the job.
const (
	OriginGeminiAPI = "gemini_api"
	OriginVertexAPI = "vertex_api"
)

// OriginOpen is that of a delivery that Google signed for whoever asked for it.
const OriginOpen = "open"

// Batch is a batch's job as its API has it. Texts that it does not say are "".
// Its JSON is part of stored plans and of queued events.
type Batch struct {
	Name         string `json:"name,omitempty"` // "batches/<id>", or Vertex AI's resource name
	DisplayName  string `json:"display_name,omitempty"`
	Model        string `json:"model,omitempty"`
	Created      string `json:"created,omitempty"` // RFC 3339, as Ended
	Ended        string `json:"ended,omitempty"`
	State        string `json:"state,omitempty"`     // BATCH_STATE_… or JOB_STATE_…
	Requested    int64  `json:"requested,omitempty"` // how many requests it had, where HasRequested
	HasRequested bool   `json:"has_requested,omitempty"`
}

// Ended is a job that ended, as its API tells of it.
type Ended struct {
	Origin       string // OriginGeminiAPI or OriginVertexAPI
	Type         string // of the event that should have come: a batch's
	Batch        Batch  // by its name it is known
	At           string // when it ended, RFC 3339
	Pointer      string // to its results; "" where the job is to be asked for them
	Error        *Error // nil where it tells of none
	UserMetadata json.RawMessage
}

// ends are the ends of the names of last states, BATCH_STATE_… and JOB_STATE_…; also
// PARTIALLY_SUCCEEDED.
var ends = []struct{ state, event string }{
	{"_SUCCEEDED", TypeBatchSucceeded}, {"_FAILED", TypeBatchFailed},
	{"_CANCELLED", TypeBatchCancelled}, {"_EXPIRED", TypeBatchExpired},
}

// TypeOf is the type of the event of a job in a last state; "" of any other state.
func TypeOf(state string) string {
	for _, end := range ends {
		if strings.HasSuffix(state, end.state) {
			return end.event
		}
	}
	return ""
}

// ID is the event id that the job always gets.
func (j Ended) ID() string { return "reconciled_" + JobKey(j.Origin, j.Batch.Name) }

// JobKey is what a job is known by in the state bucket: 32 hex digits. The forms of the
// Gemini API's names are one.
func JobKey(origin, name string) string {
	if origin == OriginGeminiAPI {
		name = canonicalBatch(name)
	}
	return hash("job/1", origin, name)[:32]
}

// JobKey is that of the job that an event is about; "" of one that is no batch's.
func (e *Event) JobKey() string {
	switch e.Type {
	case TypeBatchSucceeded, TypeBatchFailed, TypeBatchCancelled, TypeBatchExpired:
	default:
		return ""
	}
	origin := OriginGeminiAPI
	if e.Mode == ModeReconciled {
		origin = e.Origin
	}
	if e.ResourceID == "" {
		return ""
	}
	return JobKey(origin, e.ResourceID)
}

// reconciledBody is the body of a reconciled event. It looks like Gemini's and is ours:
// no outcome has it.
type reconciledBody struct {
	Type      string          `json:"type"`
	Timestamp string          `json:"timestamp,omitempty"`
	Data      reconciledData  `json:"data"`
	Metadata  json.RawMessage `json:"user_metadata,omitempty"`
	Batch     Batch           `json:"batch"`
}

type reconciledData struct {
	ID      string           `json:"id"`
	Pointer string           `json:"output_file_uri,omitempty"`
	Error   *reconciledError `json:"error,omitempty"`
}

type reconciledError struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	Status  string `json:"status,omitempty"`
}

// Encode returns the queued form of the event that should have come, found at a time.
func (j Ended) Encode(found time.Time) []byte {
	body := reconciledBody{
		Type: j.Type, Timestamp: j.At, Metadata: j.UserMetadata, Batch: j.Batch,
		Data: reconciledData{ID: j.Batch.Name, Pointer: j.Pointer},
	}
	if j.Error != nil {
		body.Data.Error = &reconciledError{j.Error.Code, j.Error.Message, j.Error.Status}
	}
	if !json.Valid(body.Metadata) {
		body.Metadata = nil
	}
	data, err := json.Marshal(body)
	if err != nil { // texts, numbers and valid JSON always encode
		panic(err)
	}
	return Encode(Delivery{ID: j.ID(), ReceivedAt: found, Mode: ModeReconciled, Origin: j.Origin}, data)
}

// readBatch reads what the API said of a reconciled event's job.
func readBatch(body lenientjson.Value) *Batch {
	var b Batch
	if json.Unmarshal(body.Get("batch").Raw(), &b) != nil {
		return nil
	}
	return &b
}

// FormerKeys are the keys of a succeeded batch's delivered event, by the pointers that
// it may have had.
func (e *Event) FormerKeys(pointers ...string) (keys []string) {
	for _, pointer := range pointers {
		delivered := Event{Type: TypeBatchSucceeded, ResourceID: e.ResourceID, Pointer: pointer}
		keys = append(keys, delivered.key())
	}
	return keys
}
