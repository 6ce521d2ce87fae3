package verify

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
)

const (
	signingSecretPrefix = "whsec_"
	minKeyBytes         = 16 // 128 bits; Standard Webhooks asks for 24 to 64 bytes
	redacted            = "REDACTED"
)

// Why a version's payload is refused: SPEC.md "Secrets and tokens". The texts
// say nothing of the payload.
var (
	errPlaceholder  = errors.New("it is a placeholder")
	errBrokenBase64 = errors.New("what follows whsec_ is not standard base64")
	errShortKey     = fmt.Errorf("it is shorter than %d bytes", minKeyBytes)
)

var placeholder = regexp.MustCompile(`(?is)^replace|^change.*me|placeholder|^<.*>$`)

// key is one reading of a version's payload. The bytes are in a closure: fmt
// cannot call methods on unexported fields, and follows a pointer there when
// the verb does not suit it (%s), but never looks into a function.
type key struct{ secret func() []byte }

func newKey(b []byte) key { return key{func() []byte { return b }} }

// Format implements fmt.Formatter for every verb, %d and %x too.
func (key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String returns REDACTED.
func (key) String() string { return redacted }

// GoString returns REDACTED.
func (key) GoString() string { return redacted }

// LogValue returns REDACTED.
func (key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns REDACTED.
func (key) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// CheckSigningSecret says why a receiver would not take a version's payload for
// a signing secret, or nil. The error holds nothing of the payload.
func CheckSigningSecret(payload []byte) error {
	_, err := signingKeys(payload)
	return err
}

// signingKeys reads the payload of a signing secret's version: what follows
// whsec_ decoded, or else the bytes themselves and, if they are base64, what
// they decode to. Both readings of a plain secret are in use (GEMINI.md
// "Signatures"), and nothing tells them apart.
func signingKeys(payload []byte) ([]key, error) {
	payload = bytes.TrimSpace(payload)
	text, prefixed := bytes.CutPrefix(payload, []byte(signingSecretPrefix))
	if placeholder.Match(text) {
		return nil, errPlaceholder
	}
	decoded, err := decodeBase64(text)
	if prefixed {
		switch {
		case err != nil:
			return nil, errBrokenBase64
		case len(decoded) < minKeyBytes:
			return nil, errShortKey
		}
		return []key{newKey(decoded)}, nil
	}
	if len(payload) < minKeyBytes {
		return nil, errShortKey
	}
	keys := []key{newKey(bytes.Clone(payload))}
	if err == nil && len(decoded) >= minKeyBytes {
		keys = append(keys, newKey(decoded))
	}
	return keys, nil
}

// decodeBase64 decodes standard base64 with padding and, other than the
// standard library, without line breaks.
func decodeBase64(text []byte) ([]byte, error) {
	if bytes.ContainsAny(text, "\r\n") {
		return nil, errBrokenBase64
	}
	return base64.StdEncoding.AppendDecode(nil, text)
}
