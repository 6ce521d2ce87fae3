package outcomes

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Attributes are the Pub/Sub attributes of every outcome, for filters. Lengths here count
// characters; the limits are bytes: 256 for a key, 1024 for a value.
type Attributes struct {
	Type      string `json:"type" jsonschema:"minLength=1"`
	OutcomeID string `json:"outcome_id" jsonschema:"pattern=^[A-Za-z0-9_-]{1\\,64}$"`
	// The webhook-id header.
	EventID string `json:"event_id"`
	// The event's type as Gemini wrote it; empty where the body has none that can be used.
	EventType string `json:"event_type"`
	// data.id.
	ResourceID string `json:"resource_id"`
	Mode       Mode   `json:"mode" jsonschema:"enum=static,enum=dynamic,enum=reconciled"`
	// Absent or empty where mode is reconciled.
	Scheme Scheme `json:"scheme,omitempty"`
	Origin Origin `json:"origin" jsonschema:"enum=signing_secret,enum=path_token,enum=open,enum=gemini_api,enum=vertex_api"`
	Path   string `json:"path"`
	// Id of the secret that verified; absent where none did.
	Signer string `json:"signer,omitempty" jsonschema:"minLength=1"`
	// The trace of the delivery's request, as a traceparent header has it; absent where it had none.
	Traceparent string `json:"traceparent,omitempty" jsonschema:"minLength=1"`
	// batch.result only: the line's key; absent where it has none.
	Key *string `json:"key,omitempty"`
	// batch.result only.
	Status Status `json:"status,omitempty" jsonschema:"enum=succeeded,enum=failed,enum=invalid"`
	// batch.result only: the first candidate's; absent where it has none.
	FinishReason string `json:"finish_reason,omitempty" jsonschema:"minLength=1"`
	// batch.result only: error.code; absent where there is none.
	ErrorCode string `json:"error_code,omitempty" jsonschema:"minLength=1"`
	// The batch's, where it is known.
	DisplayName string `json:"display_name,omitempty" jsonschema:"minLength=1"`
	// The Gemini API, asked with our own key, knows the job or interaction: it is ours.
	Confirmed bool `json:"confirmed,omitempty,string"`
	// A meta_ attribute was left out; the data has it.
	MetadataTruncated bool `json:"metadata_truncated,omitempty,string"`
	// Scalars of user_metadata, the attributes meta_KEY, by KEY: a string as it is, a number or boolean as its JSON text.
	Metadata map[string]string `json:"-"`
}

const metadataPrefix = "meta_"

// ReadAttributes reads the attributes of a message. Those that it does not know are passed
// over, such as Pub/Sub's own; where one is missing that every outcome has, or confirmed is
// neither true nor false, it is ErrMalformed.
func ReadAttributes(attributes map[string]string) (*Attributes, error) {
	data, err := json.Marshal(attributes)
	if err != nil {
		return nil, fmt.Errorf("%w: attributes", ErrMalformed)
	}
	members, err := object(data, "")
	if err != nil {
		return nil, err
	}
	a := &Attributes{Metadata: make(map[string]string)}
	if err := decode(data, members, a); err != nil {
		return nil, err
	}
	for name, value := range attributes {
		if key, is := strings.CutPrefix(name, metadataPrefix); is {
			a.Metadata[key] = value
		}
	}
	return a, nil
}
