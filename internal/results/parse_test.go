package results

import (
	"bytes"
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/outcome"
)

// Nesting is limited, and costs neither the stack nor time. Brackets in strings,
// however many, are none.
func TestParseDepth(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{1, 4_998, 4_999, 5_000, 10_001, 1 << 20} {
		for _, pair := range [][2]string{{"[", "]"}, {`{"a":`, "}"}, {`{"\"}":`, "}"}, {`["]]",`, "]"}} {
			want := `succeeded text=Hi reason=STOP`
			if depth+1 > maxDepth {
				want = `invalid code=not_json`
			}
			nested := strings.Repeat(pair[0], depth) + "1" + strings.Repeat(pair[1], depth)
			line := Parse([]byte(`{"response":` + good + `,"x":` + nested + `}`))
			line.Response, line.Extra, line.ExtraOmitted = nil, nil, false
			if got := tell(line); got != want {
				t.Errorf("%d times %s: %s, want %s", depth, pair[0], got, want)
			}
		}
	}
	if got := tell(Parse([]byte(`{"response":` + good + `,"x":"` + strings.Repeat("[{", maxDepth) + `"}`))); !strings.HasPrefix(got, "succeeded") {
		t.Errorf("brackets in a text: %s", got)
	}
}

// What is too long to be published whole is left out, and the line says so.
func TestParseLimits(t *testing.T) {
	t.Parallel()
	text := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	for n, want := range map[int]string{
		outcome.MaxExtra - len(`{"a":}`):     `failed code=1 extra={"a":` + text(outcome.MaxExtra-len(`{"a":}`)) + `}`,
		outcome.MaxExtra - len(`{"a":}`) + 1: `failed code=1 extra=omitted`,
	} {
		if got := tell(Parse([]byte(`{"error":1,"a":` + text(n) + `}`))); got != want {
			t.Errorf("a member of %d bytes: %.100s, want %.100s", n, got, want)
		}
		// Only the last of a name counts.
		if got := tell(Parse([]byte(`{"error":1,"a":` + text(n) + `,"a":2}`))); got != `failed code=1 extra={"a":2}` {
			t.Errorf("a member of %d bytes and another: %.100s", n, got)
		}
	}
	many := `{"error":1` + strings.Repeat(`,"a":1`, outcome.MaxExtra) + `}`
	if got := tell(Parse([]byte(many))); got != `failed code=1 extra={"a":1}` {
		t.Errorf("a name that is there %d times: %.100s", outcome.MaxExtra, got)
	}
}

// The bytes passed on are the line's own, and appending to them leaves it alone.
func TestParseAliases(t *testing.T) {
	t.Parallel()
	raw := []byte(`{"request":{"a":1},"response":{"b":2},"key":"k","x":"extra"}`)
	before := bytes.Clone(raw)
	line := Parse(raw)
	if &line.Response[0] != &raw[bytes.Index(raw, []byte(`{"b"`))] || &line.Request[0] != &raw[bytes.Index(raw, []byte(`{"a"`))] {
		t.Error("Response and Request are copies, want sub-slices of the line")
	}
	_ = append(line.Response, "overwritten"...)
	_ = append(line.Request, "overwritten"...)
	if !bytes.Equal(raw, before) {
		t.Errorf("appending changed the line to %s", raw)
	}
	clear(raw)
	if line.Key != "k" || string(line.Extra) != `{"x":"extra"}` {
		t.Errorf("key %q, extra %s after the buffer was used again", line.Key, line.Extra)
	}
}

func TestInvalidLinesSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, code := range []string{CodeNotJSON, CodeUnknownShape, CodeLineTooLong} {
		if e := invalid(code).Error; e.Code != code || !strings.HasSuffix(e.Message, ".") {
			t.Errorf("invalid(%s) = %+v, want a sentence", code, e)
		}
	}
	if line := Parse([]byte(`{"response":{}}`)); line.Status != outcome.StatusFailed || !strings.HasSuffix(line.Error.Message, ".") {
		t.Errorf("an empty response: %+v, want a sentence", line.Error)
	}
}

// Common lines are cheap: what they cost is their strings.
func TestParseAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools at random; run without -race")
	}
	line := commonLine()
	if got := testing.AllocsPerRun(200, func() { Parse(line) }); got > 6 {
		t.Errorf("Parse allocates %v times, want at most 6: key, text (2), its list, reason, version", got)
	}
}
