package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// A value prints as REDACTED, and so does what holds one, as an address at most.
func TestValueIsRedacted(t *testing.T) {
	t.Parallel()
	const text = "correct-horse-battery"
	v := NewValue([]byte(text))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		if got := fmt.Sprintf(verb, v); got != "REDACTED" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	if v.String() != "REDACTED" || v.GoString() != "REDACTED" || v.LogValue().String() != "REDACTED" {
		t.Errorf("String %s, GoString %s, LogValue %s", v.String(), v.GoString(), v.LogValue())
	}
	if text, err := json.Marshal(map[string]any{"key": v}); err != nil || string(text) != `{"key":"REDACTED"}` {
		t.Errorf("JSON %s, %v", text, err)
	}

	type holder struct{ value Value }
	var log bytes.Buffer
	plain, structured := slog.New(slog.NewTextHandler(&log, nil)), slog.New(slog.NewJSONHandler(&log, nil))
	for _, h := range []any{v, &v, []Value{v}, map[string]Value{"v": v}, holder{v}, &holder{v}, []*holder{{v}}} {
		fmt.Fprintf(&log, "%v %+v %#v %s %q %x %d\n", h, h, h, h, h, h, h)
		plain.Info("holder", "h", h)
		structured.Info("holder", "h", h)
	}
	numbers := strings.Trim(fmt.Sprint([]byte(text)), "[]")
	for _, leak := range []string{text, fmt.Sprintf("%x", text), fmt.Sprintf("%X", text), numbers, base64.StdEncoding.EncodeToString([]byte(text))} {
		if strings.Contains(log.String(), leak) {
			t.Errorf("the secret shows as %s", leak)
		}
	}
	if string(v.Reveal()) != text || (Value{}).Reveal() != nil {
		t.Error("it is not revealed")
	}
}

func ExampleValue() {
	v := NewValue([]byte("correct-horse-battery"))
	fmt.Println(v, len(v.Reveal()))
	// Output: REDACTED 21
}
