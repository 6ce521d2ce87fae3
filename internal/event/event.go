// Package event holds Gemini's webhook events: the form in which a verified
// delivery travels through the queue, its lenient decoding, and its identity.
//
// Nothing here fails on what a sender wrote. A delivery whose signature is good
// has been answered with 200, so its body must end up as an outcome whatever it
// says: a member of the wrong type counts as absent, and a body without a usable
// type is an event whose Type is "".
//
// The package verifies nothing: see package verify.
package event

import (
	"time"

	"example.com/gemini-webhook/internal/lenientjson"
)

// Delivery is what the public door knows about one verified delivery. It travels
// through the queue together with the body, and holds no secret: Path is what
// PublicPath makes of the request's path.
type Delivery struct {
	ID          string    // the webhook-id header
	ReceivedAt  time.Time // when the public door had it, or it was found
	Mode        string    // "static", "dynamic" or "reconciled"
	Scheme      string    // "hmac-sha256", "ed25519" or "rs256"; "" where nobody signed
	Origin      string    // "path_token", "signing_secret", "open", "gemini_api" or "vertex_api"
	Signer      string    // id of the secret that verified; "" where none did
	Path        string    // escaped path as sent, without its token
	Traceparent string    // the traceparent header; "" where absent
}

// Event is one delivery with what its body says. New and Decode make it.
// It is read-only: several goroutines may share one.
type Event struct {
	Delivery

	Key          string                       // identity, see key
	Body         []byte                       // verbatim
	JSON         bool                         // Body is one JSON value
	Type         string                       // "" when unrecognized: no string of 1 to 256 bytes
	SentType     string                       // Type as Gemini wrote it: batch.succeeded has an older name
	Time         string                       // the event's own timestamp, as text; "" if absent
	ResourceID   string                       // data.id, as text; "" if absent
	Pointer      string                       // data.output_file_uri; "" if absent or not a string
	UserMetadata map[string]lenientjson.Value // the top level's, else that in data; nil if neither is an object or the JSON of one
	Error        *Error                       // nil if the event tells of none
	Video        *Video                       // nil unless Type is TypeVideoGenerated
	Batch        *Batch                       // of a reconciled event: its job; else nil
}

// Error is what went wrong, in Gemini's words. Numbers have become strings; a
// member that was absent is "".
type Error struct {
	Code    string
	Message string
	Status  string
	Details string // a JSON value, verbatim
}

// Video says where a generated video is. Gemini deletes the file after two days.
type Video struct {
	URI  string // output_file_uri, else video_uri
	File string // file_name, else file_id
}
