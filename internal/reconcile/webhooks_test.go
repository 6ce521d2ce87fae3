package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/geminiapi"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/reconcile"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// service is a WebhookService in memory.
type service struct {
	hooks        []webhookadmin.Webhook
	list, update error
}

func (s *service) List(context.Context) ([]webhookadmin.Webhook, error) {
	return slices.Clone(s.hooks), s.list
}

func (s *service) Update(_ context.Context, id string, fields webhookadmin.Fields) (webhookadmin.Webhook, error) {
	if diff := cmp.Diff([]string{"state"}, fields.Names()); diff != "" || s.update != nil {
		return webhookadmin.Webhook{}, errors.Join(s.update, errors.New(diff))
	}
	for i := range s.hooks {
		if s.hooks[i].ID == id {
			s.hooks[i].State = *fields.State
		}
	}
	return webhookadmin.Webhook{}, nil
}

func (s *service) enabled() (ids []string) {
	for _, hook := range s.hooks {
		if hook.State == webhookadmin.StateEnabled {
			ids = append(ids, hook.ID)
		}
	}
	return ids
}

func failed(id, uri string) webhookadmin.Webhook {
	return webhookadmin.Webhook{ID: id, URI: uri, State: webhookadmin.StateFailed}
}

// TestWebhooksAreEnabledAgain: those that Gemini disabled, and whose host is healthy.
func TestWebhooksAreEnabledAgain(t *testing.T) {
	t.Parallel()
	s := &service{hooks: []webhookadmin.Webhook{
		failed("healthy", "https://good.example/gemini?x=1"), failed("same host", "https://good.example/other"),
		failed("ill", "https://bad.example/gemini"), failed("plain", "http://good.example/"), failed("user", "https://a:b@good.example/"), failed("no URI", "%"),
		failed("local", "http://127.0.0.1:8080/x"), {ID: "on purpose", URI: "https://good.example/", State: webhookadmin.StateDisabled},
	}}
	var asked []string
	r := newRig(t)
	r.Webhooks = &reconcile.Healer{Webhooks: s, Log: slog.New(slog.NewTextHandler(&r.log, nil)), Health: func(_ context.Context, origin string) error {
		if asked = append(asked, origin); strings.Contains(origin, "bad") {
			return errors.New("status 503")
		}
		return nil
	}}
	report, err := r.run()
	must(t, err)
	if diff := cmp.Diff([]string{"healthy", "same host", "local"}, s.enabled()); diff != "" || report.WebhooksEnabled != 3 || len(report.Errors) > 0 {
		t.Errorf("%+v, enabled (-want +got):\n%s", report, diff)
	}
	if diff := cmp.Diff([]string{"https://good.example", "https://bad.example", "http://127.0.0.1:8080"}, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if strings.Contains(r.log.String(), "a:b") || strings.Count(r.log.String(), "enabled again") != 3 {
		t.Error(r.log.String())
	}
}

func TestHostsThatAreAskedAreFew(t *testing.T) {
	t.Parallel()
	s, asked := &service{}, 0
	for i := range 50 {
		s.hooks = append(s.hooks, failed(fmt.Sprint(i), fmt.Sprintf("https://h%d.example/", i)))
	}
	r := newRig(t)
	r.Webhooks = &reconcile.Healer{Webhooks: s, Log: r.Log, Health: func(context.Context, string) error { asked++; return nil }}
	if report, err := r.run(); err != nil || report.WebhooksEnabled != 20 || asked != 20 {
		t.Errorf("%d hosts asked, %d enabled, %v", asked, report.WebhooksEnabled, err)
	}
}

// TestWebhooksThatCannotBeLookedAt: jobs are looked at all the same.
func TestWebhooksThatCannotBeLookedAt(t *testing.T) {
	t.Parallel()
	outage := errors.New("outage")
	refused := fmt.Errorf("list: %w", webhookadmin.ErrRefused)
	for name, test := range map[string]struct {
		service *service
		again   bool
	}{
		"an outage":      {&service{list: outage}, true},
		"refused":        {&service{list: refused}, false},
		"throttled":      {&service{list: fmt.Errorf("%w: %w", refused, webhookadmin.ErrThrottled)}, true},
		"not enabled":    {&service{hooks: []webhookadmin.Webhook{failed("x", "https://good.example/")}, update: outage}, true},
		"may not enable": {&service{hooks: []webhookadmin.Webhook{failed("x", "https://good.example/")}, update: refused}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, api("gemini_api", nil, numbered(3)...))
			r.Webhooks = &reconcile.Healer{Webhooks: test.service, Log: r.Log, Health: func(context.Context, string) error { return nil }}
			if report, err := r.run(); (err != nil) != test.again || report.Queued != 3 || len(report.Errors) != 1 {
				t.Errorf("%+v, %v", report, err)
			}
		})
	}
}

// TestAWebhookOfTheSimulator: it is disabled by deliveries that fail, and enabled by the
// real client when its receiver is well.
func TestAWebhookOfTheSimulator(t *testing.T) {
	t.Parallel()
	health := http.StatusServiceUnavailable
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == "/health" {
			w.WriteHeader(health)
			return
		}
		w.WriteHeader(http.StatusGone)
	}))
	t.Cleanup(receiver.Close)
	s, err := gemini.Start(gemini.Options{APIKey: "key"})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	hooks := geminiapi.NewWebhooks(geminiapi.WebhooksConfig{BaseURL: s.URL(), Key: func(context.Context) (secret.Value, error) { return secret.NewValue([]byte("key")), nil }})
	uri, name := receiver.URL+"/gemini", "name"
	hook, _, err := hooks.Create(t.Context(), webhookadmin.Fields{Name: &name, URI: &uri, SubscribedEvents: webhookadmin.SubscribableEvents})
	must(t, err)
	_, err = s.Emit("batch.succeeded", map[string]any{"id": "batches/1"}, gemini.EmitOptions{})
	must(t, err)
	for hook.State != webhookadmin.StateFailed {
		hook, err = hooks.Get(t.Context(), hook.ID)
		must(t, err)
	}
	r := newRig(t)
	r.Webhooks = &reconcile.Healer{Webhooks: hooks, Log: r.Log, Health: reconcile.NewHealth()}
	if report, err := r.run(); err != nil || report.WebhooksEnabled != 0 {
		t.Errorf("ill: %+v, %v", report, err)
	}
	health = http.StatusOK
	report, err := r.run()
	must(t, err)
	hook, err = hooks.Get(t.Context(), hook.ID)
	if must(t, err); report.WebhooksEnabled != 1 || hook.State != webhookadmin.StateEnabled {
		t.Errorf("well: %+v, state %s", report, hook.State)
	}
}

// TestHealth: what an answer must be, and who is never asked.
func TestHealth(t *testing.T) {
	t.Parallel()
	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	t.Cleanup(other.Close)
	at := func(handler http.HandlerFunc) string {
		s := httptest.NewServer(handler)
		t.Cleanup(s.Close)
		return s.URL
	}
	health := reconcile.NewHealth()
	for name, test := range map[string]struct{ origin, want string }{
		"well": {at(func(_ http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.URL.Path != "/health" || r.Header.Get("Authorization") != "" {
				t.Errorf("asked for %s %s", r.Method, r.URL)
			}
		}), ""},
		"another success": {at(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }), "GET /health: status 204"},
		"ill":             {at(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }), "GET /health: status 503"},
		"redirects":       {at(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) }), "GET /health: status 302"},
		"nobody":          {"http://127.0.0.1:1", "refused"},
		"metadata":        {"https://169.254.169.254", "none of a receiver"},
		"metadata, by v6": {"https://[::ffff:169.254.169.254]", "none of a receiver"},
		"link":            {"https://[fe80::1]", "none of a receiver"},
		"any":             {"https://0.0.0.0", "none of a receiver"},
		"many":            {"https://224.0.0.1", "none of a receiver"},
	} {
		err := health(t.Context(), test.origin)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if elsewhere > 0 {
		t.Error("the redirect was followed")
	}
}
