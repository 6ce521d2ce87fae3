package admintest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/geminiapi"
	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/secrets"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/secret/store"
	"example.com/gemini-webhook/verify"
)

// Rig is the simulator, a Secret Manager server and a receiver, and Google's own
// clients of the first two, with faults between.
type Rig struct {
	Gemini  *simulator.Server
	Store   *secrets.Server
	Secrets *secretmanager.Client // without faults
	Faulty  *secretmanager.Client
	Faults  *Faults

	Receiver   *httptest.Server
	Status     atomic.Int32 // of the receiver's answers
	Deliveries chan Delivery

	t     *testing.T
	log   *slog.Logger
	ahead atomic.Int64 // of the clock, in nanoseconds
}

// Delivery is one request that the receiver got.
type Delivery struct {
	Header http.Header
	Body   []byte
}

// NewRig starts all of it. There are no secrets yet; the API key is [APIKey].
func NewRig(t *testing.T, options simulator.Options) *Rig {
	t.Helper()
	r := &Rig{t: t, Deliveries: make(chan Delivery, 1000), log: options.Log}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.Status.Store(http.StatusOK)
	r.Receiver = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		w.WriteHeader(int(r.Status.Load()))
		r.Deliveries <- Delivery{req.Header.Clone(), body}
	}))
	t.Cleanup(r.Receiver.Close)

	options.APIKey = APIKey
	var err error
	r.Gemini, err = simulator.Start(options)
	Must(t, err)
	t.Cleanup(func() { _ = r.Gemini.Close() })
	r.Store, err = secrets.Start(secrets.Options{ProjectNumbers: map[string]string{"p": "123456789", "other": "987654321"}})
	Must(t, err)
	t.Cleanup(func() { _ = r.Store.Close() })

	r.Faults = &Faults{Host: strings.TrimPrefix(r.Gemini.URL(), "http://")}
	r.Secrets = r.connect()
	r.Faulty = r.connect(option.WithGRPCDialOption(grpc.WithUnaryInterceptor(r.Faults.Intercept)))
	return r
}

func (r *Rig) connect(options ...option.ClientOption) *secretmanager.Client {
	client, err := secretmanager.NewClientWith(r.t.Context(), append(r.Store.ClientOptions(), options...)...)
	Must(r.t, err)
	r.t.Cleanup(func() { _ = client.Close() })
	return client
}

// Webhooks is Gemini's WebhookService over a transport; nil: without faults.
func (r *Rig) Webhooks(transport http.RoundTripper) *geminiapi.Webhooks {
	return geminiapi.NewWebhooks(geminiapi.WebhooksConfig{
		Key:     func(context.Context) (secret.Value, error) { return secret.NewValue([]byte(APIKey + "\n")), nil },
		BaseURL: r.Gemini.URL(), Transport: transport,
	})
}

// Now is the clock of what administers webhooks.
func (r *Rig) Now() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }

// Pass moves that clock.
func (r *Rig) Pass(d time.Duration) { r.ahead.Add(int64(d)) }

// Lapse moves it over the lease of a run that was killed.
func (r *Rig) Lapse() { r.Pass(2 * time.Minute) }

// Verify checks a delivery as a receiver that has just been started does.
func (r *Rig) Verify(d Delivery, name secret.Name) error {
	_, err := verify.Delivery(r.t.Context(), d.Body, d.Header, r.Keys(name, time.Minute, 24*time.Hour), time.Now())
	return err
}

// Keys are the signing secrets of a receiver that has just been started.
func (r *Rig) Keys(name secret.Name, ttl, overlap time.Duration) verify.Secrets {
	return store.New(r.Secrets, store.Config{TTL: ttl, StaleLimit: time.Hour, Now: time.Now, Log: r.log}).
		Set([]secret.Name{name}, overlap, secret.SigningKeys)
}

// Enabled are the numbers of a secret's enabled versions, the newest first.
func (r *Rig) Enabled(name secret.Name) (numbers []int64) {
	r.t.Helper()
	versions, err := r.Secrets.Versions(r.t.Context(), name)
	Must(r.t, err)
	for _, v := range versions {
		if v.Enabled {
			numbers = append(numbers, v.Number)
		}
	}
	return numbers
}

// Annotations are a secret's.
func (r *Rig) Annotations(name secret.Name) map[string]string {
	r.t.Helper()
	got, err := r.Secrets.Get(r.t.Context(), name)
	Must(r.t, err)
	return got.Annotations
}

// Annotate replaces a secret's annotations.
func (r *Rig) Annotate(name secret.Name, all map[string]string) {
	r.t.Helper()
	got, err := r.Secrets.Get(r.t.Context(), name)
	Must(r.t, err)
	Must(r.t, r.Secrets.SetAnnotations(r.t.Context(), name, all, got.Etag))
}

// Must ends the test where there is an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
