package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// eventMembers are what an event has, in the order in which it is queued.
var eventMembers = []string{"type", "version", "timestamp", "data", "user_metadata"}

// event returns the event that a token carries, as far as it does: it must
// have type and data. The members that the body has too must be equal as JSON,
// else it is [ErrBodyMismatch]; what only the body has is not taken. "" means
// that the token carries none, and the body is the event.
func (o object) event(body []byte) (string, error) {
	if !o.has("type") || !o.has("data") {
		return "", nil
	}
	sent, ok := parseObject(body)
	if !ok && len(body) > 0 && !json.Valid(body) {
		return "", fmt.Errorf("%w: the body is not JSON", ErrBodyMismatch)
	}
	var event strings.Builder
	event.Grow(512) // a batch's takes some 200 bytes
	separator := byte('{')
	for _, name := range eventMembers {
		value, carried := o.get(name)
		if !carried {
			continue
		}
		if other, ok := sent.get(name); ok && !equalJSON(value, other) {
			return "", fmt.Errorf("%w: %s", ErrBodyMismatch, name)
		}
		event.WriteByte(separator)
		event.WriteString(`"` + name + `":`)
		event.Write(value)
		separator = ','
	}
	event.WriteByte('}')
	return event.String(), nil
}

// equalJSON compares two JSON values: the order of members does not count, of
// a member that occurs twice the last one does, and numbers are compared by
// value.
func equalJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, err := decodeJSON(a)
	if err != nil {
		return false
	}
	y, err := decodeJSON(b)
	return err == nil && equalValues(x, y)
}

func decodeJSON(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

func equalValues(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, value := range a {
			other, ok := b[name]
			if !ok || !equalValues(value, other) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equalValues(a[i], b[i]) {
				return false
			}
		}
		return true
	case json.Number:
		b, ok := b.(json.Number)
		return ok && decimalOf(a.String()) == decimalOf(b.String())
	default: // nil, bool, string
		return a == b
	}
}
