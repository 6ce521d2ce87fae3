package vectors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// File is docs/vectors.json.
type File struct {
	Comment   string          `json:"comment"`
	Format    int             `json:"format"`            // of this file; another number where old readers would misread it
	Now       int64           `json:"now"`               // the receiver's clock, Unix seconds, of vectors without their own
	Tolerance int64           `json:"tolerance_seconds"` // how far webhook-timestamp may be from it
	Keys      map[string]Keys `json:"keys"`              // by the name that vectors have
	Vectors   []Vector        `json:"vectors"`
}

// Keys are what a receiver is configured with. They are for tests alone.
type Keys struct {
	Secrets    []string       `json:"secrets,omitempty"`     // signing secrets, the newest first; all are accepted
	JWKS       map[string]any `json:"jwks,omitempty"`        // the sender's public keys
	Audiences  []string       `json:"audiences,omitempty"`   // what a token's aud may be; none: any
	Issuers    []string       `json:"issuers,omitempty"`     // the same of iss
	PathTokens []string       `json:"path_tokens,omitempty"` // of the receiver of this repository: in the path of dynamic deliveries
}

// Vector is one delivery, and what a receiver has to make of it.
type Vector struct {
	Name    string  `json:"name"`
	Why     string  `json:"why"`    // it matters, in one sentence
	Scheme  string  `json:"scheme"` // what the case is about: hmac-sha256, ed25519 or rs256
	Level   Level   `json:"level"`
	Keys    string  `json:"keys"` // name in File.Keys
	Now     int64   `json:"now"`
	Request Request `json:"request"`
	Expect  Expect  `json:"expect"`
}

// Level says whether a receiver that decides otherwise is wrong.
type Level string

const (
	Must   Level = "must"   // it lets forgeries in, or turns the sender away
	Should Level = "should" // the Standard Webhooks specification leaves it open; libraries differ
)

// Expect is the verdict.
type Expect struct {
	Accepted bool   `json:"accepted"`
	Class    Class  `json:"class,omitempty"` // why it is refused
	Status   int    `json:"status"`          // of this repository's receiver
	Code     string `json:"code,omitempty"`  // the "error" in its answer
}

// Class is why a delivery is refused, in words that fit any receiver.
type Class string

// The classes of refusals.
const (
	Malformed Class = "malformed" // a header is missing, repeated or ill-formed, or a token cannot be read
	Time      Class = "time"      // too old, from the future, or expired
	Signature Class = "signature" // of none of the keys over these bytes
	Key       Class = "key"       // the key set has no such key
	Algorithm Class = "algorithm" // another one than the receiver's
	Claims    Class = "claims"    // meant for somebody else, or from somebody else
	Body      Class = "body"      // not the event that the token carries
)

// Request is a delivery as it is sent. Its JSON has the body as a text where it
// is UTF-8, else in base64.
type Request struct {
	Method  string
	Path    string      // of the receiver of this repository; others have their own
	Headers [][2]string // in their order, repeated ones too
	Body    []byte
}

// requestJSON is the JSON of a Request.
type requestJSON struct {
	Method     string      `json:"method"`
	Path       string      `json:"path"`
	Headers    [][2]string `json:"headers"`
	Body       *string     `json:"body,omitempty"`
	BodyBase64 []byte      `json:"body_base64,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (r Request) MarshalJSON() ([]byte, error) {
	form := requestJSON{Method: r.Method, Path: r.Path, Headers: r.Headers}
	if text := string(r.Body); utf8.ValidString(text) {
		form.Body = &text
	} else {
		form.BodyBase64 = r.Body
	}
	var buffer bytes.Buffer
	e := json.NewEncoder(&buffer)
	e.SetEscapeHTML(false)
	err := e.Encode(form)
	return buffer.Bytes(), err
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *Request) UnmarshalJSON(text []byte) error {
	var form requestJSON
	if err := json.Unmarshal(text, &form); err != nil {
		return err
	}
	*r = Request{form.Method, form.Path, form.Headers, form.BodyBase64}
	if form.Body != nil {
		r.Body = []byte(*form.Body)
	}
	return nil
}

// Read reads a file of vectors. It refuses members that it does not know.
func Read(from io.Reader) (f File, err error) {
	d := json.NewDecoder(from)
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return f, fmt.Errorf("read vectors: %w", err)
	}
	return f, nil
}

// Write writes the file.
func (f File) Write(to io.Writer) error {
	e := json.NewEncoder(to)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(f)
}
