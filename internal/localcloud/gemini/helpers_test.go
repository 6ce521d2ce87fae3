package gemini

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"google.golang.org/genai"
	"google.golang.org/genai/interactions/models/operations"
	"google.golang.org/genai/interactions/models/webhooks"
)

const testKey = "test-api-key"

// start runs a simulator in which a day takes ten seconds, unless opts say otherwise, and a client of the official SDK.
func start(t *testing.T, opts Options) (*Server, *genai.Client) {
	t.Helper()
	setDefault(&opts.APIKey, testKey)
	setDefault(&opts.TimeScale, 8640)
	setDefault(&opts.Seed, 1)
	setDefault(&opts.BatchDuration, time.Minute) // 7 ms
	s, err := Start(opts)
	must(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, newClient(t, s, testKey)
}

func newClient(t *testing.T, s *Server, key string) *genai.Client {
	t.Helper()
	client, err := genai.NewClient(t.Context(), &genai.ClientConfig{
		Backend: genai.BackendGeminiAPI, APIKey: key, HTTPOptions: genai.HTTPOptions{BaseURL: s.URL()},
	})
	must(t, err)
	return client
}

// create registers a webhook and returns its id and secret.
func create(t *testing.T, client *genai.Client, uri string, events ...webhooks.WebhookSubscribedEvent) (id, secret string) {
	t.Helper()
	if len(events) == 0 {
		events = []webhooks.WebhookSubscribedEvent{"batch.succeeded", "batch.failed", "batch.expired"}
	}
	name := "test"
	res, err := client.Webhooks.Create(t.Context(), operations.CreateWebhookRequest{
		Body: webhooks.WebhookInput{Name: &name, URI: uri, SubscribedEvents: events},
	})
	must(t, err)
	return *res.Webhook.ID, *res.Webhook.NewSigningSecret
}

func rotate(t *testing.T, client *genai.Client, id, behavior string) string {
	t.Helper()
	b := webhooks.RevocationBehavior(behavior)
	res, err := client.Webhooks.RotateSigningSecret(t.Context(), operations.RotateSigningSecretRequest{
		ID: id, Body: webhooks.RotateSigningSecretRequest{RevocationBehavior: &b},
	})
	must(t, err)
	return *res.WebhookRotateSigningSecretResponse.Secret
}

// webhookState is the state that get shows.
func webhookState(t *testing.T, client *genai.Client, id string) string {
	t.Helper()
	res, err := client.Webhooks.Get(t.Context(), operations.GetWebhookRequest{ID: id})
	must(t, err)
	return string(*res.Webhook.State)
}

// got is one request that the receiver saw.
type got struct {
	header http.Header
	body   []byte
}

// receiver is the customer's endpoint: it keeps what comes and answers as the test says.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	seen   []got
	answer func(n int) int // status for the n-th request, from 1
}

func newReceiver(t *testing.T, answer func(n int) int) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.seen = append(r.seen, got{req.Header.Clone(), body})
		n := len(r.seen)
		r.mu.Unlock()
		w.Header().Set("Location", "/") // a sender that follows redirects would come again
		if r.answer != nil {
			w.WriteHeader(r.answer(n))
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) all() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]got(nil), r.seen...)
}

// wait returns the first n requests, once they have come.
func (r *receiver) wait(t *testing.T, n int) []got {
	t.Helper()
	eventually(t, fmt.Sprintf("%d deliveries", n), func() bool { return len(r.all()) >= n })
	return r.all()[:n]
}

// eventually fails the test if the condition does not come true within a minute.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !condition() {
		if !sleep(ctx, 2*time.Millisecond) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// verifies reports whether Standard Webhooks' own library takes the delivery for genuine with that secret.
func (g got) verifies(t *testing.T, secret string) bool {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(secret)
	must(t, err)
	return hook.Verify(g.body, g.header) == nil
}

func (g got) entries() int { return len(strings.Fields(g.header.Get("webhook-signature"))) }

// call makes a request without the SDK and returns status and JSON answer.
func call(t *testing.T, s *Server, method, path, body string, header map[string]string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	must(t, err)
	for name, value := range header {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	out := map[string]any{}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil && err != io.EOF {
		t.Fatalf("answer is not JSON: %v", err)
	}
	return resp.StatusCode, out
}

// decodeEvent reads an envelope strictly.
func decodeEvent(t *testing.T, body []byte) (event envelope) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	must(t, dec.Decode(&event))
	if _, err := time.Parse(time.RFC3339, event.Timestamp); err != nil || event.Version != "v1" {
		t.Errorf("timestamp %q, version %q", event.Timestamp, event.Version)
	}
	return event
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// errOf is the error of two results.
func errOf[T any](_ T, err error) error { return err }
