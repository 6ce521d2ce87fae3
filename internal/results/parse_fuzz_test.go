package results

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"example.com/gemini-webhook/internal/outcome"
)

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		string(commonLine()), `{"key":"a","error":{"code":1}}`, `{"candidates":[{"content":{"parts":[{"text":"\ud800\u0041"}]}}]}`,
		`{"request":{},"response":{},"status":""}`, `{"promptFeedback":{"blockReason":"X"}}`, `42`, `[1,]`, `{"key":"a" `, "{\"key\":\"\xff\"}",
		`{"k\u0065y":{"\\":"\\\""},"response":{"a":[[],{},-0.1e+5,true,false,null]}}`, `{"usageMetadata":{"totalTokenCount":"1"},"candidates":0}`,
		`{"custom_id":"c","response":{"status_code":200,"body":{"choices":[{"message":{"content":[{"text":"a"}],"tool_calls":[]},"finish_reason":"stop"}]}}}`,
		`{"instance":{},"predictions":[{"embeddings":{"statistics":{"token_count":8.0},"values":[0]}}],"status":"x {\"code\":1}"}`,
		`{"index":1,"metadata":{"key":"k"},"response":"{\"response\":{\"embedding\":[1]}}","x":1,"x":2}`, "{}\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		line := Parse(raw)
		notJSON := line.Status == outcome.StatusInvalid && line.Error.Code == CodeNotJSON
		if valid := json.Valid(raw) && depth(raw) <= maxDepth; valid == notJSON {
			t.Fatalf("not JSON: %v, encoding/json says valid: %v", notJSON, valid)
		}
		for _, part := range [][]byte{line.Response, line.Request, line.Extra} {
			if part != nil && (!json.Valid(part) || !utf8.Valid(part)) {
				t.Fatalf("%q is not JSON in UTF-8", part)
			}
			if utf8.Valid(raw) && !bytes.Contains(raw, part) && !bytes.Equal(part, line.Extra) {
				t.Fatalf("%q is no part of the line", part)
			}
		}
		for _, text := range []string{line.Key, line.Text, line.FinishReason, line.ModelVersion} {
			if !utf8.ValidString(text) {
				t.Fatalf("%q is not UTF-8", text)
			}
		}
		compareMembers(t, raw, line)
	})
}

// compareMembers checks the walk over the line against encoding/json's maps.
func compareMembers(t *testing.T, raw []byte, line Line) {
	t.Helper()
	if !utf8.Valid(raw) { // encoding/json replaces each byte, Parse each run of them
		return
	}
	var top map[string]json.RawMessage
	if json.Unmarshal(raw, &top) != nil || top == nil {
		return
	}
	present := func(name string) bool { return top[name] != nil && string(top[name]) != "null" }
	if others := present("custom_id") || present("customId") || present("metadata"); !others && line.HasKey != present("key") {
		t.Fatalf("has key: %v, want one of %s", line.HasKey, top["key"])
	}
	var key string
	if json.Unmarshal(top["key"], &key) == nil && line.Key != key {
		t.Fatalf("key = %q, want %q", line.Key, key)
	}
	if response := top["response"]; len(response) > 0 && response[0] == '{' && !bytes.Equal(response, line.Response) {
		t.Fatalf("response = %s, want %s", line.Response, response)
	}
	if len(line.Response) == 0 || line.Response[0] != '{' {
		return
	}
	var response map[string]json.RawMessage
	if err := json.Unmarshal(line.Response, &response); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"model", "model_version", "response", "body", "status_code", "statusCode", "choices"} {
		if response[other] != nil {
			return // another shape, or a name that may count instead
		}
	}
	var version string
	_ = json.Unmarshal(response["modelVersion"], &version)
	if version != line.ModelVersion {
		t.Fatalf("model version = %q, want %q", line.ModelVersion, version)
	}
	if want, has := textOf(response["candidates"]); want != line.Text || has != line.HasText {
		t.Fatalf("text = %q %v, want %q %v", line.Text, line.HasText, want, has)
	}
}

// textOf is the first candidate's text by encoding/json.
func textOf(candidates json.RawMessage) (text string, found bool) {
	var list []json.RawMessage
	var candidate, content map[string]json.RawMessage
	_ = json.Unmarshal(candidates, &list)
	if len(list) == 0 {
		return "", false
	}
	_ = json.Unmarshal(list[0], &candidate)
	_ = json.Unmarshal(candidate["content"], &content)
	var parts []json.RawMessage
	_ = json.Unmarshal(content["parts"], &parts)
	for _, part := range parts {
		var members map[string]json.RawMessage
		_ = json.Unmarshal(part, &members)
		var words *string
		if json.Unmarshal(members["text"], &words) == nil && words != nil && string(members["thought"]) != "true" {
			text, found = text+*words, true
		}
	}
	return text, found
}
