package provider

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"google.golang.org/api/option"

	"example.com/gemini-webhook/internal/gcp/secretmanager"
	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
	"example.com/gemini-webhook/internal/webhookadmin/admintest"
)

const (
	apiKey        = admintest.APIKey
	keySecret     = "projects/p/secrets/api-key"
	signingSecret = "projects/p/secrets/signing"
	otherSecret   = "projects/p/secrets/signing-2"
	tokenSecret   = "projects/p/secrets/token"
)

// rig is what the providers that it makes work with.
type rig struct {
	*admintest.Rig
	t     *testing.T
	pings int // asked for by settled
}

func newRig(t *testing.T, options simulator.Options) *rig {
	t.Helper()
	r := &rig{Rig: admintest.NewRig(t, options), t: t}
	for _, secret := range []string{signingSecret, otherSecret, tokenSecret} {
		r.Store.Create(secret)
	}
	r.Store.Add(keySecret, []byte(apiKey+"\n"))
	return r
}

// process is another process of the provider.
func (r *rig) process() (tfprotov6.ProviderServer, error) {
	return providerserver.NewProtocol6(New(Options{
		Version: "test", Transport: r.Faults, Now: r.Now,
		Secrets: func(context.Context, ...option.ClientOption) (*secretmanager.Client, error) { return r.Faulty, nil },
	})())(), nil
}

// remove deletes a webhook as somebody else would.
func (r *rig) remove(id string) error { return r.Webhooks(nil).Delete(r.t.Context(), id) }

// admin works on the same services without faults.
func (r *rig) admin() *webhookadmin.Admin {
	return webhookadmin.New(r.Webhooks(nil), r.Secrets, r.Now)
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
	got := r.Annotations(name)
	id, unfinished := got[webhookadmin.AnnotationID], got[webhookadmin.AnnotationPending]
	if len(all) != 1 || id != all[0].ID || unfinished != "" {
		return fmt.Errorf("%d webhooks, the secret names %q, unfinished: %q; want one webhook, named, and nothing unfinished", len(all), id, unfinished)
	}
	r.drain()
	if err := r.admin().Ping(r.t.Context(), name); err != nil {
		return err
	}
	select {
	case d := <-r.Deliveries:
		return r.Verify(d, name)
	case <-time.After(10 * time.Second):
		return fmt.Errorf("no delivery within 10 s")
	}
}

// drain waits for the pings that the provider's rotations asked for, and drops
// what has arrived.
func (r *rig) drain() {
	for end := time.Now().Add(time.Second); len(r.Gemini.Deliveries()) < r.Faults.Pings()+r.pings && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	r.pings++
	for len(r.Deliveries) > 0 {
		<-r.Deliveries
	}
}

// payloads are all that nobody may see: the API key, and every version of the
// secrets, also in the forms that a text may hold them in.
func (r *rig) payloads(ofSecrets ...string) []string {
	all := []string{apiKey}
	for _, secret := range ofSecrets {
		for n := int64(1); ; n++ {
			payload, ok := r.Store.Payload(secret, n)
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

var must = admintest.Must
