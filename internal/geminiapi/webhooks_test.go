package geminiapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
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

// webhookCalls are all that the WebhookService can be asked.
var webhookCalls = map[string]func(context.Context, *Webhooks) error{
	"create": func(ctx context.Context, w *Webhooks) error { _, _, err := w.Create(ctx, fields()); return err },
	"rotate": func(ctx context.Context, w *Webhooks) error { _, err := w.Rotate(ctx, "wh1", true); return err },
	"get":    func(ctx context.Context, w *Webhooks) error { _, err := w.Get(ctx, "wh1"); return err },
	"list":   func(ctx context.Context, w *Webhooks) error { _, err := w.List(ctx); return err },
	"update": func(ctx context.Context, w *Webhooks) error {
		_, err := w.Update(ctx, "wh1", fields())
		return err
	},
	"ping":   func(ctx context.Context, w *Webhooks) error { return w.Ping(ctx, "wh1") },
	"delete": func(ctx context.Context, w *Webhooks) error { return w.Delete(ctx, "wh1") },
}

func TestWebhooksOnTheSimulator(t *testing.T) {
	t.Parallel()
	s, err := gemini.Start(gemini.Options{APIKey: key})
	must(t, err)
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
		{400, `{"error":{"message":"subscribed_events: unknown event"}}`, webhookadmin.ErrRefused, "status 400: subscribed_events"},
		{400, `{"error":{"message":"no ` + "\n" + ` JSON"}}`, webhookadmin.ErrRefused, "status 400"},
		{400, `{"error":{"status":"INVALID_ARGUMENT","message":"` + strings.Repeat("ü", 400) + `"}}`, webhookadmin.ErrRefused, "status 400: INVALID_ARGUMENT"},
		{401, `{"error":{"message":"API key not valid"}}`, webhookadmin.ErrRefused, "check the API key"},
		{403, `{"error":{"message":"Consumer 'api_key:` + key + `' has been suspended. whsec_c2VjcmV0c2VjcmV0c2VjcmV0","details":[{"reason":"CONSUMER_SUSPENDED"}]}}`, webhookadmin.ErrRefused, "CONSUMER_SUSPENDED"},
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

// TestErrorsNeverQuoteAnAnswer: whatever Gemini answers, and in whatever form the
// secret is in it.
func TestErrorsNeverQuoteAnAnswer(t *testing.T) {
	t.Parallel()
	const planted = "dG9wLXNlY3JldC10b3Atc2VjcmV0LXRvcC1zZWNyZXQ"
	hijack := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, text)
				err = conn.Close()
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
	answer := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	answers := map[string]http.HandlerFunc{
		"no HTTP":                hijack(planted + "\r\n\r\n"),
		"a status that is none":  hijack("HTTP/1.1 " + planted + " OK\r\n\r\n"),
		"a header that is none":  hijack("HTTP/1.1 200 OK\r\n" + planted + "\r\n\r\n"),
		"a length that is none":  hijack("HTTP/1.1 200 OK\r\nContent-Length: " + planted + "\r\n\r\n"),
		"chunks that are none":   hijack("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + planted + "\r\n"),
		"another type":           answer(200, "text/"+planted, planted),
		"no JSON":                answer(200, "application/json", planted),
		"half of it":             answer(200, "application/json", `{"new_signing_secret":"`+planted),
		"of another kind":        answer(200, "application/json", `{"id":{"`+planted+`":1},"webhooks":"`+planted+`","secret":{"a":"`+planted+`"},"create_time":"`+planted+`"}`),
		"a time that is none":    answer(200, "application/json", `{"id":"wh1","uri":"https://x.example","secret":["`+planted+`"],"create_time":"`+planted+`","webhooks":[{"id":"w","uri":"x","create_time":"`+planted+`"}]}`),
		"nothing that is wanted": answer(200, "application/json", `{"`+planted+`":"`+planted+`"}`),
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://"+planted+".example/"+planted, http.StatusFound)
		},
		"a status that nobody uses": answer(299, "text/plain", planted),
	}
	for _, status := range []int{400, 401, 403, 404, 408, 409, 412, 418, 429, 499, 500, 501, 503, 504} {
		for name, body := range map[string]string{
			"message": `{"error":{"code":400,"message":"the secret ` + planted + ` is weak","status":"` + planted + `","details":[{"reason":"` + planted + `","@type":"` + planted + `"}]}}`,
			"text":    planted,
			"list":    `[{"error":{"message":"` + planted + `"}}]`,
			"answer":  `{"id":"wh1","new_signing_secret":"` + planted + `"}`,
		} {
			answers[fmt.Sprint(status, " ", name)] = answer(status, "application/json", body)
		}
	}
	for name, handler := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := answering(t, handler)
			for call, do := range webhookCalls {
				sentOnce := call == "create" || call == "rotate"
				if !sentOnce && !slices.Contains([]string{"400 message", "404 text", "no JSON", "of another kind", "a time that is none", "nothing that is wanted"}, name) {
					continue // it would be tried again for seconds, or says no more
				}
				err := do(t.Context(), service)
				if err == nil && sentOnce {
					t.Errorf("%s: no error", call)
				}
				if err == nil {
					continue // a ping and a delete want no content
				}
				for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
					if strings.Contains(text, planted) || strings.Contains(text, key) {
						t.Errorf("%s: %s", call, text)
					}
				}
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
