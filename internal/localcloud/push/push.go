// Package push delivers Pub/Sub messages to HTTP endpoints as Pub/Sub's push
// subscriptions do, on top of a Pub/Sub server that cannot (pstest) or does it
// differently (Google's emulator): wrapped body, OIDC token, delivery attempts,
// exponential backoff, dead letters and filters.
//
// The driver pulls from ordinary pull subscriptions and does all of that
// itself, so it works on any server that streams pulls. It does not keep
// ordering keys in order, has no unwrapped format, no slow start and no
// exactly-once delivery, and forgets its attempts when it ends.
package push

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// ErrConfig is wrapped by every error that Start returns about its Config.
var ErrConfig = errors.New("push: bad configuration")

// Pub/Sub's defaults.
const (
	defaultAckDeadline    = 10 * time.Second
	defaultMaxOutstanding = 100
	// Without a retry policy:
	pushMinBackoff = 100 * time.Millisecond
	pushMaxBackoff = time.Minute
	// Where a retry policy leaves one of the two out:
	policyMinBackoff = 10 * time.Second
	policyMaxBackoff = 10 * time.Minute

	maxMessage = 20 << 20 // gRPC limit in bytes; Pub/Sub's messages are at most 10 MB
)

// Config says where from and where to messages go.
type Config struct {
	// Endpoint is host:port of a Pub/Sub server that speaks plaintext gRPC.
	Endpoint      string
	Project       string
	Subscriptions []Subscription
	// Tokens mints the OIDC tokens; needed where a subscription has a
	// ServiceAccount.
	Tokens *Tokens
	// HTTPClient sends the requests; one of the driver's own where nil.
	// Redirects are never followed: they are answers that do not acknowledge.
	HTTPClient *http.Client
	// TimeScale multiplies backoffs, so that tests need not wait: 0.001 makes
	// seconds of milliseconds. 0 means 1. Deadlines are not scaled.
	TimeScale float64
	// Observe, where not nil, gets every delivery attempt after what
	// followed from it (acknowledgement, dead letter) was done. Report gets
	// trouble with the Pub/Sub server, which the driver repeats or survives.
	// Both are called from several goroutines at once.
	Observe func(Attempt)
	Report  func(error)
}

// Subscription is a push subscription. Topics and subscriptions are ids, or
// full names (projects/P/topics/T).
type Subscription struct {
	Name, Topic  string
	PushEndpoint string // URL
	// Audience is the token's; the PushEndpoint where empty.
	Audience string
	// ServiceAccount is the e-mail in the token; without it no token is sent.
	ServiceAccount string
	// Filter is empty or attributes.KEY = "VALUE". Messages that do not
	// match are acknowledged.
	Filter string
	// AckDeadline bounds one request; 10 s where 0.
	AckDeadline time.Duration
	// MinBackoff and MaxBackoff bound the pause after a failed attempt, which
	// doubles each time. Both 0: 100 ms and 1 min; one 0: 10 s or 10 min.
	MinBackoff, MaxBackoff time.Duration
	// MaxDeliveryAttempts and DeadLetterTopic go together. After that many
	// failed attempts the message is published to the topic, whose
	// subscriptions are the caller's business, and acknowledged. Pub/Sub wants
	// 5 to 100; here 1 will do.
	MaxDeliveryAttempts int
	DeadLetterTopic     string
	// MaxOutstanding is how many requests may be under way; 100 where 0.
	MaxOutstanding int
}

// Attempt is one delivery and what came of it.
type Attempt struct {
	Subscription string // as in Subscription.Name
	MessageID    string
	Number       int // from 1
	Start        time.Time
	Duration     time.Duration
	Status       int   // of the answer; 0 where there was none
	Err          error // why there was none
	Acked        bool
	DeadLettered bool
}

// Driver delivers until it is stopped.
type Driver struct {
	conn    *grpc.ClientConn
	stop    context.CancelFunc // ends pulling and waiting, not requests
	idle    func()             // closes connections of the driver's own client
	workers sync.WaitGroup
	once    sync.Once
}

// Start checks the configuration, creates the topics and subscriptions that do
// not exist, and begins to deliver. Existing subscriptions are taken as they
// are. The end of ctx cuts requests that are under way; use Stop to end in
// order, and always to release the driver.
func Start(ctx context.Context, cfg Config) (*Driver, error) {
	idle := func() {}
	if cfg.HTTPClient == nil {
		transport := &http.Transport{MaxIdleConnsPerHost: defaultMaxOutstanding}
		cfg.HTTPClient, idle = &http.Client{Transport: transport}, transport.CloseIdleConnections
	}
	workers, err := newWorkers(cfg)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(cfg.Endpoint,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)))
	if err != nil {
		return nil, fmt.Errorf("%w: endpoint: %w", ErrConfig, err)
	}
	topics, err := pubsub.NewTopicAdminClient(ctx, option.WithGRPCConn(conn))
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("push: topic client: %w", err)
	}
	subs, err := pubsub.NewSubscriptionAdminClient(ctx, option.WithGRPCConn(conn))
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("push: subscription client: %w", err)
	}
	for _, w := range workers {
		w.topics, w.subs = topics, subs
		if err := w.create(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	pull, stop := context.WithCancel(ctx)
	d := &Driver{conn: conn, stop: stop, idle: idle}
	for _, w := range workers {
		d.workers.Go(func() { w.run(ctx, pull) })
	}
	return d, nil
}

// Stop ends pulling, waits until the requests under way are answered or their
// ack deadlines pass, and gives all other messages back. Calling it again
// waits too.
func (d *Driver) Stop() {
	d.stop()
	d.workers.Wait()
	d.once.Do(func() {
		d.idle()
		_ = d.conn.Close()
	})
}

// newWorkers checks everything and reports every error at once.
func newWorkers(cfg Config) ([]*worker, error) {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
	}
	if cfg.Project == "" {
		bad("Project is empty")
	}
	if cfg.TimeScale < 0 {
		bad("TimeScale is negative")
	}
	if cfg.TimeScale == 0 {
		cfg.TimeScale = 1
	}
	client := *cfg.HTTPClient
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	var workers []*worker
	for i, s := range cfg.Subscriptions {
		name := fmt.Sprintf("subscription %d (%s)", i, s.Name)
		if s.ServiceAccount != "" && cfg.Tokens == nil {
			bad("%s: ServiceAccount needs Tokens", name)
		}
		s.check(func(text string) { bad("%s: %s", name, text) })
		match, err := parseFilter(s.Filter)
		if err != nil {
			bad("%s: %w", name, err)
		}
		s.setDefaults()
		if s.MinBackoff > s.MaxBackoff {
			bad("%s: MinBackoff is over MaxBackoff", name)
		}
		workers = append(workers, newWorker(cfg, s, match, &client))
	}
	return workers, errors.Join(errs...)
}

func (s *Subscription) check(bad func(text string)) {
	if s.Name == "" || s.Topic == "" {
		bad("Name and Topic are needed")
	}
	if u, err := url.Parse(s.PushEndpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		bad("PushEndpoint is no http or https URL")
	}
	if (s.MaxDeliveryAttempts > 0) != (s.DeadLetterTopic != "") || s.MaxDeliveryAttempts < 0 {
		bad("MaxDeliveryAttempts and DeadLetterTopic go together")
	}
	if s.AckDeadline < 0 || s.MinBackoff < 0 || s.MaxBackoff < 0 || s.MaxOutstanding < 0 {
		bad("durations and MaxOutstanding must not be negative")
	}
}

func (s *Subscription) setDefaults() {
	if s.AckDeadline == 0 {
		s.AckDeadline = defaultAckDeadline
	}
	if s.MaxOutstanding == 0 {
		s.MaxOutstanding = defaultMaxOutstanding
	}
	if s.Audience == "" {
		s.Audience = s.PushEndpoint
	}
	switch {
	case s.MinBackoff == 0 && s.MaxBackoff == 0:
		s.MinBackoff, s.MaxBackoff = pushMinBackoff, pushMaxBackoff
	case s.MinBackoff == 0:
		s.MinBackoff = min(policyMinBackoff, s.MaxBackoff)
	case s.MaxBackoff == 0:
		s.MaxBackoff = max(policyMaxBackoff, s.MinBackoff)
	}
}

// create makes the topics and the subscription where they are missing.
func (w *worker) create(ctx context.Context) error {
	for _, topic := range []string{w.topic, w.deadLetterTopic} {
		if topic == "" {
			continue
		}
		_, err := w.topics.CreateTopic(ctx, &pubsubpb.Topic{Name: topic})
		if err != nil && status.Code(err) != codes.AlreadyExists {
			return fmt.Errorf("push: create topic %s: %w", topic, err)
		}
	}
	_, err := w.subs.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: w.name, Topic: w.topic, AckDeadlineSeconds: int32(lease / time.Second),
	})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return fmt.Errorf("push: create subscription %s: %w", w.name, err)
	}
	return nil
}

// fullName is the resource name for an id; a full name stays as it is.
func fullName(project, collection, id string) string {
	if id == "" || strings.HasPrefix(id, "projects/") {
		return id
	}
	return "projects/" + project + "/" + collection + "/" + id
}
