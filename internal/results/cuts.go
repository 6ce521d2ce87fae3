package results

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"example.com/gemini-webhook/internal/lenientjson"
)

// cuts are the quotes that end strings of which only the beginning is there.
type cuts map[*byte]bool

// add gives what was kept of a line in UTF-8, and takes its cuts.
func (c cuts) add(kept *condensed) []byte {
	text, at := kept.data, kept.cuts
	if !utf8.Valid(text) {
		text, at = nil, nil
		from := 0
		for _, end := range append(kept.cuts, len(kept.data)) {
			text = append(text, repaired(kept.data[from:end])...)
			at = append(at, len(text))
			from = end
		}
		at = at[:len(kept.cuts)]
	}
	for _, i := range at {
		c[&text[i]] = true
	}
	return text
}

// repaired is a text in UTF-8, since what is published has to be.
func repaired(text []byte) []byte { return bytes.ToValidUTF8(text, []byte("\uFFFD")) }

// has reports whether of a string, or of any in a value, there is only the
// beginning.
func (c cuts) has(v lenientjson.Value) bool {
	if len(c) == 0 {
		return false
	}
	for i, char := range v {
		if char == '"' && c[&v[i]] {
			return true
		}
	}
	return false
}

// join is the text of several parts, up to the first of which there is only the
// beginning.
func (c cuts) join(parts []lenientjson.Value) (text string, cut bool) {
	if len(parts) == 1 { // most often
		return parts[0].Str(), c.has(parts[0])
	}
	var b strings.Builder
	for _, part := range parts {
		b.WriteString(part.Str())
		if c.has(part) {
			return b.String(), true
		}
	}
	return b.String(), false
}
