package outcomes

import (
	"encoding/json"
	"time"
)

// VideoGenerated says that a video is ready. Gemini deletes its file after two days.
type VideoGenerated struct {
	Common
	Video Video `json:"video"`
	// All of them, where there are several.
	Videos []Video         `json:"videos,omitempty" jsonschema:"minItems=2"`
	Event  json.RawMessage `json:"event,omitempty"`
}

// Video is a generated video. Without archived there is no copy, and error says why.
type Video struct {
	// output_file_uri or video_uri.
	URI string `json:"uri,omitempty" jsonschema:"minLength=1"`
	// file_name or file_id.
	File     string    `json:"file,omitempty" jsonschema:"minLength=1"`
	Archived *Archived `json:"archived,omitempty"`
	// When Gemini deletes its file, UTC: 48 hours after the event. The copy at archived stays.
	ExpiresAt time.Time `json:"expires_at" jsonschema:"pattern=Z$"`
	Error     *Error    `json:"error,omitempty"`
}

// InteractionEvent are the members of what happened to an interaction.
type InteractionEvent struct {
	Common
	Error            *Error            `json:"error,omitempty"`
	Interaction      *Interaction      `json:"interaction,omitempty"`
	InteractionError *InteractionError `json:"interaction_error,omitempty"`
	Event            json.RawMessage   `json:"event,omitempty"`
}

// InteractionCompleted says that the interaction ended.
type InteractionCompleted struct{ InteractionEvent }

// InteractionRequiresAction says that the interaction waits for an action. May occur
// several times.
type InteractionRequiresAction struct{ InteractionEvent }

// InteractionFailed says that the interaction failed.
type InteractionFailed struct{ InteractionEvent }

// InteractionCancelled says that the interaction was cancelled.
type InteractionCancelled struct{ InteractionEvent }

// Interaction is the interaction as the API has it; absent where the API was not asked or
// did not tell.
type Interaction struct {
	Status string `json:"status,omitempty"`
	Model  string `json:"model,omitempty"`
	Agent  string `json:"agent,omitempty"`
	// The output text, as the official SDK joins it.
	Text  string                     `json:"text,omitempty"`
	Usage map[string]json.RawMessage `json:"usage,omitzero"`
	// RFC 3339.
	Created string `json:"created,omitempty"`
	// RFC 3339.
	Updated               string                     `json:"updated,omitempty"`
	PreviousInteractionID string                     `json:"previous_interaction_id,omitempty"`
	Labels                map[string]json.RawMessage `json:"labels,omitzero"`
	// The API's answer, verbatim; left out where it does not fit, and then at archived or, where it could not be kept, interaction_error says why.
	Resource json.RawMessage `json:"resource,omitempty"`
	Archived *Archived       `json:"archived,omitempty"`
}

// InteractionError is why there is no interaction, or of one no resource, though the API
// was asked.
type InteractionError struct {
	Code    string `json:"code" jsonschema:"minLength=1"`
	Message string `json:"message,omitempty" jsonschema:"minLength=1"`
}

// Unrecognized is a genuine delivery without a usable type, or with one that is the name of
// an outcome of ours.
type Unrecognized struct {
	Common
	// The body if it is not JSON.
	Body []byte `json:"body_base64,omitzero"`
	// What was sent, verbatim, where that is JSON.
	Event json.RawMessage `json:"event,omitempty"`
}

// Other is an event of a type that the receiver does not know: type and event_type are both
// the event's own.
//
// Decode gives it for types that are newer than this package, too.
type Other struct {
	Common
	Event json.RawMessage `json:"event,omitempty"`
}
