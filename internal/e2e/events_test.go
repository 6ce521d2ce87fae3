package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// Every type of the catalogue, types unknown to us and bodies that are no
// event become their outcomes (SPEC.md "Outcomes").
func TestEveryEventType(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	type want struct {
		outcome  string
		resource string
		code     string // of the error
		message  string
		video    [2]string
	}
	failed := func(id string, code any) map[string]any {
		return map[string]any{"id": id, "error_code": code, "error_message": "it went wrong"}
	}
	wants := make(map[string]want) // by webhook-id
	for _, e := range []struct {
		kind string
		data map[string]any
		want want
	}{
		{"batch.succeeded", map[string]any{"id": "batches/inline"}, want{"batch.unreadable", "batches/inline", "no_pointer", "", [2]string{}}},
		{"batch.succeeded", map[string]any{"id": "batch_2", "output_file_uri": "gs://elsewhere/o.jsonl"}, want{"batch.unreadable", "batch_2", "bucket_not_allowed", "", [2]string{}}},
		{"batch.failed", failed("batches/3", 13), want{"batch.failed", "batches/3", "13", "it went wrong", [2]string{}}},
		{"batch.expired", map[string]any{"id": "batches/4"}, want{outcome: "batch.expired", resource: "batches/4"}},
		{"batch.cancelled", map[string]any{"id": "batches/5"}, want{outcome: "batch.cancelled", resource: "batches/5"}},
		{"interaction.completed", map[string]any{"id": "int_1"}, want{outcome: "interaction.completed", resource: "int_1"}},
		{"interaction.requires_action", map[string]any{"id": "int_2"}, want{outcome: "interaction.requires_action", resource: "int_2"}},
		{"interaction.failed", failed("int_3", "INTERNAL"), want{"interaction.failed", "int_3", "INTERNAL", "it went wrong", [2]string{}}},
		{"interaction.cancelled", map[string]any{"id": "int_4"}, want{outcome: "interaction.cancelled", resource: "int_4"}},
		{"video.generated", map[string]any{"id": "video_1", "output_file_uri": "gs://b/v.mp4", "file_name": "files/v"}, want{outcome: "video.generated", resource: "video_1", video: [2]string{"gs://b/v.mp4", "files/v"}}},
		{"video.generated", map[string]any{"id": "video_2", "video_uri": "gs://b/w.mp4", "file_id": "files/w"}, want{outcome: "video.generated", resource: "video_2", video: [2]string{"gs://b/w.mp4", "files/w"}}},
		{"model.tuned", map[string]any{"id": "model_1"}, want{outcome: "model.tuned", resource: "model_1"}},
		{"Batch.Failed", map[string]any{"id": "case"}, want{outcome: "Batch.Failed", resource: "case"}},
		{"batch.completed", map[string]any{"id": "ours"}, want{outcome: "batch.completed", resource: "ours"}},
		{strings.Repeat("t", 256), map[string]any{"id": "long"}, want{outcome: strings.Repeat("t", 256), resource: "long"}},
		// An error text over the 1,024 bytes of an attribute.
		{"batch.failed", map[string]any{"id": "batches/long", "error_code": 3, "error_message": strings.Repeat("é", 3000)}, want{"batch.failed", "batches/long", "3", strings.Repeat("é", 3000), [2]string{}}},
	} {
		ids := r.emit(e.kind, e.data)
		if len(ids) != 1 {
			t.Fatalf("%s went to %d webhooks, want 1", e.kind, len(ids))
		}
		wants[ids[0]] = e.want
	}
	bodies := make(map[string]string)
	for _, body := range []string{
		"", "not JSON", "\xff\xfe\x00", `{"type":`, "[]", "null", `"text"`, "42", "{}", `{"type":""}`, `{"type":7}`,
		`{"type":"` + strings.Repeat("t", 257) + `"}`,
	} {
		ids, err := r.cloud.Gemini.SendRaw([]byte(body), gemini.EmitOptions{})
		must(t, err)
		wants[ids[0]], bodies[ids[0]] = want{outcome: "unrecognized"}, body
	}
	key := http.Header{"X-Goog-Api-Key": {localcloud.APIKey}}
	if a := send(t, http.MethodPost, r.cloud.Gemini.URL()+"/v1beta/webhooks/"+r.webhook+":ping", key, "{}"); a.status != 200 {
		t.Errorf("ping: %v", a)
	}

	r.wait("an outcome per event", func() bool { return r.seen.count(localcloud.OutcomesTopic) > len(wants) && r.seen.idle() })
	pings := 0
	for _, o := range r.seen.outcomes(t, localcloud.OutcomesTopic) {
		if o.Type == "webhook.ping" {
			pings++
			continue
		}
		w, ok := wants[o.EventID]
		if !ok {
			t.Errorf("unexpected, or the second of its event: %s", o.raw)
			continue
		}
		delete(wants, o.EventID)
		got := want{o.Type, o.ResourceID, o.Error.Code, o.Error.Message, [2]string{o.Video.URI, o.Video.File}}
		if w.outcome == "batch.unreadable" {
			got.message = "" // ours
		}
		if got != w {
			t.Errorf("got %+v, want %+v", got, w)
		}
		body, raw := bodies[o.EventID]
		switch decoded, err := base64.StdEncoding.DecodeString(o.BodyBase64); {
		case !raw && (o.Attributes["meta_job"] != "42" || o.UserMeta["job"] != 42.0):
			t.Errorf("user_metadata is lost: %s", o.raw)
		case raw && json.Valid([]byte(body)) && string(o.Event) != body:
			t.Errorf("event %s, want %s", o.Event, body)
		case raw && !json.Valid([]byte(body)) && (err != nil || string(decoded) != body):
			t.Errorf("body_base64 %q, want %q", decoded, body)
		}
	}
	if pings != 1 || len(wants) != 0 {
		t.Errorf("%d pings, want 1; without an outcome: %v", pings, wants)
	}
	if n := r.seen.count(localcloud.DeadLetterTopic); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

// The same event by two webhooks, and delivered again, is one; requires_action
// happens more than once to an interaction (SPEC.md "Identity").
func TestIdentity(t *testing.T) {
	t.Parallel()
	const otherSecret = "projects/" + localcloud.Project + "/secrets/other"
	r := newRig(t, options{
		cloud: localcloud.Options{Gemini: gemini.Options{DuplicateShare: 1}},
		env:   []string{"SIGNING_SECRETS=" + localcloud.SigningSecret + "," + otherSecret},
	})
	r.cloud.Secrets.Create(otherSecret)
	other, _, err := r.operator.Admin.Ensure(t.Context(), webhookadmin.Desired{
		Name: "other", URI: r.url() + "/other", SubscribedEvents: []string{"batch.expired"}, Enabled: true, SigningSecret: otherSecret,
	})
	must(t, err)
	action := func(at string) string {
		return fmt.Sprintf(`{"type":"interaction.requires_action","timestamp":%q,"data":{"id":"int_1"}}`, at)
	}
	for _, body := range []string{
		`{"type":"batch.expired","timestamp":"2026-01-22T12:00:00Z","data":{"id":"batches/1"}}`,
		`{"type":"batch.expired","timestamp":"2026-01-22T12:00:01Z","data":{"id":"batch_1"}}`,
		action("2026-01-22T12:00:00Z"), action("2026-01-22T12:00:01Z"), action("2026-01-22T12:00:00Z"),
	} {
		ids, err := r.cloud.Gemini.SendRaw([]byte(body), gemini.EmitOptions{Webhooks: []string{r.webhook, other.ID}})
		must(t, err)
		if len(ids) != 2 {
			t.Fatalf("sent to %d webhooks, want 2", len(ids))
		}
	}
	r.wait("every delivery, twice", func() bool { return len(r.cloud.Gemini.Deliveries()) == 20 })
	r.wait("all work", r.seen.idle)
	got := make(map[string]int)
	for _, kind := range []string{"batch.expired", "interaction.requires_action"} {
		got[kind] = len(r.seen.ofType(t, kind))
	}
	if diff := cmp.Diff(map[string]int{"batch.expired": 1, "interaction.requires_action": 2}, got); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}
