package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// ErrNotQueued says that a message's data is not a queued event of a format that
// this version reads. Redelivering it to the same version does not help.
var ErrNotQueued = errors.New("event: not a queued event")

// ErrFormat says so of what another version queued.
var ErrFormat = fmt.Errorf("%w: another version's format", ErrNotQueued)

// Kind is the attribute kind of a queued event.
const Kind = "event"

const (
	// queueFormat is the version of the queued form. An older worker refuses a
	// newer form, and the message waits for the new worker.
	queueFormat = 1

	// maxHeaderField bounds each text in the header line, in bytes. net/http takes
	// request lines of 1 MiB; with an 8 MiB body and escapes such a path would not
	// fit Pub/Sub's 10 MB, and the delivery could never be queued.
	maxHeaderField = 64 << 10
)

type header struct {
	Format      int    `json:"v"`
	ID          string `json:"id"`
	ReceivedAt  string `json:"received_at"`
	Mode        string `json:"mode"`
	Scheme      string `json:"scheme"`
	Origin      string `json:"origin"`
	Signer      string `json:"signer,omitempty"`
	Path        string `json:"path"`
	Traceparent string `json:"traceparent,omitempty"`
}

// Encode returns the queued form: a header line in JSON, '\n', and the body as it
// is. A body of 8 MiB stays under Pub/Sub's limit of 10,000,000 bytes. Texts of
// the delivery over 64 KiB are cut, and invalid UTF-8 in them is replaced.
func Encode(d Delivery, body []byte) []byte {
	var b bytes.Buffer
	b.Grow(512 + len(d.Path) + len(body))
	enc := json.NewEncoder(&b) // ends the line
	enc.SetEscapeHTML(false)   // keeps the header small
	err := enc.Encode(header{
		Format:      queueFormat,
		ID:          clip(d.ID),
		ReceivedAt:  d.ReceivedAt.UTC().Format(time.RFC3339Nano),
		Mode:        clip(d.Mode),
		Scheme:      clip(d.Scheme),
		Origin:      clip(d.Origin),
		Signer:      clip(d.Signer),
		Path:        clip(d.Path),
		Traceparent: clip(d.Traceparent),
	})
	if err != nil {
		panic(err) // unreachable: strings and an int in a buffer
	}
	b.Write(body)
	return b.Bytes()
}

// Decode is the inverse of Encode, and decodes the body as New does. Its error
// wraps ErrNotQueued and never holds any of the data. The event keeps data, which
// must not change afterwards. It verifies nothing: who may publish to the queue
// is trusted.
func Decode(data []byte) (*Event, error) {
	line, body, ok := bytes.Cut(data, []byte{'\n'})
	if !ok {
		return nil, fmt.Errorf("%w: no header line; only the public door should publish kind=event", ErrNotQueued)
	}
	var h header
	if json.Unmarshal(line, &h) != nil {
		return nil, fmt.Errorf("%w: the header line is not a JSON object of ours; only the public door should publish kind=event", ErrNotQueued)
	}
	if h.Format < 1 {
		return nil, fmt.Errorf("%w: the header line has no format; only the public door should publish kind=event", ErrNotQueued)
	}
	if h.Format != queueFormat {
		return nil, fmt.Errorf("%w %d, this version reads %d; deploy both doors from one version", ErrFormat, h.Format, queueFormat)
	}
	received, err := time.Parse(time.RFC3339Nano, h.ReceivedAt)
	if err != nil {
		return nil, fmt.Errorf("%w: received_at is no RFC 3339 time; only the public door should publish kind=event", ErrNotQueued)
	}
	return New(Delivery{
		ID:          h.ID,
		ReceivedAt:  received.UTC(),
		Mode:        h.Mode,
		Scheme:      h.Scheme,
		Origin:      h.Origin,
		Signer:      h.Signer,
		Path:        h.Path,
		Traceparent: h.Traceparent,
	}, body), nil
}

// clip cuts s to maxHeaderField bytes at a rune border.
func clip(s string) string {
	if len(s) <= maxHeaderField {
		return s
	}
	n := maxHeaderField
	for n > maxHeaderField-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
