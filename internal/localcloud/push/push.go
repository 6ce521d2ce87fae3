// Package push delivers Pub/Sub messages to HTTP endpoints as Pub/Sub's push
// subscriptions do, on top of a Pub/Sub server that cannot (pstest) or does it
// differently (Google's emulator): wrapped body, OIDC token, delivery attempts,
// exponential backoff, dead letters and filters; or as Eventarc's triggers do.
//
// The driver pulls from ordinary pull subscriptions and does all of that
// itself, so it works on any server that streams pulls. It does not keep
// ordering keys in order, has no unwrapped format, no slow start and no
// exactly-once delivery, and forgets its attempts when it ends.
package push

import (
	"context"
	"fmt"
	"net/http"
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

const maxMessage = 20 << 20 // gRPC limit in bytes; Pub/Sub's messages are at most 10 MB

// Config says where from and where to messages go.
type Config struct {
	// Endpoint is host:port of a Pub/Sub server that speaks plaintext gRPC.
	Endpoint      string
	Project       string
	Subscriptions []Subscription
	// Tokens mints the OIDC tokens; needed where a subscription has a
	// ServiceAccount.
	Tokens *Tokens
	// TimeScale multiplies backoffs, so that tests need not wait: 0.001 makes
	// seconds of milliseconds. Deadlines are not scaled.
	TimeScale float64
	// Observe, where not nil, gets every delivery attempt after what
	// followed from it (acknowledgement, dead letter) was done. Report gets
	// trouble with the Pub/Sub server, which the driver repeats or survives.
	// Both are called from several goroutines at once.
	Observe func(Attempt)
	Report  func(error)
}

// Subscription is a push subscription. Topics and subscriptions are ids.
type Subscription struct {
	Name, Topic  string
	PushEndpoint string // URL
	// CloudEvents delivers as Eventarc does to a function, see EventHeader.
	CloudEvents bool
	// ServiceAccount is the e-mail in the token, Audience its audience; without
	// a ServiceAccount no token is sent.
	ServiceAccount, Audience string
	// Filter is empty or attributes.KEY = "VALUE". Messages that do not
	// match are acknowledged.
	Filter string
	// AckDeadline bounds one request.
	AckDeadline time.Duration
	// MinBackoff and MaxBackoff bound the pause after a failed attempt, which
	// doubles each time.
	MinBackoff, MaxBackoff time.Duration
	// MaxDeliveryAttempts and DeadLetterTopic go together. After that many
	// failed attempts the message is published to the topic, whose
	// subscriptions are the caller's business, and acknowledged. Pub/Sub wants
	// 5 to 100; here 1 will do.
	MaxDeliveryAttempts int
	DeadLetterTopic     string
	// MaxOutstanding is how many requests may be under way.
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
	client  *http.Client
	workers sync.WaitGroup
	once    sync.Once
}

// Start creates the topics and subscriptions that do not exist, and begins to
// deliver. Existing subscriptions are taken as they are. The end of ctx cuts
// requests that are under way; use Stop to end in order, and always to release
// the driver.
func Start(ctx context.Context, cfg Config) (*Driver, error) {
	client := &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 100},
		// A redirect is an answer that does not acknowledge.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var workers []*worker
	for _, s := range cfg.Subscriptions {
		match, err := parseFilter(s.Filter)
		if err != nil {
			return nil, fmt.Errorf("push: subscription %s: %w", s.Name, err)
		}
		workers = append(workers, newWorker(cfg, s, match, client))
	}
	conn, err := grpc.NewClient(cfg.Endpoint,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)))
	if err != nil {
		return nil, fmt.Errorf("push: endpoint: %w", err)
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
	d := &Driver{conn: conn, stop: stop, client: client}
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
		d.client.CloseIdleConnections()
		_ = d.conn.Close()
	})
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

// fullName is the resource name for an id, empty for none.
func fullName(project, collection, id string) string {
	if id == "" {
		return ""
	}
	return "projects/" + project + "/" + collection + "/" + id
}
