package results

import (
	"bytes"
	"encoding/json"

	"example.com/gemini-webhook/internal/lenientjson"
)

// ids are the members that may be a line's key.
type ids struct{ key, customID, metadata lenientjson.Value }

// keyed is a line with its key: the first that is there of its own, and the ids that
// requests of an OpenAI-compatible batch and inline requests have instead.
func (i ids) keyed(line Line) Line {
	for _, v := range []lenientjson.Value{i.key, i.customID, i.metadata.Get("key")} {
		if v.Present() {
			line.Key, line.HasKey = v.Text(), true
			break
		}
	}
	return line
}

// maxPrefix is how much of a line that cannot be read is searched for ids, 64 KiB.
const maxPrefix = 64 << 10

// prefixIDs finds ids in the start of a line that is cut off or broken. It gives none
// rather than a wrong one: the members up to there must be whole and valid, and if
// the line's object ends, nothing may follow it.
func prefixIDs(prefix []byte) (found ids) {
	prefix = prefix[:min(len(prefix), maxPrefix)]
	decoder := json.NewDecoder(bytes.NewReader(prefix))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return ids{}
	}
	for {
		name, err := decoder.Token()
		if err != nil {
			return found
		}
		if name == json.Delim('}') {
			if len(bytes.TrimSpace(prefix[decoder.InputOffset():])) > 0 {
				return ids{}
			}
			return found
		}
		var text json.RawMessage
		if decoder.Decode(&text) != nil {
			return found
		}
		v := lenientjson.Of(text)
		if !ends(v, prefix[decoder.InputOffset():]) {
			return found
		}
		if name, ok := name.(string); ok {
			found.set(name, v)
		}
	}
}

// ends reports whether a member's value is whole, by what stands behind it: a number
// may go on behind the prefix.
func ends(v lenientjson.Value, behind []byte) bool {
	if behind = bytes.TrimLeft(behind, " \t\r\n"); len(behind) > 0 {
		return behind[0] == ',' || behind[0] == '}'
	}
	return v.IsString() || v.IsObject() || v.IsArray()
}

// set takes a member of the line, and reports whether it is one of the ids.
func (i *ids) set(name string, v lenientjson.Value) bool {
	switch name {
	case "key":
		i.key = v
	case "custom_id", "customId":
		i.customID = v
	case "metadata":
		i.metadata = v
	default:
		return false
	}
	return true
}
