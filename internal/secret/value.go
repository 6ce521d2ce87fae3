package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what a [Value] prints as.
const Redacted = "REDACTED"

// Value is a secret itself: it prints as REDACTED, however it is printed. The
// bytes are in a closure: fmt cannot call methods on unexported fields, and
// follows a pointer there when the verb does not suit it (%s), but never looks
// into a function.
type Value struct{ reveal func() []byte }

// NewValue keeps the bytes, which must not change from then on.
func NewValue(b []byte) Value { return Value{func() []byte { return b }} }

// Reveal returns the bytes, to be used and neither shown nor changed; of the
// zero Value there are none.
func (v Value) Reveal() []byte {
	if v.reveal == nil {
		return nil
	}
	return v.reveal()
}

// Format implements fmt.Formatter for every verb, %d and %x too.
func (Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// String returns REDACTED.
func (Value) String() string { return Redacted }

// GoString returns REDACTED.
func (Value) GoString() string { return Redacted }

// LogValue returns REDACTED.
func (Value) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalJSON returns REDACTED.
func (Value) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }
