package event

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/gemini-webhook/internal/lenientjson"
)

// delivery is a genuine one, for all tests of the package.
func delivery() Delivery {
	return Delivery{
		ID:          "msg_1",
		ReceivedAt:  time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.UTC),
		Mode:        "static",
		Scheme:      "hmac-sha256",
		Origin:      "signing_secret",
		Signer:      "projects/p/secrets/s/versions/1",
		Path:        "/gemini",
		Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		body string
		want Event // without Delivery and Body
	}{
		{
			name: "batch with a pointer",
			body: `{"type":"batch.succeeded","version":"v1","timestamp":"2026-01-22T12:00:00Z","data":{"id":"batch_1","output_file_uri":"gs://b/o.jsonl"}}`,
			want: Event{JSON: true, Type: TypeBatchSucceeded, Time: "2026-01-22T12:00:00Z", ResourceID: "batch_1", Pointer: "gs://b/o.jsonl"},
		},
		{
			name: "batch.succeeded under its older name",
			body: `{"type":"batch.completed","data":{"id":"b","output_file_uri":"gs://b/o.jsonl"}}`,
			want: Event{JSON: true, Type: TypeBatchSucceeded, SentType: "batch.completed", ResourceID: "b", Pointer: "gs://b/o.jsonl"},
		},
		{
			name: "error code as a number",
			body: `{"type":"batch.failed","data":{"id":"b","error_code":429,"error_message":"slow down"}}`,
			want: Event{JSON: true, Type: TypeBatchFailed, ResourceID: "b", Error: &Error{Code: "429", Message: "slow down"}},
		},
		{
			name: "error object fills what error_code leaves open",
			body: `{"type":"batch.failed","data":{"error_code":"E1","error":{"code":5,"message":"m","status":"NOT_FOUND"}}}`,
			want: Event{JSON: true, Type: TypeBatchFailed, Error: &Error{Code: "E1", Message: "m", Status: "NOT_FOUND"}},
		},
		{
			name: "error as a text",
			body: `{"type":"interaction.failed","data":{"error":"boom"}}`,
			want: Event{JSON: true, Type: TypeInteractionFailed, Error: &Error{Message: "boom"}},
		},
		{
			name: "numbers are texts in an error",
			body: `{"type":"batch.failed","data":{"error_message":7,"error":{"status":5.0}}}`,
			want: Event{JSON: true, Type: TypeBatchFailed, Error: &Error{Message: "7", Status: "5.0"}},
		},
		{
			name: "error as a number",
			body: `{"type":"batch.failed","data":{"error":13}}`,
			want: Event{JSON: true, Type: TypeBatchFailed, Error: &Error{Code: "13"}},
		},
		{
			name: "error in camelCase",
			body: `{"type":"batch.failed","data":{"errorCode":8,"errorMessage":"m"}}`,
			want: Event{JSON: true, Type: TypeBatchFailed, Error: &Error{Code: "8", Message: "m"}},
		},
		{
			name: "details are as they stand",
			body: `{"type":"batch.failed","data":{"error":{"details":[ {"@type" : "x\u003c"}, 1.50 ]}}}`,
			want: Event{JSON: true, Type: TypeBatchFailed, Error: &Error{Details: `[ {"@type" : "x\u003c"}, 1.50 ]`}},
		},
		{
			name: "error members without a value are no error",
			body: `{"type":"batch.failed","data":{"error_code":null,"error_message":"","error":{"code":{},"details":null}}}`,
			want: Event{JSON: true, Type: TypeBatchFailed},
		},
		{
			name: "video, today's names first",
			body: `{"type":"video.generated","data":{"id":"v","output_file_uri":"https://new","video_uri":"https://old","file_id":7}}`,
			want: Event{JSON: true, Type: TypeVideoGenerated, ResourceID: "v", Pointer: "https://new", Video: &Video{URI: "https://new", File: "7"}},
		},
		{
			name: "video, older names",
			body: `{"type":"video.generated","data":{"video_uri":"https://old","file_id":"files/1","file_name":null}}`,
			want: Event{JSON: true, Type: TypeVideoGenerated, Video: &Video{URI: "https://old", File: "files/1"}},
		},
		{
			name: "video in camelCase",
			body: `{"type":"video.generated","data":{"outputFileUri":"https://new","videoUri":"https://old","fileName":"files/1"}}`,
			want: Event{JSON: true, Type: TypeVideoGenerated, Pointer: "https://new", Video: &Video{URI: "https://new", File: "files/1"}},
		},
		{
			name: "video, older names in camelCase",
			body: `{"type":"video.generated","data":{"videoUri":"https://old","fileId":"files/1"}}`,
			want: Event{JSON: true, Type: TypeVideoGenerated, Video: &Video{URI: "https://old", File: "files/1"}},
		},
		{
			name: "snake_case comes before camelCase",
			body: `{"type":"batch.succeeded","userMetadata":{"b":2},"user_metadata":{"a":1},"data":{"outputFileUri":"gs://c","output_file_uri":"gs://s","errorCode":1,"error_code":2}}`,
			want: Event{JSON: true, Type: TypeBatchSucceeded, Pointer: "gs://s", Error: &Error{Code: "2"}, UserMetadata: map[string]lenientjson.Value{"a": []byte("1")}},
		},
		{
			name: "camelCase beside a snake_case without a value",
			body: `{"type":"batch.succeeded","user_metadata":null,"userMetadata":{"b":2},"data":{"output_file_uri":null,"outputFileUri":"gs://c","error_code":"","errorCode":1}}`,
			want: Event{JSON: true, Type: TypeBatchSucceeded, Pointer: "gs://c", Error: &Error{Code: "1"}, UserMetadata: map[string]lenientjson.Value{"b": []byte("2")}},
		},
		{
			name: "metadata in data, in camelCase",
			body: `{"type":"x","data":{"userMetadata":{"b":2}}}`,
			want: Event{JSON: true, Type: "x", UserMetadata: map[string]lenientjson.Value{"b": []byte("2")}},
		},
		{
			name: "metadata that is the JSON of an object",
			body: `{"type":"x","user_metadata":" {\"a\" : [1], \"b\":\"\\u00e9\", \"c\":null}\n"}`,
			want: Event{JSON: true, Type: "x", UserMetadata: map[string]lenientjson.Value{"a": []byte("[1]"), "b": []byte(`"\u00e9"`), "c": []byte("null")}},
		},
		{
			name: "metadata that is the JSON of an object, in data",
			body: `{"type":"x","user_metadata":"[1]","data":{"user_metadata":"{}"}}`,
			want: Event{JSON: true, Type: "x", UserMetadata: map[string]lenientjson.Value{}},
		},
		{
			name: "metadata that is another text is absent",
			body: `{"type":"x","user_metadata":"{a}","data":{"user_metadata":"\"{}\""}}`,
			want: Event{JSON: true, Type: "x"},
		},
		{
			name: "metadata at the top comes before that in data",
			body: `{"type":"x","user_metadata":{"a":1},"data":{"user_metadata":{"b":2}}}`,
			want: Event{JSON: true, Type: "x", UserMetadata: map[string]lenientjson.Value{"a": []byte("1")}},
		},
		{
			name: "metadata that is no object is absent",
			body: `{"type":"x","user_metadata":["a"],"data":{"user_metadata":{"b": 12345678901234567890.10 }}}`,
			want: Event{JSON: true, Type: "x", UserMetadata: map[string]lenientjson.Value{"b": []byte("12345678901234567890.10")}},
		},
		{
			name: "wrong types are absent",
			body: `{"type":"batch.succeeded","timestamp":true,"data":{"id":["b"],"output_file_uri":{"gs":1}}}`,
			want: Event{JSON: true, Type: TypeBatchSucceeded},
		},
		{
			name: "numbers become text",
			body: `{"type":"x","timestamp":1769083200.5,"data":{"id":-12345678901234567890}}`,
			want: Event{JSON: true, Type: "x", Time: "1769083200.5", ResourceID: "-12345678901234567890"},
		},
		{
			name: "of duplicates the last wins",
			body: `{"type":"a","type":"b","data":{"id":"1"},"data":{"id":"2","id":"3"}}`,
			want: Event{JSON: true, Type: "b", ResourceID: "3"},
		},
		{
			name: "names are compared exactly",
			body: `{"Type":"a","type":"b","TYPE":"c","DATA":{"id":"1"}}`,
			want: Event{JSON: true, Type: "b"},
		},
		{
			name: "white space around it",
			body: " \r\n\t" + `{"type":"b"}` + "\n",
			want: Event{JSON: true, Type: "b"},
		},
		{name: "data is no object", body: `{"type":"x","data":"id"}`, want: Event{JSON: true, Type: "x"}},
		{name: "type of 256 bytes", body: `{"type":"` + strings.Repeat("é", 128) + `"}`, want: Event{JSON: true, Type: strings.Repeat("é", 128)}},
		{name: "type of 257 bytes", body: `{"type":"` + strings.Repeat("é", 128) + `x"}`, want: Event{JSON: true}},
		{name: "empty type", body: `{"type":"","data":{"id":"1"}}`, want: Event{JSON: true, ResourceID: "1"}},
		{name: "type is no string", body: `{"type":5}`, want: Event{JSON: true}},
		{name: "scalar", body: `42`, want: Event{JSON: true}},
		{name: "array", body: `[{"type":"x"}]`, want: Event{JSON: true}},
		{name: "null", body: `null`, want: Event{JSON: true}},
		{name: "empty", body: ``},
		{name: "two values", body: `{"type":"x"}{"type":"x"}`},
		{name: "not JSON", body: `type=x`},
		{name: "byte order mark", body: "\ufeff{\"type\":\"x\"}"},
		{name: "deeper than readers follow", body: strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)},
		{name: "invalid UTF-8 in a string", body: "{\"type\":\"a\xff\"}", want: Event{JSON: true, Type: "a\uFFFD"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.want.Delivery, tc.want.Body = delivery(), []byte(tc.body)
			if tc.want.SentType == "" {
				tc.want.SentType = tc.want.Type
			}
			if diff := cmp.Diff(&tc.want, New(delivery(), []byte(tc.body)), cmpopts.IgnoreFields(Event{}, "Key")); diff != "" {
				t.Errorf("New (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKnown(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"batch.succeeded", "batch.cancelled", "batch.expired", "batch.failed",
		"interaction.completed", "interaction.requires_action", "interaction.failed", "interaction.cancelled",
		"video.generated",
	} {
		if !Known(name) {
			t.Errorf("Known(%q) = false; Gemini documents it", name)
		}
	}
	for _, name := range []string{"", "Batch.succeeded", "batch.result", "video.failed"} {
		if Known(name) {
			t.Errorf("Known(%q) = true", name)
		}
	}
}

func FuzzNew(f *testing.F) {
	for _, s := range []string{
		`{"type":"batch.succeeded","timestamp":"t","data":{"id":"batch_1","output_file_uri":"gs://b/o"}}`,
		`{"type":"video.generated","user_metadata":{"a":null},"data":{"video_uri":"u","file_id":1e9}}`,
		`{"type":"x","data":{"error":{"code":1},"error_code":"2"}}`,
		`{"type":"x","type":1}`, `[]`, `"`, "\xff", `{"type":"` + "\xff" + `"}`, `-`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e := New(delivery(), body)
		if e.JSON != json.Valid(body) && len(body) < maxDepth {
			t.Errorf("JSON = %t, json.Valid says otherwise", e.JSON)
		}
		if len(e.Type) > maxTypeBytes || e.Type != "" && !e.JSON {
			t.Errorf("unusable type %q", e.Type)
		}
		for k, v := range e.UserMetadata {
			if !json.Valid(v) {
				t.Errorf("user_metadata[%q] is not JSON", k)
			}
		}
		if e.Error != nil && *e.Error == (Error{}) {
			t.Error("an empty error")
		}
		if key := e.Key; len(key) != 64 || key != New(delivery(), body).Key {
			t.Errorf("key %q is not 64 characters or not stable", key)
		}
	})
}
