package gemini

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ptr[T any](v T) *T { return &v }

func TestWebhookRequestsRefused(t *testing.T) {
	t.Parallel()
	s, _ := start(t, Options{})
	id, _ := create(t, newClient(t, s, testKey), "https://example.com/")
	for name, c := range map[string]struct {
		method, path, body, key string
		want                    int
		wantStatus              string
	}{
		"no key":               {"GET", "/v1beta/webhooks", "", "", 403, "PERMISSION_DENIED"},
		"wrong key":            {"GET", "/v1beta/webhooks", "", "other", 401, "UNAUTHENTICATED"},
		"no uri":               {"POST", "/v1beta/webhooks", `{"subscribed_events":["batch.failed"]}`, testKey, 400, "INVALID_ARGUMENT"},
		"relative uri":         {"POST", "/v1beta/webhooks", `{"uri":"/x","subscribed_events":["batch.failed"]}`, testKey, 400, "INVALID_ARGUMENT"},
		"http elsewhere":       {"POST", "/v1beta/webhooks", `{"uri":"http://example.com","subscribed_events":["batch.failed"]}`, testKey, 400, "INVALID_ARGUMENT"},
		"no events":            {"POST", "/v1beta/webhooks", `{"uri":"https://example.com"}`, testKey, 400, "INVALID_ARGUMENT"},
		"empty events":         {"POST", "/v1beta/webhooks", `{"uri":"https://example.com","subscribed_events":[]}`, testKey, 400, "INVALID_ARGUMENT"},
		"batch.cancelled":      {"POST", "/v1beta/webhooks", `{"uri":"https://example.com","subscribed_events":["batch.cancelled"]}`, testKey, 400, "INVALID_ARGUMENT"},
		"unknown field":        {"POST", "/v1beta/webhooks", `{"uri":"https://example.com","subscribed_events":["batch.failed"],"x":1}`, testKey, 400, "INVALID_ARGUMENT"},
		"not json":             {"POST", "/v1beta/webhooks", `{`, testKey, 400, "INVALID_ARGUMENT"},
		"mask unknown":         {"PATCH", "/v1beta/webhooks/" + id + "?update_mask=id", `{}`, testKey, 400, "INVALID_ARGUMENT"},
		"mask without value":   {"PATCH", "/v1beta/webhooks/" + id + "?update_mask=uri", `{}`, testKey, 400, "INVALID_ARGUMENT"},
		"state not settable":   {"PATCH", "/v1beta/webhooks/" + id, `{"state":"disabled_due_to_failed_deliveries"}`, testKey, 400, "INVALID_ARGUMENT"},
		"revocation unknown":   {"POST", "/v1beta/webhooks/" + id + ":rotateSigningSecret", `{"revocation_behavior":"never"}`, testKey, 400, "INVALID_ARGUMENT"},
		"page token made up":   {"GET", "/v1beta/webhooks?page_token=xyz", "", testKey, 400, "INVALID_ARGUMENT"},
		"id with its prefix":   {"GET", "/v1beta/webhooks/webhooks%2F" + id, "", testKey, 404, "NOT_FOUND"},
		"ping nobody":          {"POST", "/v1beta/webhooks/nobody:ping", "", testKey, 404, "NOT_FOUND"},
		"unknown verb":         {"POST", "/v1beta/webhooks/" + id + ":explode", "", testKey, 404, "NOT_FOUND"},
		"unknown path":         {"GET", "/v1/webhooks", "", testKey, 404, "NOT_FOUND"},
		"key in the query":     {"GET", "/v1beta/webhooks?key=" + testKey, "", "", 403, "PERMISSION_DENIED"},
		"upload without key":   {"POST", "/upload/v1beta/files", "{}", "", 403, "PERMISSION_DENIED"},
		"upload id only there": {"GET", "/v1beta/webhooks?upload_id=1", "", "", 403, "PERMISSION_DENIED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out := call(t, s, c.method, c.path, c.body, map[string]string{"x-goog-api-key": c.key})
			failure, _ := out["error"].(map[string]any)
			if code != c.want || failure["status"] != c.wantStatus || failure["code"] != float64(c.want) {
				t.Errorf("status %d and error %v, want %d %s", code, out, c.want, c.wantStatus)
			}
			if message, _ := failure["message"].(string); message == "" || strings.Contains(message, testKey) {
				t.Errorf("message %q", message)
			}
		})
	}
}

func TestBothSpellings(t *testing.T) {
	t.Parallel()
	s, client := start(t, Options{})
	id, _ := create(t, client, "https://example.com/")
	code, out := call(t, s, "PATCH", "/v1beta/webhooks/"+id+"?updateMask=subscribedEvents", `{"subscribedEvents":["video.generated"]}`, keyHeader)
	if diff := cmp.Diff([]any{"video.generated"}, out["subscribed_events"]); code != 200 || diff != "" {
		t.Errorf("status %d (-want +got):\n%s", code, diff)
	}
	code, out = call(t, s, "POST", "/v1beta/webhooks/"+id+":rotateSigningSecret",
		`{"revocation_behavior":"REVOKE_PREVIOUS_SECRETS_IMMEDIATELY"}`, keyHeader)
	secret, _ := out["secret"].(string)
	text, whole := strings.CutPrefix(secret, "whsec_")
	if key, err := base64.StdEncoding.DecodeString(text); code != 200 || !whole || err != nil || len(key) != 32 {
		t.Errorf("rotation in upper case: status %d, %v, want whsec_ + base64 of 32 bytes", code, err)
	}
	// Without a mask what is there is changed, with one what the mask names.
	for _, update := range []struct{ query, body, want string }{
		{"", `{"name":"named"}`, "named"},
		{"?update_mask=uri", `{"name":"ignored","uri":"https://example.com/"}`, "named"},
		{"?update_mask=name", `{"uri":"https://example.com/ignored"}`, ""},
	} {
		code, out := call(t, s, "PATCH", "/v1beta/webhooks/"+id+update.query, update.body, keyHeader)
		if name, _ := out["name"].(string); code != 200 || name != update.want || out["uri"] != "https://example.com/" {
			t.Errorf("update%s: status %d, name %q, uri %v", update.query, code, name, out["uri"])
		}
	}
}
