package results

import (
	"bytes"
	"encoding/json"

	"example.com/gemini-webhook/internal/lenientjson"
)

// TooLong is the line of which only a prefix was kept: invalid, line_too_long,
// with its key if the prefix shows one among the members of the line itself.
// A key that stands behind a long response is not found.
func TooLong(prefix []byte) Line {
	line := invalid(CodeLineTooLong)
	line.Key, line.HasKey = prefixKey(bytes.ToValidUTF8(prefix, []byte("\uFFFD")))
	return line
}

// prefixKey finds the key in the start of a line that is cut off or broken. It
// gives none rather than a wrong one: the members up to the key must be whole
// and valid, and if the line's object ends, nothing may follow it.
func prefixKey(prefix []byte) (key string, found bool) {
	prefix = prefix[:min(len(prefix), maxPrefix)]
	decoder := json.NewDecoder(bytes.NewReader(prefix))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return "", false
	}
	for {
		name, err := decoder.Token()
		if err != nil {
			return key, found
		}
		if name == json.Delim('}') {
			if len(bytes.TrimSpace(prefix[decoder.InputOffset():])) > 0 {
				return "", false
			}
			return key, found
		}
		var text json.RawMessage
		if decoder.Decode(&text) != nil {
			return key, found
		}
		// A number that ends with the prefix may go on behind it.
		rest := bytes.TrimLeft(prefix[decoder.InputOffset():], " \t\r\n")
		if len(rest) == 0 || (rest[0] != ',' && rest[0] != '}') {
			return key, found
		}
		if member := lenientjson.Of(text); name == "key" {
			key, found = "", member.Present()
			if found {
				key = member.Text()
			}
		}
	}
}
