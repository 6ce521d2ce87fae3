package geminiapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// network answers every request that is not to Google's API with a file, and those
// to it by redirects; it notes who got the key.
type network struct {
	redirects []string // where to, in this order

	mu   sync.Mutex
	seen []string // "scheme://host key"
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen = append(n.seen, strings.TrimSpace(r.URL.Scheme+"://"+r.URL.Host+" "+r.Header.Get("X-Goog-Api-Key")))
	resp := &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("content")), Request: r}
	if len(n.redirects) > 0 {
		resp.StatusCode, resp.Header = 302, http.Header{"Location": {n.redirects[0]}}
		n.redirects = n.redirects[1:]
	}
	return resp, nil
}

// TestWhereTheKeyGoes: to the address that was asked, by the scheme that it was
// asked by; and nothing goes by plain http.
func TestWhereTheKeyGoes(t *testing.T) {
	const api, with = "https://generativelanguage.googleapis.com", " " + key
	t.Setenv("GOOGLE_GEMINI_BASE_URL", "")
	for name, test := range map[string]struct {
		redirects []string
		seen      []string
		fails     bool
	}{
		"the same host":                  {[]string{api + "/x"}, []string{api + with, api + with}, false},
		"the same host by plain http":    {[]string{"http://generativelanguage.googleapis.com/x"}, []string{api + with}, true},
		"the same host, another port":    {[]string{api + ":8443/x"}, []string{api + with, api + ":8443"}, false},
		"another host":                   {[]string{"https://storage.example/x"}, []string{api + with, "https://storage.example"}, false},
		"another host by plain http":     {[]string{"http://storage.example/x"}, []string{api + with}, true},
		"this machine":                   {[]string{"http://127.0.0.1:8080/x"}, []string{api + with}, true},
		"there and back":                 {[]string{"https://storage.example/x", api + "/y"}, []string{api + with, "https://storage.example", api + with}, false},
		"another host, then plain http":  {[]string{"https://storage.example/x", "http://storage.example/y"}, []string{api + with, "https://storage.example"}, true},
		"with a password in the address": {[]string{"https://user:password@storage.example/x"}, []string{api + with}, true},
	} {
		t.Run(name, func(t *testing.T) {
			n := &network{redirects: test.redirects}
			service := Files{New(func(context.Context) (secret.Value, error) { return secret.NewValue([]byte(key)), nil })}
			service.client.Transport = n
			body, err := service.Open(t.Context(), "files/x")
			if err == nil {
				body.Close()
			}
			if (err != nil) != test.fails || err != nil && strings.Contains(err.Error(), key) {
				t.Errorf("error %v, want one to be %v", err, test.fails)
			}
			if got, want := strings.Join(n.seen, ", "), strings.Join(test.seen, ", "); got != want {
				t.Errorf("asked\n%s, want\n%s", got, want)
			}
		})
	}
}

// TestPlainHTTPIsRefused: nothing is sent by it to another machine, whoever
// configured it.
func TestPlainHTTPIsRefused(t *testing.T) {
	for _, base := range []string{"http://generativelanguage.googleapis.com", "http://proxy.example:8080/", "generativelanguage.googleapis.com"} {
		asked := &network{}
		apiKey := func(context.Context) (secret.Value, error) { t.Error("the key is read"); return secret.Value{}, nil }
		t.Setenv("GOOGLE_GEMINI_BASE_URL", base)
		service := Files{New(apiKey)}
		service.client.Transport = asked
		if _, err := service.Open(t.Context(), "files/x"); err == nil || !strings.Contains(err.Error(), "GOOGLE_GEMINI_BASE_URL") {
			t.Errorf("%s: files: %v", base, err)
		}
		fromEnvironment := NewWebhooks(WebhooksConfig{Key: apiKey, Transport: asked})
		t.Setenv("GOOGLE_GEMINI_BASE_URL", "")
		given := NewWebhooks(WebhooksConfig{Key: apiKey, Transport: asked, BaseURL: base})
		if _, err := given.List(t.Context()); !errors.Is(err, webhookadmin.ErrRefused) || !strings.Contains(err.Error(), "https://") {
			t.Errorf("%s: webhooks: %v", base, err)
		}
		t.Setenv("GOOGLE_GEMINI_BASE_URL", base)
		if _, err := fromEnvironment.List(t.Context()); !errors.Is(err, webhookadmin.ErrRefused) || !strings.Contains(err.Error(), "https://") {
			t.Errorf("%s: webhooks by the environment: %v", base, err)
		}
		if len(asked.seen) > 0 {
			t.Errorf("%s: asked %q", base, asked.seen)
		}
	}
}

// TestTheWebhookServiceFollowsNoRedirect: the API does not redirect, and every call
// carries the key, a create and a rotation get a secret.
func TestTheWebhookServiceFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	for name, call := range webhookCalls {
		for _, status := range []int{301, 302, 303, 307, 308} {
			t.Run(fmt.Sprint(name, " ", status), func(t *testing.T) {
				t.Parallel()
				elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					t.Errorf("%s %s was asked with the key %q", r.Method, r.URL.Path, r.Header.Get("X-Goog-Api-Key"))
					w.Header().Set("Content-Type", "application/json")
					_, _ = io.WriteString(w, `{"id":"wh1","uri":"https://x.example","new_signing_secret":"whsec_x","secret":"whsec_x"}`)
				}))
				t.Cleanup(elsewhere.Close)
				for _, to := range []string{elsewhere.URL + "/there", "/v1beta/webhooks/there"} {
					asked := 0
					w := answering(t, func(w http.ResponseWriter, r *http.Request) {
						if strings.HasSuffix(r.URL.Path, "there") {
							t.Errorf("%s %s was asked on the same host", r.Method, r.URL.Path)
						}
						asked++
						http.Redirect(w, r, to, status)
					})
					if err := call(t.Context(), w); err == nil || errors.Is(err, webhookadmin.ErrRefused) || strings.Contains(err.Error(), key) {
						t.Errorf("to %s: %v, want an error that leaves open what was done", to, err)
					}
					if asked != 1 {
						t.Errorf("asked %d times, want once", asked)
					}
				}
			})
		}
	}
}
