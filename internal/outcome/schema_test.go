package outcome

import (
	"bytes"
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/outcome/schematest"
)

const expiredEvent = `,"event":{"type":"batch.expired","data":{"id":"batch_1"}}`

// TestSchemasAreStrict renames, adds and removes members of genuine messages: a
// schema that takes the result would not notice when the code does the same.
func TestSchemasAreStrict(t *testing.T) {
	t.Parallel()
	all := messages()
	for name, m := range all {
		for _, broken := range []struct{ what, from, to string }{
			{"an additional member", `{"type":`, `{"more":1,"type":`},
			{"another schema_version", `"schema_version":1`, `"schema_version":2`},
			{"event_id renamed", `"event_id":`, `"eventId":`},
			{"user_metadata is null", `"user_metadata":{`, `"user_metadata":null,"x":{`},
			{"published_at is no time", `"published_at":"2026-`, `"published_at":"26-`},
		} {
			data := bytes.Replace(m.Data, []byte(broken.from), []byte(broken.to), 1)
			if schematest.Check(data) == nil || schematest.CheckRoot(data) == nil {
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
		{"batch.expired", expiredEvent, ``},
		{"batch.expired", `"scheme":"hmac-sha256",`, ``},
		{"video.generated", `"file":`, `"file_name":`},
		{"video.generated", `"expires_at":`, `"expires":`},
		{"video.generated", `"generation":"1700000000000001"`, `"generation":1700000000000001`},
		{"video.generated-several", `"videos":[{`, `"videos":[{"state":1,`},
		{"interaction.completed", `"resource":{`, `"resource":null,"x":{`},
		{"interaction.completed", `"usage":{`, `"usages":{`},
		{"interaction.failed", `"interaction_error":{"code":"denied",`, `"interaction_error":{`},
		{"batch.result", `"extra":`, `"event":{},"extra":`},
		{"batch.result", `"extra":{`, `"extra":1,"x":{`},
		{"other", `"event":`, `"body":`},
		{"unrecognized-bytes", `"body_base64":`, `"event":1,"body_base64":`},
	} {
		data := all[broken.name].Data
		if !bytes.Contains(data, []byte(broken.from)) {
			t.Fatalf("%s lacks %s", broken.name, broken.from)
		}
		data = bytes.Replace(data, []byte(broken.from), []byte(broken.to), 1)
		if schematest.Check(data) == nil || schematest.CheckRoot(data) == nil {
			t.Errorf("%s: the schema takes %s", broken.name, broken.to)
		}
	}
}

// TestSchemasTakeOptionalMembers adds what only some messages have.
func TestSchemasTakeOptionalMembers(t *testing.T) {
	t.Parallel()
	all := messages()
	const job = `"batch":{"name":"batches/1","display_name":"nightly","model":"models/m","created":"2026-01-22T12:00:00Z",` +
		`"ended":"2026-01-22T13:00:00Z","requested":3,"state":"BATCH_STATE_SUCCEEDED"}`
	for _, added := range []struct{ name, members string }{
		{"batch.result-invalid", `"index":0,"extra":{"custom_id":"1","metadata":null}`},
		{"batch.completed", job},
		{"batch.incomplete", job},
		{"batch.unreadable", job},
		{"batch.failed", job},
	} {
		data := bytes.Replace(all[added.name].Data, []byte(`{"type":`), []byte(`{`+added.members+`,"type":`), 1)
		if err := schematest.Check(data); err != nil {
			t.Errorf("%s with %s: %v", added.name, added.members, err)
		}
	}
	reconciled := strings.NewReplacer(expiredEvent, ``, `"scheme":"hmac-sha256",`, ``, `"mode":"static"`, `"mode":"reconciled"`, `"signing_secret"`, `"gemini_api"`)
	if err := schematest.Check([]byte(reconciled.Replace(string(all["batch.expired"].Data)))); err != nil {
		t.Errorf("reconciled: %v", err)
	}
}

func TestAttributesSchemaIsStrict(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(map[string]string){
		"one more":              func(m map[string]string) { m["more"] = "1" },
		"one less":              func(m map[string]string) { delete(m, "path") },
		"a result's status":     func(m map[string]string) { m["status"] = "failed" },
		"a result's code":       func(m map[string]string) { m["error_code"] = "1" },
		"a long value":          func(m map[string]string) { m["meta_x"] = strings.Repeat("x", 1025) },
		"unconfirmed":           func(m map[string]string) { m["confirmed"] = "false" },
		"no scheme":             func(m map[string]string) { delete(m, "scheme") },
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
