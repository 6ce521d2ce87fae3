package provider

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/geminiapi"
	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/secrets"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/secret/store"
	"example.com/gemini-webhook/internal/webhookadmin"
	"example.com/gemini-webhook/internal/webhookadmin/admintest"
	"example.com/gemini-webhook/verify"
)

const (
	apiKey        = admintest.APIKey
	keySecret     = "projects/p/secrets/api-key"
	signingSecret = "projects/p/secrets/signing"
	otherSecret   = "projects/p/secrets/signing-2"
	tokenSecret   = "projects/p/secrets/token"
	lease         = 2 * time.Minute // webhookadmin's
)

// rig is the simulator, a Secret Manager server and a receiver, with faults
// between them and the providers that it makes.
type rig struct {
	t      *testing.T
	gemini *simulator.Server
	store  *secrets.Server
	sm     *secretmanager.Client // without faults
	faulty *secretmanager.Client
	faults *admintest.Faults
	ahead  atomic.Int64 // of the providers' clock, in nanoseconds

	receiver   *httptest.Server
	status     atomic.Int32 // of the receiver's answers
	deliveries chan delivery
	pings      int // asked for by settled
}

// delivery is one request that the receiver got.
type delivery struct {
	header http.Header
	body   []byte
}

func newRig(t *testing.T, options simulator.Options) *rig {
	t.Helper()
	r := &rig{t: t, faults: &admintest.Faults{}, deliveries: make(chan delivery, 100)}
	r.receiver = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		w.WriteHeader(int(r.status.Load()))
		r.deliveries <- delivery{req.Header.Clone(), body}
	}))
	r.status.Store(http.StatusOK)
	t.Cleanup(r.receiver.Close)

	options.APIKey = apiKey
	var err error
	r.gemini, err = simulator.Start(options)
	must(t, err)
	t.Cleanup(func() { _ = r.gemini.Close() })
	r.faults.Host = strings.TrimPrefix(r.gemini.URL(), "http://")
	r.store, err = secrets.Start(secrets.Options{ProjectNumbers: map[string]string{"p": "123456789"}})
	must(t, err)
	t.Cleanup(func() { _ = r.store.Close() })
	for _, secret := range []string{signingSecret, otherSecret, tokenSecret} {
		r.store.Create(secret)
	}
	r.store.Add(keySecret, []byte(apiKey+"\n"))

	r.sm = r.connect()
	r.faulty = r.connect(option.WithGRPCDialOption(grpc.WithUnaryInterceptor(r.faults.Intercept)))
	return r
}

func (r *rig) connect(options ...option.ClientOption) *secretmanager.Client {
	client, err := secretmanager.NewClientWith(r.t.Context(), append(r.store.ClientOptions(), options...)...)
	must(r.t, err)
	r.t.Cleanup(func() { _ = client.Close() })
	return client
}

// process is another process of the provider.
func (r *rig) process() (tfprotov6.ProviderServer, error) {
	return providerserver.NewProtocol6(New(Options{
		Version: "test", Transport: r.faults, Now: r.now,
		Secrets: func(context.Context, ...option.ClientOption) (*secretmanager.Client, error) { return r.faulty, nil },
	})())(), nil
}

func (r *rig) now() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }

// lapse moves the clock over the lease of a run that was killed.
func (r *rig) lapse() { r.ahead.Add(int64(lease)) }

// client is Gemini's WebhookService without faults.
func (r *rig) client() *geminiapi.Webhooks {
	return geminiapi.NewWebhooks(geminiapi.WebhooksConfig{
		Key: func(context.Context) (secret.Value, error) { return secret.NewValue([]byte(apiKey)), nil }, BaseURL: r.gemini.URL(),
	})
}

// remove deletes a webhook as somebody else would.
func (r *rig) remove(id string) error { return r.client().Delete(r.t.Context(), id) }

// admin works on the same services without faults.
func (r *rig) admin() *webhookadmin.Admin {
	return webhookadmin.New(r.client(), r.sm, r.now)
}

// webhooks are all that Gemini has.
func (r *rig) webhooks() []webhookadmin.Webhook {
	r.t.Helper()
	all, err := r.admin().List(r.t.Context())
	must(r.t, err)
	return all
}

// settled says what is wrong unless there is one webhook, which the secret
// names, no run is unfinished, and a receiver that has just started verifies
// what Gemini sends now.
func (r *rig) settled(name secret.Name) error {
	all := r.webhooks()
	got, err := r.sm.Get(r.t.Context(), name)
	if err != nil {
		return err
	}
	id, unfinished := got.Annotations[webhookadmin.AnnotationID], got.Annotations[webhookadmin.AnnotationPending]
	if len(all) != 1 || id != all[0].ID || unfinished != "" {
		return fmt.Errorf("%d webhooks, the secret names %q, unfinished: %q; want one webhook, named, and nothing unfinished", len(all), id, unfinished)
	}
	r.drain()
	if err := r.admin().Ping(r.t.Context(), name); err != nil {
		return err
	}
	select {
	case d := <-r.deliveries:
		return r.verify(d, name)
	case <-time.After(10 * time.Second):
		return fmt.Errorf("no delivery within 10 s")
	}
}

// drain waits for the pings that the provider's rotations asked for, and drops
// what has arrived.
func (r *rig) drain() {
	for end := time.Now().Add(time.Second); len(r.gemini.Deliveries()) < r.faults.Pings()+r.pings && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	r.pings++
	for len(r.deliveries) > 0 {
		<-r.deliveries
	}
}

// verify checks a delivery as a receiver that has just been started does.
func (r *rig) verify(d delivery, name secret.Name) error {
	keys := store.New(r.sm, store.Config{
		TTL: time.Minute, StaleLimit: time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}).Set([]secret.Name{name}, 24*time.Hour, secret.SigningKeys)
	_, err := verify.Delivery(r.t.Context(), d.body, d.header, keys, time.Now())
	return err
}

// enabled are the numbers of a secret's enabled versions, the newest first.
func (r *rig) enabled(name secret.Name) (numbers []int64) {
	r.t.Helper()
	versions, err := r.sm.Versions(r.t.Context(), name)
	must(r.t, err)
	for _, v := range versions {
		if v.Enabled {
			numbers = append(numbers, v.Number)
		}
	}
	return numbers
}

// payloads are all that nobody may see: the API key, and every version of the
// secrets, also in the forms that a text may hold them in.
func (r *rig) payloads(ofSecrets ...string) []string {
	all := []string{apiKey}
	for _, secret := range ofSecrets {
		for n := int64(1); ; n++ {
			payload, ok := r.store.Payload(secret, n)
			if !ok {
				break
			}
			all = append(all, string(payload))
		}
	}
	for _, secret := range slices.Clone(all) {
		bare := strings.TrimPrefix(secret, "whsec_")
		all = append(all, bare, base64.StdEncoding.EncodeToString([]byte(secret)))
		if key, err := base64.StdEncoding.DecodeString(bare); err == nil {
			all = append(all, string(key), hex.EncodeToString(key))
		}
	}
	return all
}

// annotations are the secret's that are ours.
func (r *rig) annotations(name secret.Name) map[string]string {
	r.t.Helper()
	got, err := r.sm.Get(r.t.Context(), name)
	must(r.t, err)
	return got.Annotations
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
