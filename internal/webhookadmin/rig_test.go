package webhookadmin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	. "example.com/gemini-webhook/internal/webhookadmin"
	"example.com/gemini-webhook/internal/webhookadmin/admintest"
)

const (
	apiKey     = admintest.APIKey
	secretName = "projects/p/secrets/signing"
	numbered   = "projects/123456789/secrets/signing" // as Google names it
)

// rig is an Admin on Google's own clients, which see the faults.
type rig struct {
	*admintest.Rig
	t     *testing.T
	admin *Admin
	seen  int // deliveries taken by next
	texts *texts
}

func newRig(t *testing.T, options simulator.Options) *rig {
	t.Helper()
	r := &rig{t: t, texts: &texts{}}
	options.Log = slog.New(slog.NewTextHandler(r.texts, nil))
	r.Rig = admintest.NewRig(t, options)
	r.Store.Create(secretName)
	r.admin = r.newAdmin()
	t.Cleanup(r.checkNoSecrets)
	return r
}

// newAdmin is another process.
func (r *rig) newAdmin() *Admin {
	a := New(r.Webhooks(r.Faults), r.Faulty, r.Now)
	a.Hurry()
	return a
}

func (r *rig) desired() Desired {
	return Desired{
		Name: "ours", URI: r.Receiver.URL, SubscribedEvents: []string{"batch.succeeded", "batch.failed"},
		Enabled: true, SigningSecret: secretName,
	}
}

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
	got, err := r.Secrets.Get(r.t.Context(), secretName)
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
	for r.seen < r.Faults.Pings() { // those of rotations
		r.next()
	}
	must(r.t, r.admin.Ping(r.t.Context(), secretName))
	if err := r.Verify(r.next(), secretName); err != nil {
		r.t.Fatalf("a ping after all: %v", err)
	}
}

// next is the next delivery.
func (r *rig) next() admintest.Delivery {
	r.t.Helper()
	select {
	case d := <-r.Deliveries:
		r.seen++
		return d
	case <-time.After(10 * time.Second):
		r.t.Fatal("no delivery within 10 s")
		return admintest.Delivery{}
	}
}

// checkNoSecrets looks for what Gemini showed once, and for the API key, in all
// that was returned, logged, or written to annotations.
func (r *rig) checkNoSecrets() {
	shown := r.Faults.Shown()
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

var must = admintest.Must
