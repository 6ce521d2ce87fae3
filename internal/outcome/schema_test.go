package outcome

import (
	"bytes"
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/outcome/schematest"
)

// TestSchemasAreStrict renames, adds and removes members of genuine messages: a
// schema that takes the result would not notice when the code does the same.
func TestSchemasAreStrict(t *testing.T) {
	t.Parallel()
	all := messages()
	for name, m := range all {
		for _, broken := range []struct{ what, from, to string }{
			{"an additional member", `{"type":`, `{"extra":1,"type":`},
			{"another schema_version", `"schema_version":1`, `"schema_version":2`},
			{"event_id renamed", `"event_id":`, `"eventId":`},
			{"user_metadata is null", `"user_metadata":{`, `"user_metadata":null,"x":{`},
			{"published_at is no time", `"published_at":"2026-`, `"published_at":"26-`},
		} {
			data := bytes.Replace(m.Data, []byte(broken.from), []byte(broken.to), 1)
			if schematest.Check(data) == nil {
				t.Errorf("%s: the schema takes a message with %s", name, broken.what)
			}
		}
	}
	for _, broken := range []struct{ name, from, to string }{
		{"batch.result", `"finish_reason":`, `"finishReason":`},
		{"batch.result", `"generation":"1700000000000000"`, `"generation":1700000000000000`},
		{"batch.result", `"prompt_tokens":`, `"prompts":`},
		{"batch.result", `"status":"succeeded"`, `"status":"ok"`},
		{"batch.result", `"response":`, `"response_omitted":true,"response":`},
		{"batch.result-invalid", `"code":"unknown_shape"`, `"code":"odd"`},
		{"batch.completed", `"invalid":`, `"broken":`},
		{"batch.completed", `"thoughts_tokens":30,`, ``},
		{"batch.incomplete", `"missing":`, `"left":`},
		{"batch.unreadable", `"bucket_not_allowed"`, `"denied"`},
		{"batch.failed", `"code":"13"`, `"code":13`},
		{"video.generated", `"file":`, `"file_name":`},
		{"other", `"event":`, `"body":`},
		{"unrecognized-bytes", `"body_base64":`, `"event":1,"body_base64":`},
	} {
		data := all[broken.name].Data
		if !bytes.Contains(data, []byte(broken.from)) {
			t.Fatalf("%s lacks %s", broken.name, broken.from)
		}
		if schematest.Check(bytes.Replace(data, []byte(broken.from), []byte(broken.to), 1)) == nil {
			t.Errorf("%s: the schema takes %s", broken.name, broken.to)
		}
	}
}

func TestAttributesSchemaIsStrict(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(map[string]string){
		"one more":              func(m map[string]string) { m["extra"] = "1" },
		"one less":              func(m map[string]string) { delete(m, "path") },
		"a result's elsewhere":  func(m map[string]string) { m["status"] = "failed" },
		"a long value":          func(m map[string]string) { m["meta_x"] = strings.Repeat("x", 1025) },
		"an unknown mode":       func(m map[string]string) { m["mode"] = "other" },
		"an empty signer":       func(m map[string]string) { m["signer"] = "" },
		"result without status": func(m map[string]string) { m["type"] = "batch.result" },
	} {
		m := of(delivery(), `{"type":"batch.expired","data":{"id":"b"}}`).Simple().Attributes
		if err := schematest.CheckAttributes(m); err != nil {
			t.Fatal(err)
		}
		change(m)
		if schematest.CheckAttributes(m) == nil {
			t.Errorf("the schema takes %s", name)
		}
	}
}
