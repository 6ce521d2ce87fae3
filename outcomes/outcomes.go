// Package outcomes reads what the receiver publishes: a type for each type of
// outcome, one for the attributes, and the bookkeeping that says when a batch is
// complete. The JSON Schemas in docs/schemas are made from these types.
//
//	o, err := outcomes.Decode(message.Data)
//	if err != nil {
//		return err // see ErrMalformed and ErrVersion
//	}
//	switch o := o.(type) {
//	case *outcomes.BatchResult:
//		// one line of a batch's results
//	case *outcomes.BatchCompleted:
//		// the batch's totals; it may come before the last of its lines
//	}
//
// An outcome may come twice, with the same OutcomeID, and there is no order. Keep
// outcomes by their id, and let [Progress] say when a batch is complete.
//
// The package needs no client of Google Cloud and makes no requests. It does not
// verify where a message came from: whoever may publish on the topics is believed.
package outcomes

import (
	"encoding/json"
	"time"
)

// SchemaVersion is the version of the messages that this package reads. The receiver
// raises it when a member is renamed, removed or means something else. New members come
// without a new version; Decode passes over those that it does not know.
const SchemaVersion = 1

// Outcome is any outcome, a pointer to one of this package's types: BatchResult,
// BatchCompleted, BatchIncomplete, BatchUnreadable, BatchFailed, BatchExpired,
// BatchCancelled, VideoGenerated, InteractionCompleted, InteractionRequiresAction,
// InteractionFailed, InteractionCancelled, Unrecognized or Other.
type Outcome interface {
	// Base gives the members that every outcome has. It is never nil.
	Base() *Common
}

// Common has the members of every outcome's data. Each type's own schema adds its
// members and refuses others.
type Common struct {
	// The outcome's type.
	Type string `json:"type" jsonschema:"minLength=1"`
	// Opaque. The same work gives the same id: drop what you have seen.
	OutcomeID string `json:"outcome_id" jsonschema:"pattern=^[A-Za-z0-9_-]{1\\,64}$"`
	// It rises when a member is renamed, removed or means something else, not when one is added.
	SchemaVersion int `json:"schema_version"`
	// When this message was made, UTC.
	PublishedAt time.Time `json:"published_at" jsonschema:"pattern=Z$"`
	// The webhook-id header; of a reconciled job an id that the same job always gets.
	EventID string `json:"event_id"`
	// The event's type as Gemini wrote it; empty where the body has none that can be used.
	EventType string `json:"event_type"`
	// The event's own timestamp as Gemini wrote it; empty where it has none.
	EventTime string `json:"event_time"`
	// When the public door had the delivery, UTC.
	ReceivedAt time.Time `json:"received_at" jsonschema:"pattern=Z$"`
	// data.id, in whichever form Gemini sent it (batches/… or batch_…); empty where absent.
	ResourceID string `json:"resource_id"`
	// reconciled: the job ended, and no event of it came by itself.
	Mode Mode `json:"mode" jsonschema:"enum=static,enum=dynamic,enum=reconciled"`
	// Signature scheme; absent or empty where mode is reconciled.
	Scheme Scheme `json:"scheme,omitempty" jsonschema:"enum=hmac-sha256,enum=ed25519,enum=rs256,enum="`
	// What proves that the event is ours. open: any Gemini customer may have caused it. gemini_api, vertex_api: found in that API (mode reconciled).
	Origin Origin `json:"origin" jsonschema:"enum=signing_secret,enum=path_token,enum=open,enum=gemini_api,enum=vertex_api"`
	// Escaped path as sent, without its token.
	Path string `json:"path"`
	// The event's user_metadata as it is; empty where there is none. A batch.result has at most 64 KiB of it, without the largest members where truncated names it.
	UserMetadata map[string]json.RawMessage `json:"user_metadata"`
	// Version of the receiver.
	PublishedBy string `json:"published_by"`
	// Members that were cut or left out so that the message keeps its limits. event, extra, error.details, interaction.usage and interaction.labels are left out whole, of user_metadata the largest members; the others lose their end.
	Truncated []string `json:"truncated,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
}

// Base gives c itself: it makes what embeds Common an Outcome.
func (c *Common) Base() *Common { return c }

// Mode is how an event came. A newer receiver may have others.
type Mode string

// The modes.
const (
	Static     Mode = "static"
	Dynamic    Mode = "dynamic"
	Reconciled Mode = "reconciled"
)

// Scheme is how an event was signed. A newer receiver may have others.
type Scheme string

// The schemes.
const (
	HMACSHA256 Scheme = "hmac-sha256"
	Ed25519    Scheme = "ed25519"
	RS256      Scheme = "rs256"
)

// Origin is what proves that an event is of the receiver's owner. A newer receiver may
// have others.
type Origin string

// The origins. Of OriginOpen there is no such proof: look at the attribute confirmed.
const (
	OriginSigningSecret Origin = "signing_secret"
	OriginPathToken     Origin = "path_token"
	OriginOpen          Origin = "open"
	OriginGeminiAPI     Origin = "gemini_api"
	OriginVertexAPI     Origin = "vertex_api"
)

// Error is what went wrong: numbers are texts, details as Gemini wrote them, up to 16 KiB.
type Error struct {
	Code    string          `json:"code,omitempty" jsonschema:"minLength=1"`
	Message string          `json:"message,omitempty" jsonschema:"minLength=1"`
	Status  string          `json:"status,omitempty" jsonschema:"minLength=1"`
	Details json.RawMessage `json:"details,omitempty"`
}

// Archived is a copy in the archive bucket.
type Archived struct {
	// gs://…
	URI        string `json:"uri"`
	Generation string `json:"generation"`
	// Its size.
	Bytes       int64  `json:"bytes" jsonschema:"minimum=0"`
	ContentType string `json:"content_type,omitempty"`
}
