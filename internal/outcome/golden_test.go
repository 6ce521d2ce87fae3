package outcome

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/event"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden.json")

// messages are one of each type and shape, by the name of their golden file.
func messages() map[string]Message {
	batch := of(delivery(), batchBody)
	ours := known(delivery(), batchBody, &Batch{
		Name: "batches/1", DisplayName: "nightly \"run\"", Model: "models/gemini-2.5-flash", Created: "2026-01-22T11:00:00Z",
		Ended: "2026-01-22T11:59:00Z", State: "BATCH_STATE_SUCCEEDED", Requested: 7, HasRequested: true,
	})
	simple := func(body string) Message { return of(delivery(), body).Simple() }
	dynamic := delivery()
	dynamic.Mode, dynamic.Scheme, dynamic.Origin, dynamic.Path = "dynamic", "ed25519", "path_token", "/dynamic/label"
	dynamic.Signer, dynamic.Traceparent = "", ""
	expires := time.Date(2026, 1, 24, 12, 0, 0, 0, time.UTC)
	copied := &Archived{URI: "gs://a/archive/k/video-0", Generation: "1700000000000001", Bytes: 3 << 30, ContentType: "video/mp4"}
	interaction := func(d event.Delivery, body string, i *Interaction, reason *Error) Message {
		m, _ := of(d, body).Interaction(i, reason)
		return m
	}

	return map[string]Message{
		"batch.result": batch.Result(Source{URI: "gs://b/o.jsonl", Generation: "1700000000000000", Offset: 9 << 30, Length: 120}, Line{
			Key: "row-1", HasKey: true,
			Status: "succeeded",
			Text:   "Hello <b>\"world\"</b>\n\u2028é", HasText: true,
			FinishReason: "STOP",
			ModelVersion: "gemini-2.5-flash",
			Usage:        usage(map[string]int64{"prompt_tokens": 3, "candidates_tokens": 0, "cached_tokens": 2, "tool_use_tokens": 1, "total_tokens": 4}),
			Response:     []byte(`{"candidates" : [ {"x":"<\u00e9>"} ],"big":1.0e400}`),
			Request:      []byte(`{"contents":[]}`),
			Extra:        []byte(`{"custom_id" : "row-1","processed_time":"2026-01-22T12:00:00Z"}`),
		}),
		"batch.result-failed": batch.Result(Source{URI: "gs://b/o.jsonl.gz", Generation: "1", Encoding: "gzip"}, Line{
			Key: "", HasKey: true,
			Index: 0, HasIndex: true,
			Status:       "failed",
			Error:        &Error{Code: "429", Message: "quota", Status: "RESOURCE_EXHAUSTED", Details: `[ {"@type":"x"} ]`},
			ExtraOmitted: true,
		}),
		"batch.result-too-long": batch.Result(Source{URI: "gs://b/o.jsonl", Generation: "1", Length: 64 << 20}, Line{
			Status: "succeeded",
			Text:   "The beginning of it", HasText: true, TextCut: true,
			FinishReason: "MAX_TOKENS", ResponseOmitted: true,
		}),
		"batch.result-invalid": batch.Result(Source{URI: "gs://b/o.jsonl", Generation: "1", Offset: 3, Length: 2}, Line{
			Status: "invalid",
			Usage:  Usage{},
			Error:  &Error{Code: "unknown_shape"},
		}),
		"batch.result-copied": ours.Result(Source{URI: "gs://archive/archive/k/results.jsonl", Generation: "1", Offset: 10, Length: 30, Origin: "batches/1"}, Line{
			Index: 3, HasIndex: true, Status: "succeeded", Response: []byte(`{}`),
		}),
		"batch.completed-copied": ours.Completed(Source{URI: "gs://archive/archive/k/results.jsonl", Origin: "batches/1"}, Totals{Counts: Counts{Total: 5, Succeeded: 5}, Bytes: 99}),
		"batch.completed": batch.Completed(Source{URI: "gs://b/o.jsonl"}, Totals{
			Counts: Counts{Total: 6, Succeeded: 3, Failed: 2, Invalid: 1, TokenLines: 4, FinishReasons: Names{"STOP": 3, "MAX_TOKENS": 1}, ErrorCodes: Names{"429": 2, "a\"": 1}, Tokens: Tokens{10, 20, 30, 4, 5, 65}}, Bytes: 5 << 30,
		}),
		"batch.completed-settled": batch.Completed(Source{URI: "gs://b/o.jsonl"}, Totals{
			Counts: Counts{Total: 5, Succeeded: 3, Failed: 2}, Settled: &Settled{Total: 100, Succeeded: 97, Failed: 2, Invalid: 1, Rounds: 2},
		}),
		"batch.completed-retrying": batch.Completed(Source{URI: "gs://b/o.jsonl"}, Totals{Counts: Counts{Total: 5, Succeeded: 3, Failed: 2}, Retrying: true}),
		"batch.completed-again": batch.Completed(Source{URI: "gs://b/o.jsonl"}, Totals{
			Counts: Counts{Total: 5, Succeeded: 3, Failed: 2}, Settled: &Settled{Total: 5, Succeeded: 3, Failed: 2}, Again: true,
		}),
		"batch.completed-former":  of(delivery(), `{"type":"batch.completed","data":{"id":"1","outputFileUri":"gs://b/o.jsonl"}}`).Completed(Source{URI: "gs://b/o.jsonl"}, Totals{}),
		"batch.incomplete":        batch.Incomplete(Error{Code: "unavailable", Message: "reading failed"}, 3, 1),
		"batch.unreadable":        batch.Unreadable("gs://b/o.jsonl", Error{Code: "bucket_not_allowed", Message: "RESULT_BUCKETS lacks it"}),
		"batch.unreadable-inline": of(delivery(), `{"type":"batch.succeeded","data":{"id":"b"}}`).Unreadable("", Error{Code: "no_api_key"}),
		"batch.failed":            simple(`{"type":"batch.failed","timestamp":"t","data":{"id":"batches/1","error_code":13,"error_message":"internal","error":{"details":[1.50]}}}`),
		"batch.failed-known":      known(delivery(), `{"type":"batch.failed","data":{"id":"batches/1"}}`, &Batch{Name: "batches/1", State: "BATCH_STATE_FAILED"}).Simple(),
		"batch.expired":           simple(`{"type":"batch.expired","data":{"id":"batch_1"}}`),
		"batch.cancelled":         simple(`{"type":"batch.cancelled","data":{"id":"batch_1"}}`),
		"video.generated": of(dynamic, `{"type":"video.generated","data":{"id":"v","output_file_uri":"https://x/v.mp4","file_name":"files/v"}}`).Videos([]Video{
			{Video: event.Video{URI: "https://x/v.mp4", File: "files/v"}, Archived: copied, ExpiresAt: expires}}, true),
		"video.generated-several": of(dynamic, `{"type":"video.generated","data":{"id":"v"}}`).Videos([]Video{
			{Video: event.Video{URI: "https://x/v.mp4", File: "files/v"}, Archived: copied, ExpiresAt: expires},
			{Video: event.Video{File: "files/w"}, ExpiresAt: expires, Error: &Error{Code: "not_found", Message: strings.Repeat("é", 600)}},
		}, true),
		"video.generated-empty": of(delivery(), `{"type":"video.generated","data":{"id":"v"}}`).Videos([]Video{{ExpiresAt: expires, Error: &Error{Code: "no_api_key"}}}, false),
		"interaction.completed": interaction(dynamic, `{"type":"interaction.completed","data":{"id":"i","user_metadata":{"a":"b"}}}`, &Interaction{
			Status: "completed", Model: "gemini-2.5-flash", Text: "4\n", Created: "2026-01-22T12:00:00Z", Updated: "2026-01-22T12:00:01Z", PreviousInteractionID: "h",
			Usage: []byte(`{"total_tokens":1.0}`), Labels: []byte(`{"team":"search"}`), Resource: []byte(`{"id":"i", "status":"completed", "big":1e400}`),
		}, nil),
		"interaction.completed-long": interaction(dynamic, `{"type":"interaction.completed","data":{"id":"i"}}`, &Interaction{
			Status: "completed", Agent: "deep-research", Text: "The beginning", TextCut: true, Archived: copied,
		}, nil),
		"interaction.requires_action": interaction(delivery(), `{"type":"interaction.requires_action","data":{"id":"i"}}`, nil, nil),
		"interaction.failed": interaction(delivery(), `{"type":"interaction.failed","data":{"id":"i","error":{"code":5,"status":"NOT_FOUND"}}}`, nil,
			&Error{Code: "denied", Message: "the key is of another project"}),
		"interaction.cancelled":      simple(`{"type":"interaction.cancelled","data":{"id":"i"}}`),
		"other":                      simple("  {\"type\": \"tuning.succeeded\",\n \"data\": {\"id\": 7, \"x\": \"<\\u00e9>\"}, \"timestamp\": 1.50}\n"),
		"unrecognized-named-as-ours": simple(`{"type":"batch.result","timestamp":"t","data":{"id":"x"}}`),
		"unrecognized-json":          simple(`[1, 2.0, "\ud800"]`),
		"unrecognized-bytes":         simple("\xff\x00not JSON"),
		"unrecognized-empty":         simple(""),
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, m := range messages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limit := MaxBytes
			if strings.HasPrefix(name, TypeBatchResult) {
				limit = MaxResultBytes
			}
			checked(t, m, limit)

			file := filepath.Join("testdata", name+".golden.json")
			got := golden(t, m)
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v; run `go test ./internal/outcome -run Golden -update`", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
}

// golden shows a message for people: attributes sorted, data as published but for
// its white space.
func golden(t *testing.T, m Message) []byte {
	t.Helper()
	attributes, err := json.Marshal(m.Attributes)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	raw := `{"attributes":` + string(attributes) + `,"data":` + string(m.Data) + `}`
	if err := json.Indent(&b, []byte(raw), "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// TestGoldenCoversCatalogue fails when a type is added without an example.
func TestGoldenCoversCatalogue(t *testing.T) {
	t.Parallel()
	all := messages()
	for _, kind := range []string{
		TypeBatchResult, TypeBatchCompleted, TypeBatchIncomplete, TypeBatchUnreadable,
		event.TypeBatchFailed, event.TypeBatchExpired, event.TypeBatchCancelled, event.TypeVideoGenerated,
		event.TypeInteractionCompleted, event.TypeInteractionRequiresAction,
		event.TypeInteractionFailed, event.TypeInteractionCancelled,
	} {
		if got := all[kind].Attributes["type"]; got != kind {
			t.Errorf("example of %s has type %q", kind, got)
		}
	}
}
