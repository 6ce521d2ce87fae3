// Package localcloud is the embedded cloud: Pub/Sub with push, Cloud Storage,
// Secret Manager and simulators of the Gemini API and of Vertex AI, in process. `make demo`
// and the end-to-end tests run the receiver against it, through the emulator
// variables that Google's own libraries read; it costs nothing and listens on
// loopback only.
//
// It checks no IAM. What its parts leave out is in their package comments.
package localcloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"

	"example.com/gemini-webhook/internal/localcloud/fake"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
	"example.com/gemini-webhook/internal/localcloud/push"
	"example.com/gemini-webhook/internal/localcloud/secrets"
	"example.com/gemini-webhook/internal/localcloud/vertex"
)

// Names of what the embedded cloud holds.
const (
	Project         = "local-project"
	QueueTopic      = "gemini-queue"
	OutcomesTopic   = "gemini-outcomes"
	ResultsTopic    = "gemini-results"
	DeadLetterTopic = "gemini-dead-letters"
	ReconcileTopic  = "gemini-reconcile"
	ResultBucket    = "gemini-results-local"
	StateBucket     = "gemini-state-local"
	ArchiveBucket   = "gemini-archive-local"
	SigningSecret   = "projects/" + Project + "/secrets/gemini-signing-secret"
	TokenSecret     = "projects/" + Project + "/secrets/gemini-webhook-token"
	APIKeySecret    = "projects/" + Project + "/secrets/gemini-api-key"
	APIKey          = "local-api-key" // of the Gemini simulator
	VertexLocation  = "us-central1"   // of Vertex AI's jobs

	pushAudience       = "https://receiver.local"
	pushServiceAccount = "gemini-push@" + Project + ".iam.gserviceaccount.com"
	// EventsSubscription and RangesSubscription push the two kinds of work.
	EventsSubscription = "gemini-events"
	RangesSubscription = "gemini-ranges"
	// DeadLetterSubscription keeps what they gave up, under the topic's name as the
	// deployment does.
	DeadLetterSubscription = DeadLetterTopic
)

// What Options leaves open, as the Terraform module configures it.
const (
	defaultDeliveryAttempts = 30
	defaultRangesAtOnce     = 4
)

// Options configure a Cloud; the zero value is ready for use.
type Options struct {
	// TimeScale divides Gemini's and Vertex AI's durations (backoff, batches, the
	// 24 hours of a rotation) and Pub/Sub's backoffs: 8640 makes a day ten seconds. 0: 1.
	TimeScale float64
	// Gemini configures the simulator; API key, time scale, sink and bucket are
	// set here.
	Gemini gemini.Options
	// Vertex configures the other simulator; project, storage and time scale are
	// set here.
	Vertex vertex.Options
	// MaxDeliveryAttempts is the subscriptions', and a variable of the receiver. 0: 30.
	MaxDeliveryAttempts int
	// RangesAtOnce is how many ranges are pushed at the same time. 0: 4.
	RangesAtOnce int
	// PubSubAddr is another Pub/Sub server (host:port, plaintext gRPC) to use in
	// place of pstest, such as Google's emulator. The driver pushes from it too.
	PubSubAddr string
	// Log gets trouble of the parts. Default: discarded.
	Log *slog.Logger
}

// Cloud is a running embedded cloud.
type Cloud struct {
	Storage *gcs.Server
	Secrets *secrets.Server
	Gemini  *gemini.Server
	Vertex  *vertex.Server
	PubSub  *pubsub.Server // nil with Options.PubSubAddr
	Tokens  *push.Tokens   // of push requests

	options    Options
	pubsubAddr string
	objects    objects
	certs      *fake.Listener
	drivers    []*push.Driver
	background *fake.Background
	close      []func() error
}

// Start starts everything but the push subscriptions, see Push.
func Start(ctx context.Context, o Options) (_ *Cloud, err error) {
	if o.TimeScale == 0 {
		o.TimeScale = 1
	}
	o.MaxDeliveryAttempts = cmp.Or(o.MaxDeliveryAttempts, defaultDeliveryAttempts)
	o.RangesAtOnce = cmp.Or(o.RangesAtOnce, defaultRangesAtOnce)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Cloud{options: o, background: fake.NewBackground()}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if c.Storage, err = gcs.Start(ResultBucket, StateBucket, ArchiveBucket); err != nil {
		return nil, err
	}
	c.close = append(c.close, c.Storage.Close)
	if c.Secrets, err = secrets.Start(secrets.Options{}); err != nil {
		return nil, err
	}
	c.close = append(c.close, c.Secrets.Close)
	c.Secrets.Add(APIKeySecret, []byte(APIKey))
	c.Secrets.Create(SigningSecret)
	c.Secrets.Create(TokenSecret)

	if c.pubsubAddr = o.PubSubAddr; c.pubsubAddr == "" {
		if c.PubSub, err = pubsub.Start(); err != nil {
			return nil, err
		}
		c.close = append(c.close, c.PubSub.Close)
		c.pubsubAddr = c.PubSub.Addr()
	}
	if err := c.createTopics(ctx); err != nil {
		return nil, err
	}
	if err := c.serveCerts(); err != nil {
		return nil, err
	}
	if err := c.startAI(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Cloud) serveCerts() (err error) {
	if c.Tokens, err = push.NewTokens(nil); err != nil {
		return err
	}
	if c.certs, err = fake.HTTP(c.Tokens); err != nil {
		return err
	}
	c.close = append(c.close, c.certs.Close)
	return nil
}

// startAI starts the simulators of the Gemini API and of Vertex AI.
func (c *Cloud) startAI(ctx context.Context) error {
	client, err := storage.NewClient(ctx, option.WithEndpoint(c.Storage.URL()+"/storage/v1/"), option.WithoutAuthentication())
	if err != nil {
		return err
	}
	c.close = append(c.close, client.Close)
	c.objects = objects{client}
	o := c.options.Gemini
	o.APIKey, o.TimeScale, o.ResultBucket, o.Sink = APIKey, c.options.TimeScale, ResultBucket, c.objects
	if c.Gemini, err = gemini.Start(o); err != nil {
		return err
	}
	c.close = append(c.close, c.Gemini.Close)
	v := c.options.Vertex
	v.Project, v.TimeScale, v.Storage = Project, c.options.TimeScale, c.objects
	if c.Vertex, err = vertex.Start(v); err != nil {
		return err
	}
	c.close = append(c.close, c.Vertex.Close)
	return nil
}

// objects are those of the embedded Cloud Storage, for the simulators.
type objects struct{ client *storage.Client }

func (o objects) Open(ctx context.Context, bucket, object string) (io.ReadCloser, error) {
	return o.client.Bucket(bucket).Object(object).NewReader(ctx)
}

func (o objects) Write(ctx context.Context, bucket, object string, data io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // a writer that is not closed is given up by its context
	w := o.client.Bucket(bucket).Object(object).NewWriter(ctx)
	w.ChunkSize = 0 // one request
	if _, err := io.Copy(w, data); err != nil {
		return err
	}
	return w.Close()
}

// Env is the environment of a receiver in this cloud: NAME=value.
func (c *Cloud) Env() []string {
	return []string{
		"GOOGLE_CLOUD_PROJECT=" + Project,
		"QUEUE_TOPIC=" + QueueTopic,
		"OUTCOMES_TOPIC=" + OutcomesTopic,
		"RESULTS_TOPIC=" + ResultsTopic,
		"STATE_BUCKET=" + StateBucket,
		"ARCHIVE_BUCKET=" + ArchiveBucket,
		"RESULT_BUCKETS=" + ResultBucket,
		"SIGNING_SECRETS=" + SigningSecret,
		"DYNAMIC_TOKEN_SECRET=" + TokenSecret,
		"JWKS_URL=" + c.Gemini.URL() + gemini.JWKSPath,
		"GEMINI_API_KEY_SECRET=" + APIKeySecret,
		"PUSH_AUDIENCE=" + pushAudience,
		"PUSH_SERVICE_ACCOUNT=" + pushServiceAccount,
		"PUSH_JWKS_URL=" + c.certs.URL() + push.CertsPath,
		fmt.Sprintf("MAX_DELIVERY_ATTEMPTS=%d", c.options.MaxDeliveryAttempts),
		"PUBSUB_EMULATOR_HOST=" + c.pubsubAddr,
		"STORAGE_EMULATOR_HOST=" + c.Storage.Addr(),
		"SECRET_MANAGER_EMULATOR_HOST=" + c.Secrets.Addr(),
		"GOOGLE_GEMINI_BASE_URL=" + c.Gemini.URL(),
		"GOOGLE_VERTEX_BASE_URL=" + c.Vertex.URL(),
		"VERTEX_LOCATIONS=" + VertexLocation,
	}
}

// Push starts the two push subscriptions of the queue: they call the private
// door of the receiver at url, as the Terraform module configures them.
// Observe, where not nil, gets every attempt.
func (c *Cloud) Push(ctx context.Context, url string, observe func(push.Attempt)) error {
	subscription := func(name, kind string, outstanding int) push.Subscription {
		return push.Subscription{
			Name:                name,
			Topic:               QueueTopic,
			Filter:              fmt.Sprintf("attributes.kind = %q", kind),
			PushEndpoint:        url + "/tasks/process",
			Audience:            pushAudience,
			ServiceAccount:      pushServiceAccount,
			AckDeadline:         600 * time.Second,
			MinBackoff:          10 * time.Second,
			MaxBackoff:          600 * time.Second,
			MaxDeliveryAttempts: c.options.MaxDeliveryAttempts,
			DeadLetterTopic:     DeadLetterTopic,
			MaxOutstanding:      outstanding,
		}
	}
	return c.push(ctx, observe,
		subscription(EventsSubscription, "event", 10),
		subscription(RangesSubscription, "range", c.options.RangesAtOnce))
}

// Trigger brings the messages of a topic to the function at url as Eventarc does,
// with retries. Observe, where not nil, gets every attempt.
func (c *Cloud) Trigger(ctx context.Context, topic, url string, observe func(push.Attempt)) error {
	return c.push(ctx, observe, push.Subscription{
		Name:           "eventarc-" + topic,
		Topic:          topic,
		PushEndpoint:   url + "/",
		CloudEvents:    true,
		Audience:       url,
		ServiceAccount: pushServiceAccount,
		AckDeadline:    600 * time.Second,
		MinBackoff:     10 * time.Second,
		MaxBackoff:     600 * time.Second,
		MaxOutstanding: 10,
	})
}

// push starts a driver of its own for subscriptions.
func (c *Cloud) push(ctx context.Context, observe func(push.Attempt), subscriptions ...push.Subscription) error {
	driver, err := push.Start(ctx, push.Config{
		Endpoint:      c.pubsubAddr,
		Project:       Project,
		Subscriptions: subscriptions,
		Tokens:        c.Tokens,
		TimeScale:     1 / c.options.TimeScale,
		Observe:       observe,
		Report:        func(err error) { c.options.Log.Warn("push driver", "error", err.Error()) },
	})
	if err == nil {
		c.drivers = append(c.drivers, driver)
	}
	return err
}

// Close stops everything. It waits for push requests under way, so close the
// receiver after it.
func (c *Cloud) Close() error {
	c.background.Stop()
	for _, driver := range c.drivers {
		driver.Stop()
	}
	var errs []error
	for i := len(c.close) - 1; i >= 0; i-- {
		errs = append(errs, c.close[i]())
	}
	return errors.Join(errs...)
}
