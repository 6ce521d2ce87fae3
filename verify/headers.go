package verify

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The three headers of a delivery, as Standard Webhooks names them.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

const (
	maxIDBytes         = 256      // ids are msg_<uuid>, 40 bytes
	maxTimestampDigits = 12       // seconds until the year 33658, and no overflow of int64
	maxSignatureBytes  = 16 << 10 // a JWT takes about 1 KiB
	maxEntries         = 32       // two keys in three schemes are 6
)

// Headers are the parsed headers of one delivery; [ParseHeaders] makes them.
// They print without their signatures.
type Headers struct {
	ID        string // webhook-id
	Timestamp int64  // webhook-timestamp, Unix seconds

	timestampText string // what was signed
	entries       []entry
}

// entry is one signature of the list: "version,text", or a JWT, whose version is "".
type entry struct{ version, text string }

// ParseHeaders reads the three headers of a delivery, strictly: contract,
// "Headers" and "Borders". Errors: [ErrMissingHeader] where one is absent,
// [ErrBadHeader] where one is repeated, empty or ill-formed. It says nothing
// about whether the timestamp is near or a signature good.
func ParseHeaders(h http.Header) (Headers, error) {
	id, err := single(h, HeaderID)
	if err != nil {
		return Headers{}, err
	}
	text, err := single(h, HeaderTimestamp)
	if err != nil {
		return Headers{}, err
	}
	signature, err := single(h, HeaderSignature)
	if err != nil {
		return Headers{}, err
	}
	if !validID(id) {
		return Headers{}, fmt.Errorf("%w: webhook-id wants 1 to %d visible ASCII characters without a dot", ErrBadHeader, maxIDBytes)
	}
	timestamp, ok := parseTimestamp(text)
	if !ok {
		return Headers{}, fmt.Errorf("%w: webhook-timestamp wants Unix seconds, digits only", ErrBadHeader)
	}
	entries, err := parseEntries(signature)
	if err != nil {
		return Headers{}, err
	}
	return Headers{ID: id, Timestamp: timestamp, timestampText: text, entries: entries}, nil
}

// CheckTime returns [ErrTimestampOutOfRange] where the timestamp is further
// from now than tolerance, either way; exactly tolerance away is accepted.
// It does not make the timestamp genuine: only a signature does.
func (h Headers) CheckTime(now time.Time, tolerance time.Duration) error {
	distance := now.Sub(time.Unix(h.Timestamp, 0))
	if distance < 0 {
		distance = -distance
	}
	// Sub saturates at about 292 years, whose negative end has no absolute value.
	if distance < 0 || distance > tolerance {
		return fmt.Errorf("%w of %s", ErrTimestampOutOfRange, tolerance)
	}
	return nil
}

// Format implements fmt.Formatter for every verb: id and timestamp, no signature.
func (h Headers) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "delivery %s of %d", h.ID, h.Timestamp)
}

func single(h http.Header, name string) (string, error) {
	values := h.Values(name)
	switch {
	case len(values) == 0:
		return "", fmt.Errorf("%w: %s", ErrMissingHeader, strings.ToLower(name))
	case len(values) > 1:
		return "", fmt.Errorf("%w: %s is repeated", ErrBadHeader, strings.ToLower(name))
	case values[0] == "":
		return "", fmt.Errorf("%w: %s is empty", ErrBadHeader, strings.ToLower(name))
	}
	return values[0], nil
}

// validID refuses dots, for "id.timestamp.body" could be split again at another one.
func validID(id string) bool {
	if len(id) > maxIDBytes {
		return false
	}
	for i := range len(id) {
		if c := id[i]; c < 0x21 || c > 0x7e || c == '.' {
			return false
		}
	}
	return true
}

func parseTimestamp(text string) (int64, bool) {
	if len(text) > maxTimestampDigits || text[0] == '0' {
		return 0, false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// parseEntries splits the signature list. Entries of no known form are left
// out beside others; a list of nothing else is ill-formed.
func parseEntries(list string) ([]entry, error) {
	if len(list) > maxSignatureBytes {
		return nil, fmt.Errorf("%w: webhook-signature is over %d bytes", ErrBadHeader, maxSignatureBytes)
	}
	entries := make([]entry, 0, 2)
	count := 0
	for text := range strings.SplitSeq(list, " ") {
		if text == "" {
			continue // a run of spaces
		}
		if count++; count > maxEntries {
			return nil, fmt.Errorf("%w: webhook-signature has over %d entries", ErrBadHeader, maxEntries)
		}
		version, rest, found := strings.Cut(text, ",")
		switch {
		case found && version != "" && rest != "":
			entries = append(entries, entry{version, rest})
		case !found && looksLikeJWT(text):
			entries = append(entries, entry{"", text})
		}
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("%w: webhook-signature has no entry of the form version,text or of a JWT", ErrBadHeader)
	}
	return entries, nil
}

// looksLikeJWT wants three base64url parts. The last may be empty: an unsigned
// token is a token all the same, and is refused for that and not for its form.
func looksLikeJWT(s string) bool {
	header, rest, _ := strings.Cut(s, ".")
	payload, signature, found := strings.Cut(rest, ".")
	return found && header != "" && payload != "" &&
		isBase64URL(header) && isBase64URL(payload) && isBase64URL(signature)
}

func isBase64URL(s string) bool {
	for i := range len(s) {
		if !base64URLAlphabet[s[i]] {
			return false
		}
	}
	return true
}

var base64URLAlphabet = func() (is [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		is[c] = true
	}
	return is
}()
