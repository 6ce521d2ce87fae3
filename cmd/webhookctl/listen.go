package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/vectors"
)

// listen is "webhookctl listen".
type listen struct {
	Forward       string   `required:"" placeholder:"URL" help:"Where each outcome is posted: an address of this machine, or https."`
	SecretFile    string   `required:"" placeholder:"FILE" help:"File with the secret that signs what is forwarded. It is made where it is missing."`
	Project       string   `required:"" env:"GOOGLE_CLOUD_PROJECT" placeholder:"P" help:"Project of the topics."`
	OutcomesTopic string   `env:"OUTCOMES_TOPIC" placeholder:"TOPIC" help:"Topic of outcomes."`
	ResultsTopic  string   `env:"RESULTS_TOPIC" placeholder:"TOPIC" help:"Topic of lines of batches, where it is another."`
	Types         []string `placeholder:"TYPE" help:"Types of outcomes that are forwarded, comma-separated; none: all."`
	Subscription  string   `placeholder:"SUBSCRIPTION" help:"An existing subscription, in place of temporary ones. What is forwarded is taken from it."`
	Limit         int      `placeholder:"N" help:"End when so many were forwarded."`
	JSON          bool     `name:"json" help:"Print JSON, an outcome a line."`
}

// Help is kong's, for details.
func (listen) Help() string {
	return `It makes a subscription to each topic, which sees what is published from then on, and
deletes it at the end, also when it is interrupted; one that is left behind by a
crash expires after a day. Nobody else's subscription loses anything.

Each outcome is posted as it is, signed as Standard Webhooks has it: webhook-id is
the outcome_id, webhook-signature v1 with the secret of the file. It is acknowledged
after a 2xx; else it comes again.

Needed are pubsub.subscriptions.create, consume and delete, and
pubsub.topics.attachSubscription (roles/pubsub.editor).

For example:

  go run ./cmd/webhookctl listen --forward=http://127.0.0.1:8080/ --secret-file=secret.txt --limit=1

--json prints {outcome_id, type, resource_id, status, latency_ms, error}.

` + codesHelp + `

Here 0 is also the end by an interrupt.`
}

// forwarded is what came of an outcome.
type forwarded struct {
	OutcomeID  string `json:"outcome_id"`
	Type       string `json:"type"`
	ResourceID string `json:"resource_id"`
	Status     int    `json:"status,omitempty"`
	LatencyMS  int64  `json:"latency_ms"`
	Error      string `json:"error,omitempty"`
}

// listener forwards.
type listener struct {
	listen
	to     *url.URL
	secret secret.Value
	stop   context.CancelFunc

	mu    sync.Mutex
	out   streams
	count int
	err   error // of printing
}

// Run forwards until it is interrupted.
func (l listen) Run(ctx context.Context, s streams) error {
	to, err := target("--forward", l.Forward)
	if err != nil {
		return err
	}
	filter, err := l.filter()
	if err != nil {
		return err
	}
	key, err := l.signingSecret(s)
	if err != nil {
		return err
	}
	client, err := pubsub.NewClient(ctx, l.Project)
	if err != nil {
		return fmt.Errorf("connect to Pub/Sub: %w", err)
	}
	defer client.Close()
	subscriptions, end, err := l.subscribe(ctx, client, filter)
	if err != nil {
		return errors.Join(err, end())
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	f := &listener{listen: l, to: to, secret: key, stop: stop, out: s}
	fmt.Fprintf(s.messages, "forwarding to %s\n", shownURL(to))
	errs := make([]error, len(subscriptions))
	var wait sync.WaitGroup
	for i, name := range subscriptions {
		wait.Go(func() {
			subscriber := client.Subscriber(name)
			subscriber.ReceiveSettings.MaxOutstandingMessages = 1 // one after the other, to be read
			errs[i] = subscriber.Receive(ctx, f.forward)
			stop()
		})
	}
	wait.Wait()
	return errors.Join(append(errs, f.err, end())...)
}

// filter is Pub/Sub's, of the types.
func (l listen) filter() (string, error) {
	var terms []string
	for _, name := range l.Types {
		if name == "" || strings.ContainsAny(name, "\"\\") {
			return "", usage("--types wants types of outcomes, as batch.completed")
		}
		terms = append(terms, fmt.Sprintf("attributes.type = %q", name))
	}
	if l.Subscription != "" && terms != nil {
		return "", usage("--types goes with temporary subscriptions: an existing one has its own filter")
	}
	return strings.Join(terms, " OR "), nil
}

// signingSecret reads the secret, or makes one.
func (l listen) signingSecret(s streams) (secret.Value, error) {
	f, err := os.OpenFile(l.SecretFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails
		_, err = fmt.Fprintln(f, "whsec_"+base64.StdEncoding.EncodeToString(key))
		if err = errors.Join(err, f.Close()); err != nil {
			return secret.Value{}, fmt.Errorf("write --secret-file: %w", err)
		}
		fmt.Fprintf(s.messages, "made a signing secret in %s: the local receiver verifies with it\n", l.SecretFile)
	} else if !errors.Is(err, fs.ErrExist) {
		return secret.Value{}, usage("--secret-file: %w", err)
	}
	key, err := readSecretFile(l.SecretFile)
	if err != nil {
		return key, err
	}
	if _, err := secret.SigningKeys(key.Reveal()); err != nil {
		return key, usage("--secret-file: %w", err)
	}
	return key, nil
}

const (
	temporaryAge = 24 * time.Hour   // until an unused subscription expires; Pub/Sub's least
	kept         = 10 * time.Minute // what is published and not forwarded; Pub/Sub's least
	deleteWait   = 10 * time.Second
)

// subscribe names the subscriptions to read. End deletes those that were made, in
// any case.
func (l listen) subscribe(ctx context.Context, client *pubsub.Client, filter string) (names []string, end func() error, err error) {
	end = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteWait)
		defer cancel()
		var errs []error
		for _, name := range names {
			if err := client.SubscriptionAdminClient.DeleteSubscription(ctx, &pubsubpb.DeleteSubscriptionRequest{Subscription: name}); err != nil {
				errs = append(errs, fmt.Errorf("delete %s: %w", name, err))
			}
		}
		return errors.Join(errs...)
	}
	if l.Subscription != "" {
		name := l.Subscription
		if !strings.Contains(name, "/") {
			name = "projects/" + l.Project + "/subscriptions/" + name
		}
		return []string{name}, func() error { return nil }, nil
	}
	if l.OutcomesTopic == "" {
		return nil, end, usage("give --outcomes-topic or --subscription")
	}
	topics := []string{l.OutcomesTopic}
	if other := cmp.Or(l.ResultsTopic, l.OutcomesTopic); other != l.OutcomesTopic {
		topics = append(topics, other)
	}
	for _, topic := range topics {
		made, err := client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
			Name:                     "projects/" + l.Project + "/subscriptions/webhookctl-listen-" + strings.ToLower(rand.Text()),
			Topic:                    "projects/" + l.Project + "/topics/" + topic,
			Filter:                   filter,
			AckDeadlineSeconds:       60,
			MessageRetentionDuration: durationpb.New(kept),
			ExpirationPolicy:         &pubsubpb.ExpirationPolicy{Ttl: durationpb.New(temporaryAge)},
			RetryPolicy:              &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(time.Second), MaximumBackoff: durationpb.New(time.Minute)},
			Labels:                   map[string]string{"made-by": "webhookctl-listen"},
		})
		if err != nil {
			return names, end, fmt.Errorf("subscribe to %s: %w", topic, err)
		}
		names = append(names, made.GetName())
	}
	return names, end, nil
}

// forward posts one outcome, and acknowledges what is accepted.
func (l *listener) forward(ctx context.Context, m *pubsub.Message) {
	line := forwarded{OutcomeID: m.Attributes["outcome_id"], Type: m.Attributes["type"], ResourceID: m.Attributes["resource_id"]}
	id := cmp.Or(line.OutcomeID, "msg_"+m.ID)
	signer := &vectors.Signer{Now: time.Now(), Secret: string(l.secret.Reveal())}
	got, err := deliver(ctx, l.to, requestOf(signer.Static(id, m.Data), m.Data))
	line.Status, line.LatencyMS = got.status, got.took.Milliseconds()
	if err != nil {
		line.Error = err.Error()
	}
	if !got.accepted() {
		m.Nack()
	} else {
		m.Ack()
	}
	if ctx.Err() == nil {
		l.print(line, got.accepted())
	}
}

// print prints a line, and counts.
func (l *listener) print(line forwarded, accepted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.JSON {
		l.err = errors.Join(l.err, printLine(l.out.out, line))
	} else {
		came := fmt.Sprintf("%d in %d ms", line.Status, line.LatencyMS)
		if !accepted {
			came = cmp.Or(line.Error, came) + ", it comes again"
		}
		_, err := fmt.Fprintf(l.out.out, "%s %s %s: %s\n", line.Type, line.ResourceID, line.OutcomeID, came)
		l.err = errors.Join(l.err, err)
	}
	if accepted {
		l.count++
	}
	if l.err != nil || l.Limit > 0 && l.count >= l.Limit {
		l.stop()
	}
}
