package webhookadmin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
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
	. "example.com/gemini-webhook/internal/webhookadmin"
	"example.com/gemini-webhook/internal/webhookadmin/admintest"
	"example.com/gemini-webhook/verify"
)

const (
	apiKey     = admintest.APIKey
	secretName = "projects/p/secrets/signing"
	numbered   = "projects/123456789/secrets/signing" // as Google names it
)

// rig is an Admin on Google's own clients, which talk to the simulator and to
// the Secret Manager server through faults, and a receiver.
type rig struct {
	t      *testing.T
	gemini *simulator.Server
	store  *secrets.Server
	sm     *secretmanager.Client
	faults *admintest.Faults
	admin  *Admin
	ahead  atomic.Int64 // of the Admin's clock, in nanoseconds

	receiver   *httptest.Server
	deliveries chan delivery
	seen       int // deliveries taken by next
	texts      *texts
}

// delivery is one request that the receiver got.
type delivery struct {
	header http.Header
	body   []byte
}

func newRig(t *testing.T, options simulator.Options) *rig {
	t.Helper()
	r := &rig{t: t, texts: &texts{}, deliveries: make(chan delivery, 1000)}
	r.receiver = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.deliveries <- delivery{req.Header.Clone(), body}
	}))
	t.Cleanup(r.receiver.Close)

	options.APIKey = apiKey
	options.Log = slog.New(slog.NewTextHandler(r.texts, nil))
	var err error
	r.gemini, err = simulator.Start(options)
	must(t, err)
	t.Cleanup(func() { _ = r.gemini.Close() })
	r.store, err = secrets.Start(secrets.Options{ProjectNumbers: map[string]string{"p": "123456789", "other": "987654321"}})
	must(t, err)
	t.Cleanup(func() { _ = r.store.Close() })
	r.store.Create(secretName)

	r.faults = &admintest.Faults{Host: strings.TrimPrefix(r.gemini.URL(), "http://")}
	intercepted := option.WithGRPCDialOption(grpc.WithUnaryInterceptor(r.faults.Intercept))
	r.sm, err = secretmanager.NewClientWith(t.Context(), append(r.store.ClientOptions(), intercepted)...)
	must(t, err)
	t.Cleanup(func() { _ = r.sm.Close() })
	r.admin = r.newAdmin()
	t.Cleanup(r.checkNoSecrets)
	return r
}

// newAdmin is another process.
func (r *rig) newAdmin() *Admin {
	webhooks := geminiapi.NewWebhooks(geminiapi.WebhooksConfig{
		Key:       func(context.Context) (secret.Value, error) { return secret.NewValue([]byte(apiKey + "\n")), nil },
		Transport: r.faults,
	})
	a := New(webhooks, r.sm, func() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) })
	a.Hurry()
	return a
}

func (r *rig) desired() Desired {
	return Desired{
		Name: "ours", URI: r.receiver.URL, SubscribedEvents: []string{"batch.succeeded", "batch.failed"},
		Enabled: true, SigningSecret: secretName,
	}
}

// lapse moves the clock over the lease.
func (r *rig) lapse() { r.ahead.Add(int64(LeaseTime)) }

// ensure is Ensure, which must succeed.
func (r *rig) ensure(d Desired) (Webhook, Changes) {
	r.t.Helper()
	hook, changes, err := r.admin.Ensure(r.t.Context(), d)
	r.texts.add(hook, changes)
	if err != nil {
		r.t.Fatalf("Ensure: %v", err)
	}
	return hook, changes
}

// state is what the secret's annotations say now.
func (r *rig) state() State {
	r.t.Helper()
	got, err := r.sm.Get(r.t.Context(), secretName)
	must(r.t, err)
	r.texts.add(got.Annotations)
	return StateOf(got)
}

// settled checks that there is one webhook, which the secret names, that no run
// is unfinished, and that what Gemini sends now is verified by the versions as
// the receiver accepts them.
func (r *rig) settled() {
	r.t.Helper()
	all, err := r.admin.List(r.t.Context())
	must(r.t, err)
	st := r.state()
	if len(all) != 1 || st.ID != all[0].ID || st.Pending != nil {
		r.t.Fatalf("%d webhooks, the secret names %q, unfinished: %+v; want one webhook, named, and nothing unfinished", len(all), st.ID, st.Pending)
	}
	for r.seen < r.faults.Pings() { // those of rotations
		r.next()
	}
	must(r.t, r.admin.Ping(r.t.Context(), secretName))
	if err := r.verify(r.next(), 24*time.Hour); err != nil {
		r.t.Fatalf("a ping after all: %v", err)
	}
}

// next is the next delivery.
func (r *rig) next() delivery {
	r.t.Helper()
	select {
	case d := <-r.deliveries:
		r.seen++
		return d
	case <-time.After(10 * time.Second):
		r.t.Fatal("no delivery within 10 s")
		return delivery{}
	}
}

// verify checks a delivery as a receiver that has just been started does.
func (r *rig) verify(d delivery, overlap time.Duration) error {
	_, err := verify.Delivery(r.t.Context(), d.body, d.header, r.keys(time.Minute, overlap), time.Now())
	return err
}

// keys are the signing secrets of a receiver that has just been started.
func (r *rig) keys(ttl, overlap time.Duration) verify.Secrets {
	return store.New(r.sm, store.Config{
		TTL: ttl, StaleLimit: time.Hour, Now: time.Now, Log: slog.New(slog.NewTextHandler(r.texts, nil)),
	}).Set([]secret.Name{secretName}, overlap, secret.SigningKeys)
}

// enabled are the numbers of the enabled versions, the oldest first.
func (r *rig) enabled() (numbers []int64) {
	r.t.Helper()
	versions, err := r.sm.Versions(r.t.Context(), secretName)
	must(r.t, err)
	for _, v := range versions {
		if v.Enabled {
			numbers = append([]int64{v.Number}, numbers...)
		}
	}
	return numbers
}

// checkNoSecrets looks for what Gemini showed once, and for the API key, in all
// that was returned, logged, or written to annotations.
func (r *rig) checkNoSecrets() {
	shown := r.faults.Shown()
	all := r.texts.String()
	for _, secret := range append(shown, apiKey) {
		if strings.Contains(all, strings.TrimPrefix(secret, "whsec_")) {
			r.t.Error("a secret is in a text that others see")
		}
	}
}

// texts collects all that others see.
type texts struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (x *texts) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.all.Write(p)
}

func (x *texts) add(values ...any) {
	for _, v := range values {
		text, _ := json.Marshal(v)
		fmt.Fprintf(x, "%+v %#v %s\n", v, v, text)
	}
}

func (x *texts) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.all.String()
}

type fault = admintest.Fault

const (
	fine, drop   = admintest.Fine, admintest.Drop
	lose, refuse = admintest.Lose, admintest.Refuse
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
