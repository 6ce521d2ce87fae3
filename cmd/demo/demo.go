package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/push"
	"example.com/gemini-webhook/internal/localcloud/receiver"
	"example.com/gemini-webhook/internal/localcloud/vertex"
)

const (
	// timeScale makes a day of Gemini's ten seconds.
	timeScale = 8640
	overlap   = 24 * time.Hour / timeScale
	patience  = time.Minute // for anything to arrive
	hookPath  = "/gemini"

	batchDuration = 2 * time.Hour // a second
)

// demo is one run.
type demo struct {
	screen   *screen
	requests int

	cloud    *localcloud.Cloud
	operator *localcloud.Operator
	receiver *receiver.Receiver
	url      string // of the receiver
	webhook  string // its id
	secret   string // the newest signing secret

	mu       sync.Mutex
	lines    map[string]outcome // by outcome_id, of batch.result
	repeats  int
	outcomes []outcome
	ranges   int
	queued   int // messages that the tasks door has not acknowledged yet

	reconciler *program
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
	Key        string
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
	if err := d.unannounced(ctx); err != nil {
		return err
	}
	if err := d.retries(ctx, done); err != nil {
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
		Vertex:    vertex.Options{Seed: 1, Duration: batchDuration},
		Gemini: gemini.Options{
			Seed:          1,
			BatchDuration: batchDuration,
			BatchFor:      func(name string) gemini.BatchOptions { return gemini.BatchOptions{NoEvent: name == cancelled} },
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
	d.screen.say("Pub/Sub, Cloud Storage, Secret Manager, Gemini and Vertex AI run in this process, on loopback")
	for topic, see := range map[string]func([]byte, map[string]string){
		localcloud.ResultsTopic:  d.seeLine,
		localcloud.OutcomesTopic: d.seeOutcome,
		localcloud.QueueTopic:    d.seeQueued,
	} {
		if err := d.cloud.Watch(ctx, topic, see); err != nil {
			return err
		}
	}
	d.receiver, err = receiver.Start(ctx, append(d.cloud.Env(),
		"LOG_LEVEL=error",
		"CHUNK_BYTES=131072", // small, for the demo to have many ranges
		"SIGNING_SECRET_OVERLAP="+overlap.String(),
	), os.Stderr)
	if err != nil {
		return err
	}
	d.url = d.receiver.URL()
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
	if !a.Acked {
		return
	}
	d.queued--
	if a.Subscription == localcloud.RangesSubscription {
		d.ranges++
	}
}

func (d *demo) seeQueued([]byte, map[string]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queued++
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

// answered waits for the answer to a delivery of Gemini's, and gives its status.
func (d *demo) answered(ctx context.Context, id string) (status int, err error) {
	err = d.wait(ctx, "Gemini's delivery", func() bool {
		for _, a := range d.cloud.Gemini.Deliveries() {
			if a.ID == id {
				status = a.Status
			}
		}
		return status != 0
	})
	return status, err
}

// published is how many outcomes there are, and lines, repeated ones counted again.
// batch.completed may come twice, under one id, where the last two ranges end together.
func (d *demo) published() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids := map[string]bool{}
	for _, o := range d.outcomes {
		ids[o.ID] = true
	}
	return len(ids) + len(d.lines) + d.repeats
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
	if d.receiver != nil {
		_ = d.receiver.Close()
	}
	if d.reconciler != nil {
		d.reconciler.end()
	}
}
