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

	smapi "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"example.com/gemini-webhook/internal/gcp/gemini"
	"example.com/gemini-webhook/internal/gcp/secretmanager"
	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/secrets"
	"example.com/gemini-webhook/internal/webhookadmin"
	"example.com/gemini-webhook/verify"
)

const (
	apiKey        = "the-api-key-of-the-test"
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
	faults *faults
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
	r := &rig{t: t, faults: &faults{}, deliveries: make(chan delivery, 100)}
	r.receiver = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		w.WriteHeader(int(r.status.Load()))
		r.deliveries <- delivery{req.Header.Clone(), body}
	}))
	r.status.Store(http.StatusOK)
	t.Cleanup(r.receiver.Close)

	options.APIKey = apiKey
	r.gemini = simulator.New(options)
	must(t, r.gemini.Start(""))
	t.Cleanup(func() { _ = r.gemini.Close() })
	r.faults.host = strings.TrimPrefix(r.gemini.URL(), "http://")
	r.store = secrets.New(secrets.Options{ProjectNumbers: map[string]string{"p": "123456789"}})
	must(t, r.store.Start(""))
	t.Cleanup(func() { _ = r.store.Close() })
	for _, secret := range []string{signingSecret, otherSecret, tokenSecret} {
		r.store.Create(secret)
	}
	r.store.Add(keySecret, []byte(apiKey+"\n"))

	r.sm = r.connect()
	r.faulty = r.connect(option.WithGRPCDialOption(grpc.WithUnaryInterceptor(r.faults.intercept)))
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
func (r *rig) client() *gemini.Webhooks {
	return gemini.NewWebhooks(gemini.WebhooksConfig{
		Key: func(context.Context) (string, error) { return apiKey, nil }, BaseURL: r.gemini.URL(),
	})
}

// remove deletes a webhook as somebody else would.
func (r *rig) remove(id string) error { return r.client().Delete(r.t.Context(), id) }

// deleteSecret deletes a secret with its versions and annotations.
func (r *rig) deleteSecret(secret string) {
	r.t.Helper()
	client, err := smapi.NewClient(r.t.Context(), r.store.ClientOptions()...)
	must(r.t, err)
	defer client.Close()
	must(r.t, client.DeleteSecret(r.t.Context(), &secretmanagerpb.DeleteSecretRequest{Name: secret}))
}

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
func (r *rig) settled(secret string) error {
	all := r.webhooks()
	got, err := r.sm.Get(r.t.Context(), secret)
	if err != nil {
		return err
	}
	id, unfinished := got.Annotations[webhookadmin.AnnotationID], got.Annotations[webhookadmin.AnnotationPending]
	if len(all) != 1 || id != all[0].ID || unfinished != "" {
		return fmt.Errorf("%d webhooks, the secret names %q, unfinished: %q; want one webhook, named, and nothing unfinished", len(all), id, unfinished)
	}
	r.drain()
	if err := r.admin().Ping(r.t.Context(), secret); err != nil {
		return err
	}
	select {
	case d := <-r.deliveries:
		return r.verify(d, secret)
	case <-time.After(10 * time.Second):
		return fmt.Errorf("no delivery within 10 s")
	}
}

// drain waits for the pings that the provider's rotations asked for, and drops
// what has arrived.
func (r *rig) drain() {
	for end := time.Now().Add(time.Second); len(r.gemini.Deliveries()) < r.faults.pinged()+r.pings && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	r.pings++
	for len(r.deliveries) > 0 {
		<-r.deliveries
	}
}

// verify checks a delivery as a receiver that has just been started does.
func (r *rig) verify(d delivery, secret string) error {
	headers, err := verify.ParseHeaders(d.header)
	if err != nil {
		return err
	}
	store := verify.NewSecretStore(r.sm, verify.SecretConfig{
		TTL: time.Minute, StaleLimit: time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	_, err = verify.NewStatic(store, []string{secret}, 24*time.Hour).Verify(r.t.Context(), headers, d.body)
	return err
}

// enabled are the numbers of a secret's enabled versions, the newest first.
func (r *rig) enabled(secret string) (numbers []int64) {
	r.t.Helper()
	versions, err := r.sm.Versions(r.t.Context(), secret)
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
func (r *rig) annotations(secret string) map[string]string {
	r.t.Helper()
	got, err := r.sm.Get(r.t.Context(), secret)
	must(r.t, err)
	return got.Annotations
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
