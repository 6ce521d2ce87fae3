package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/push"
	"example.com/gemini-webhook/verify/verifytest"
)

const (
	// timeScale makes a day of Gemini's ten seconds.
	timeScale = 8640
	overlap   = 24 * time.Hour / timeScale
	patience  = time.Minute // for anything to arrive
	hookPath  = "/gemini"
)

// demo is one run.
type demo struct {
	screen   *screen
	requests int

	cloud    *localcloud.Cloud
	operator *localcloud.Operator
	url      string // of the receiver
	webhook  string // its id
	secret   string // the newest signing secret

	mu       sync.Mutex
	lines    map[string]outcome // by outcome_id, of batch.result
	repeats  int
	outcomes []outcome
	ranges   int
}

// outcome is what the demo reads of a message.
type outcome struct {
	ID         string `json:"outcome_id"`
	Type       string
	ResourceID string `json:"resource_id"`
	Mode       string
	Scheme     string
	Origin     string
	Path       string
	Source     struct{ URI, Origin string }
	Status     string
	Results    struct{ Total, Succeeded, Failed, Invalid int }
	Usage      struct {
		TotalTokens int64 `json:"total_tokens"`
	}
	Video struct {
		File     string
		Archived struct{ URI string }
	}
	Interaction struct{ Text string }
	Attributes  map[string]string `json:"-"`
}

func read(data []byte, attributes map[string]string) outcome {
	o := outcome{Attributes: attributes}
	if err := json.Unmarshal(data, &o); err != nil {
		o.Type = "not JSON"
	}
	return o
}

func (d *demo) run(ctx context.Context) error {
	if err := d.start(ctx); err != nil {
		return err
	}
	done, err := d.file(ctx)
	if err != nil {
		return err
	}
	if err := d.others(ctx); err != nil {
		return err
	}
	if err := d.attacks(ctx, done); err != nil {
		return err
	}
	if err := d.dynamic(ctx); err != nil {
		return err
	}
	return d.rotation(ctx)
}

// start starts the cloud and the receiver and registers the webhook.
func (d *demo) start(ctx context.Context) (err error) {
	d.screen.title("1. The embedded cloud, the function and a static webhook")
	d.lines = make(map[string]outcome)
	d.cloud, err = localcloud.Start(ctx, localcloud.Options{
		TimeScale: timeScale,
		Gemini: gemini.Options{
			Seed:          1,
			BatchDuration: 2 * time.Hour, // a second
			FailedShare:   0.01,
			VideoFor:      func(string) gemini.VideoOptions { return gemini.VideoOptions{Bytes: 20 << 20} },
			BlockedShare:  0.002,
			RetryBase:     12 * time.Hour, // 5 s: what is refused is not what this is about
			RetryMax:      24 * time.Hour,
			DynamicSigningFor: func(uri string) gemini.Scheme {
				if strings.HasSuffix(uri, "/"+labelJWT) {
					return gemini.SchemeRS256
				}
				return gemini.SchemeEd25519
			},
		},
	})
	if err != nil {
		return err
	}
	d.screen.say("Pub/Sub, Cloud Storage, Secret Manager and Gemini run in this process, on loopback")
	for topic, see := range map[string]func([]byte, map[string]string){
		localcloud.ResultsTopic:  d.seeLine,
		localcloud.OutcomesTopic: d.seeOutcome,
	} {
		if err := d.cloud.Watch(ctx, topic, see); err != nil {
			return err
		}
	}
	d.url, err = serveReceiver(ctx, append(d.cloud.Env(),
		"LOG_LEVEL=error",
		"CHUNK_BYTES=131072", // small, for the demo to have many ranges
		"SIGNING_SECRET_OVERLAP="+overlap.String(),
	))
	if err != nil {
		return err
	}
	d.screen.say("the function GeminiWebhook serves both doors at %s", d.url)
	if err := d.cloud.Push(ctx, d.url, d.seeAttempt); err != nil {
		return err
	}
	if d.operator, err = d.cloud.Operator(ctx); err != nil {
		return err
	}
	if d.webhook, d.secret, err = d.operator.Register(ctx, "demo", d.url+hookPath); err != nil {
		return err
	}
	d.screen.say("registered webhook %s; its signing secret went from Gemini into Secret Manager", d.webhook)
	return nil
}

func (d *demo) seeAttempt(a push.Attempt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a.Acked && a.Subscription == localcloud.RangesSubscription {
		d.ranges++
	}
}

func (d *demo) seeLine(data []byte, attributes map[string]string) {
	o := read(data, attributes)
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, again := d.lines[o.ID]; again {
		d.repeats++
	}
	d.lines[o.ID] = o
}

func (d *demo) seeOutcome(data []byte, attributes map[string]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.outcomes = append(d.outcomes, read(data, attributes))
}

// find is the outcome of that type of a resource, without an id where there is
// none yet. It is called under the lock.
func (d *demo) find(kind, resource string) (found outcome) {
	for _, o := range d.outcomes {
		if o.Type == kind && o.ResourceID == resource {
			found = o
		}
	}
	return found
}

// wait polls until ok, which is called under the lock.
func (d *demo) wait(ctx context.Context, what string, ok func() bool) error {
	deadline := time.Now().Add(patience)
	for {
		d.mu.Lock()
		done := ok()
		d.mu.Unlock()
		if done {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s did not come within %v", what, patience)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// attacks sends deliveries that must be refused, and one that was sent before.
func (d *demo) attacks(ctx context.Context, done outcome) error {
	d.screen.title("4. Deliveries that Gemini did not send, or sent before")
	body := fmt.Appendf(nil, `{"type":"batch.succeeded","version":"v1","timestamp":%q,"data":{"id":%q}}`,
		time.Now().UTC().Format(time.RFC3339), done.ResourceID)
	before := d.published()
	const stranger = "whsec_c3RyYW5nZXJzIGtleSwgbm90IG91cnMgYXQgYWxsISE="
	for _, a := range []struct {
		what, secret string
		at           time.Time
		body         []byte
		want         string
	}{
		{"forged: signed with another key", stranger, time.Now(), body, "401 signature_mismatch"},
		{"stale: genuine, ten minutes old", d.secret, time.Now().Add(-10 * time.Minute), body, "401 timestamp_out_of_range"},
		{"repeated: the batch's event once more", d.secret, time.Now(), body, "200 accepted"},
		{"repeated: the same delivery again", d.secret, time.Now(), body, "200 accepted"},
	} {
		got, err := post(ctx, d.url+hookPath, verifytest.Static(a.secret, "msg_demo", a.at, a.body), a.body)
		if err != nil {
			return err
		}
		d.screen.check(a.what, a.want, got)
	}
	// What the repeats might cause would be published before this.
	body = []byte(`{"type":"interaction.completed","version":"v1","timestamp":"2026-01-22T12:00:00Z","data":{"id":"interaction_demo"}}`)
	got, err := post(ctx, d.url+hookPath, verifytest.Static(d.secret, "msg_other", time.Now(), body), body)
	if err != nil {
		return err
	}
	d.screen.check("a genuine interaction.completed", "200 accepted", got)
	if _, err := d.outcome(ctx, "interaction.completed", "interaction_demo"); err != nil {
		return err
	}
	d.screen.check("new outcomes published for the repeats", 0, d.published()-before-1+d.repeats)
	return nil
}

// published is how many outcomes there are. batch.completed may come twice, under one
// id, where the last two ranges end together.
func (d *demo) published() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids := map[string]bool{}
	for _, o := range d.outcomes {
		ids[o.ID] = true
	}
	return len(ids)
}

func pause(ctx context.Context, t time.Duration) error {
	select {
	case <-ctx.Done():
		return errors.New("interrupted")
	case <-time.After(t):
		return nil
	}
}

func (d *demo) close() {
	if d.cloud == nil {
		return
	}
	if d.operator != nil {
		_ = d.operator.Close()
	}
	_ = d.cloud.Close() // nothing is left to lose
}
