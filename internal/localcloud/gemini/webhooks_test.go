package gemini

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai/interactions/models/operations"
	"google.golang.org/genai/interactions/models/webhooks"
)

func ptr[T any](v T) *T { return &v }

func TestWebhookLifeCycle(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	s, client := start(t, Options{Now: func() time.Time { return now }})
	ctx := t.Context()

	res, err := client.Webhooks.Create(ctx, operations.CreateWebhookRequest{Body: webhooks.WebhookInput{
		Name: ptr("orders"), URI: "https://example.com/hook", SubscribedEvents: []webhooks.WebhookSubscribedEvent{"batch.succeeded"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	secret := *res.Webhook.NewSigningSecret
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) != 32 || !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("secret is not whsec_ + base64 of 32 bytes (%d bytes, %v)", len(key), err)
	}
	id := *res.Webhook.ID
	want := webhooks.Webhook{
		ID: &id, Name: ptr("orders"), URI: "https://example.com/hook",
		SubscribedEvents: []webhooks.WebhookSubscribedEvent{"batch.succeeded"}, State: ptr(webhooks.WebhookStateEnabled),
		SigningSecrets: []webhooks.SigningSecret{{TruncatedSecret: ptr(secret[:10] + "...")}}, CreateTime: &now, UpdateTime: &now,
	}

	got, err := client.Webhooks.Get(ctx, operations.GetWebhookRequest{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, *got.Webhook); diff != "" {
		t.Errorf("get (-want +got):\n%s", diff)
	}

	updated, err := client.Webhooks.Update(ctx, operations.UpdateWebhookRequest{
		ID: id, UpdateMask: ptr("uri,state"),
		Body: webhooks.WebhookUpdate{
			Name: ptr("ignored: not in the mask"), URI: ptr("https://example.com/other"), State: ptr(webhooks.WebhookUpdateStateDisabled),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want.URI, want.State = "https://example.com/other", ptr(webhooks.WebhookStateDisabled)
	if diff := cmp.Diff(want, *updated.Webhook); diff != "" {
		t.Errorf("update with mask (-want +got):\n%s", diff)
	}
	updated, err = client.Webhooks.Update(ctx, operations.UpdateWebhookRequest{
		ID: id, Body: webhooks.WebhookUpdate{SubscribedEvents: []webhooks.WebhookUpdateSubscribedEvent{"video.generated"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want.SubscribedEvents = []webhooks.WebhookSubscribedEvent{"video.generated"}
	if diff := cmp.Diff(want, *updated.Webhook); diff != "" {
		t.Errorf("update without mask (-want +got):\n%s", diff)
	}

	if _, err := client.Webhooks.Delete(ctx, operations.DeleteWebhookRequest{ID: id}); err != nil {
		t.Fatal(err)
	}
	_, err = client.Webhooks.Get(ctx, operations.GetWebhookRequest{ID: id})
	if got := status(t, err); got != http.StatusNotFound {
		t.Errorf("get after delete: status %d, want 404", got)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestListPages(t *testing.T) {
	t.Parallel()
	_, client := start(t, Options{})
	var want []string
	for range 5 {
		id, _ := create(t, client, "https://example.com/")
		want = append(want, id)
	}
	var got []string
	var sizes []int
	request := operations.ListWebhooksRequest{PageSize: ptr(2)}
	for {
		res, err := client.Webhooks.List(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		page := res.WebhookListResponse
		sizes = append(sizes, len(page.Webhooks))
		for _, hook := range page.Webhooks {
			got = append(got, *hook.ID)
			if hook.NewSigningSecret != nil {
				t.Error("list shows a secret")
			}
		}
		if page.NextPageToken == nil {
			break
		}
		request.PageToken = page.NextPageToken
		if len(got) == 2 { // what is deleted between two pages does not shift the next one
			if _, err := client.Webhooks.Delete(t.Context(), operations.DeleteWebhookRequest{ID: got[0]}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{2, 2, 1}, sizes); diff != "" {
		t.Errorf("page sizes (-want +got):\n%s", diff)
	}
}

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
	header := map[string]string{"x-goog-api-key": testKey}
	code, out := call(t, s, "PATCH", "/v1beta/webhooks/"+id+"?updateMask=subscribedEvents", `{"subscribedEvents":["video.generated"]}`, header)
	if diff := cmp.Diff([]any{"video.generated"}, out["subscribed_events"]); code != 200 || diff != "" {
		t.Errorf("status %d (-want +got):\n%s", code, diff)
	}
	code, out = call(t, s, "POST", "/v1beta/webhooks/"+id+":rotateSigningSecret",
		`{"revocation_behavior":"REVOKE_PREVIOUS_SECRETS_IMMEDIATELY"}`, header)
	if secret, _ := out["secret"].(string); code != 200 || !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("rotation in upper case: status %d", code)
	}
}
