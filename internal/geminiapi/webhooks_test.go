package geminiapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// answering talks to a server that gives one answer to all requests.
func answering(t *testing.T, handler http.HandlerFunc) *Webhooks {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return NewWebhooks(WebhooksConfig{Key: func(context.Context) (secret.Value, error) { return secret.NewValue([]byte(key)), nil }, BaseURL: s.URL})
}

func fields() webhookadmin.Fields {
	name, uri := "ours", "https://receiver.example/hook"
	return webhookadmin.Fields{Name: &name, URI: &uri, SubscribedEvents: []string{"batch.succeeded"}}
}

func TestWebhooksOnTheSimulator(t *testing.T) {
	t.Parallel()
	s, err := gemini.Start(gemini.Options{APIKey: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w := NewWebhooks(WebhooksConfig{Key: func(context.Context) (secret.Value, error) { return secret.NewValue([]byte(" " + key + "\n")), nil }, BaseURL: s.URL()})
	ctx := t.Context()
	hook, first, err := w.Create(ctx, fields())
	if err != nil || !strings.HasPrefix(string(first.Reveal()), "whsec_") {
		t.Fatalf("create: %+v, %v", hook, err)
	}
	got, err := w.Get(ctx, hook.ID)
	if diff := cmp.Diff(hook, got); diff != "" || err != nil || hook.State != webhookadmin.StateEnabled || hook.Created.IsZero() {
		t.Errorf("get: %v (-created +got)\n%s", err, diff)
	}
	second, err := w.Rotate(ctx, hook.ID, false)
	if err != nil || string(second.Reveal()) == string(first.Reveal()) {
		t.Errorf("rotate: %v, want another secret", err)
	}
	if got, err := w.Get(ctx, hook.ID); err != nil || len(got.SigningSecrets) != 2 || got.SigningSecrets[0].Expires.IsZero() || !got.SigningSecrets[1].Expires.IsZero() {
		t.Errorf("after a rotation: %+v, %v, want two secrets, of which the older ends", got, err)
	}
	if _, err := w.Rotate(ctx, hook.ID, true); err != nil {
		t.Errorf("rotate immediately: %v", err)
	}
	if got, err := w.Get(ctx, hook.ID); err != nil || len(got.SigningSecrets) != 1 {
		t.Errorf("after a revocation: %+v, %v, want one secret", got, err)
	}
	name, state := "renamed", webhookadmin.StateDisabled
	if got, err := w.Update(ctx, hook.ID, webhookadmin.Fields{Name: &name, State: &state}); err != nil || got.Name != name || got.State != state || got.URI != hook.URI {
		t.Errorf("update: %+v, %v", got, err)
	}
	if err := w.Ping(ctx, hook.ID); err != nil {
		t.Errorf("ping: %v", err)
	}
	for range listPage {
		if _, _, err := w.Create(ctx, fields()); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := w.List(ctx); len(all) != listPage+1 || err != nil || all[0].ID != hook.ID {
		t.Errorf("list: %d webhooks, %v, want %d", len(all), err, listPage+1)
	}
	if err := w.Delete(ctx, hook.ID); err != nil {
		t.Errorf("delete: %v", err)
	}
	if err := w.Delete(ctx, hook.ID); !errors.Is(err, webhookadmin.ErrWebhookNotFound) {
		t.Errorf("delete again: %v", err)
	}
}

// TestCreateAndRotateAreSentOnce, whatever comes back: the first new secret
// would be lost.
func TestCreateAndRotateAreSentOnce(t *testing.T) {
	t.Parallel()
	calls := map[string]func(*Webhooks) error{
		"create": func(w *Webhooks) error { _, _, err := w.Create(t.Context(), fields()); return err },
		"rotate": func(w *Webhooks) error { _, err := w.Rotate(t.Context(), "wh1", false); return err },
	}
	for name, call := range calls {
		for _, status := range []int{http.StatusConflict, http.StatusServiceUnavailable, 0} {
			t.Run(fmt.Sprintf("%s %d", name, status), func(t *testing.T) {
				t.Parallel()
				var sent atomic.Int64
				err := call(answering(t, func(w http.ResponseWriter, _ *http.Request) {
					sent.Add(1)
					if status == 0 {
						panic(http.ErrAbortHandler) // the answer is lost
					}
					w.WriteHeader(status)
				}))
				if sent.Load() != 1 || err == nil || errors.Is(err, webhookadmin.ErrRefused) || errors.Is(err, webhookadmin.ErrWebhookNotFound) {
					t.Errorf("sent %d times, %v; want once, and an error that leaves open what was done", sent.Load(), err)
				}
			})
		}
	}
}

func TestRefusalsSayWhyWithoutSecrets(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status int
		body   string
		want   error  // nil: open what was done
		says   string // in its text
	}{
		{400, `{"error":{"message":"subscribed_events: unknown event"}}`, webhookadmin.ErrRefused, "unknown event"},
		{400, `{"error":{"message":"no ` + "\n" + ` JSON"}}`, webhookadmin.ErrRefused, "status 400"},
		{400, `{"error":{"message":"` + strings.Repeat("ü", 400) + `"}}`, webhookadmin.ErrRefused, "…"},
		{401, `{"error":{"message":"API key not valid"}}`, webhookadmin.ErrRefused, "check the API key"},
		{403, `{"error":{"message":"Consumer 'api_key:` + key + `' has been suspended. whsec_c2VjcmV0c2VjcmV0c2VjcmV0"}}`, webhookadmin.ErrRefused, "suspended"},
		{404, `{}`, webhookadmin.ErrWebhookNotFound, "status 404"},
		{429, `quota`, webhookadmin.ErrRefused, "status 429"},
		{408, `{}`, nil, "status 408"},
		{409, `{}`, nil, "status 409"},
		{500, `{"error":{"message":"whsec_c2VjcmV0c2VjcmV0c2VjcmV0"}}`, nil, "status 500"},
		{200, `{"secret":"whsec_c2VjcmV0c2VjcmV0c2VjcmV0"`, nil, "cannot be read"},
		{200, `{"secret":["whsec_c2VjcmV0c2VjcmV0c2VjcmV0"]}`, nil, "cannot be read"},
		{200, `{}`, nil, "no signing secret"},
		{307, `whsec_c2VjcmV0c2VjcmV0c2VjcmV0`, nil, ""},
	}
	for _, test := range tests {
		w := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if test.status == 307 {
				w.Header().Set("Content-Type", "text/plain")
				w.Header().Set("Location", "/elsewhere")
			}
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		})
		_, err := w.Rotate(t.Context(), "wh1", true)
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "c2VjcmV0") || len(err.Error()) > 500 {
			t.Errorf("%d %s: %v", test.status, test.body, err)
		}
		if open := !errors.Is(err, webhookadmin.ErrRefused) && !errors.Is(err, webhookadmin.ErrWebhookNotFound); open != (test.want == nil) || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%d: %v, want it to be %v", test.status, err, test.want)
		}
	}
}

func TestNoKeyNoCall(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request was made") }))
	t.Cleanup(s.Close)
	for _, failure := range []error{nil, errors.New("the secret cannot be read")} {
		w := NewWebhooks(WebhooksConfig{Key: func(context.Context) (secret.Value, error) { return secret.NewValue([]byte(" ")), failure }, BaseURL: s.URL})
		if _, err := w.List(t.Context()); !errors.Is(err, webhookadmin.ErrRefused) {
			t.Errorf("got %v", err)
		}
	}
}

func TestAListWithoutAnEnd(t *testing.T) {
	t.Parallel()
	w := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"next_page_token":"again"}`)
	})
	if _, err := w.List(t.Context()); err == nil || !strings.Contains(err.Error(), "pages") {
		t.Errorf("got %v", err)
	}
}
