package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/deadletter"
	"example.com/gemini-webhook/internal/gcp/pubsub"
	"example.com/gemini-webhook/internal/gcp/storage"
	"example.com/gemini-webhook/internal/object"
)

// dlq looks after the dead letters of the work queue.
type dlq struct {
	List    dlqList    `cmd:"" help:"List all dead letters, the oldest first. It takes nothing away."`
	Show    dlqShow    `cmd:"" help:"Show one dead letter, and what the state bucket tells of its work. It takes nothing away."`
	Redrive dlqRedrive `cmd:"" help:"Publish dead letters to the work queue again, as they are."`
	Drop    dlqDrop    `cmd:"" help:"Take dead letters away without doing what they ask for."`
}

// dlqFlags are those of all dlq commands.
type dlqFlags struct {
	Project      string `required:"" env:"GOOGLE_CLOUD_PROJECT" placeholder:"P" help:"Project of the deployment."`
	QueueTopic   string `required:"" env:"QUEUE_TOPIC" placeholder:"NAME-queue" help:"Topic of the work queue."`
	Subscription string `placeholder:"NAME-dead-letters" help:"Subscription of the dead letters; the default follows from a queue topic NAME-queue."`
	StateBucket  string `env:"STATE_BUCKET" placeholder:"BUCKET" help:"Bucket of plans and markers. Without it classes and progress are not known."`
	JSON         bool   `name:"json" help:"Print JSON, one object a line."`
}

const dlqHelp = `A dead letter is {id, kind, event_type, resource_id, event_id, event_key, class,
attempts, queued, dead, age_seconds, bytes, keeper, range, progress, error}; what is
not known is left out. Dead is since when. Its class is why it failed, as far as it
and the state bucket tell: foreign, format, excluded, done, plan_lost,
unreadable_state, not_found, denied, unfinished or unknown;
docs/runbooks/dead-letters.md says what to do about each.

Pub/Sub does not promise that all messages are seen: it is asked again until it had
nothing new for three seconds. What somebody else has pulled is not seen.

Needed are roles/pubsub.subscriber on the subscription and, for classes and
progress, roles/storage.objectViewer on the state bucket.`

// deadLetters are the dead letters and what is connected to look at them.
type deadLetters struct {
	deadletter.Box
	stateBucket string
	close       []func() error
}

// connect checks the flags and connects. It makes no call yet.
func (f dlqFlags) connect(ctx context.Context, s streams) (*deadLetters, error) {
	name, err := f.subscription()
	if err != nil {
		return nil, err
	}
	client, err := pubsub.NewClient(ctx, f.Project)
	if err != nil {
		return nil, err
	}
	letters := client.DeadLetters(name, f.QueueTopic)
	d := &deadLetters{Box: deadletter.Box{Subscription: letters, Queue: letters, Pause: s.pause}, stateBucket: f.StateBucket, close: []func() error{client.Close}}
	if f.StateBucket == "" {
		return d, nil
	}
	objects, err := storage.NewClient(ctx)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.States = batch.NewState(objects.State(f.StateBucket))
	d.close = append(d.close, objects.Close)
	return d, nil
}

// subscription is the name of the dead letters' subscription, as the deployment gives
// it.
func (f dlqFlags) subscription() (string, error) {
	if f.Subscription != "" {
		return f.Subscription, nil
	}
	name, ok := strings.CutSuffix(f.QueueTopic, "-queue")
	if !ok {
		return "", usage("give --subscription: the name of the dead letters' subscription does not follow from a queue topic that does not end in -queue")
	}
	return name + "-dead-letters", nil
}

// Close releases the connections.
func (d *deadLetters) Close() error {
	var errs []error
	for _, f := range d.close {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// explain says which role is missing, where one is.
func (d *deadLetters) explain(err error) error {
	if errors.Is(err, object.ErrForbidden) {
		return fmt.Errorf("whoever looks at dead letters needs roles/storage.objectViewer on the bucket %s; --state-bucket= goes without: %w", d.stateBucket, err)
	}
	return err
}

// printLine writes v as one line of JSON.
func printLine(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// settled is a dead letter that was redriven or dropped.
type settled struct {
	Result     string `json:"result"` // "redriven" or "dropped"
	ID         string `json:"id"`
	Kind       string `json:"kind"`
	EventType  string `json:"event_type,omitempty"`
	ResourceID string `json:"resource_id,omitempty"`
	EventKey   string `json:"event_key,omitempty"`
}

func settledOf(result string, i deadletter.Item) settled {
	return settled{result, i.ID, i.Kind, i.EventType, i.ResourceID, i.EventKey}
}

// missing is the error of ids that no message has.
func missing(ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	more := ""
	if len(ids) > 10 {
		ids, more = ids[:10], fmt.Sprintf(" and %d more", len(ids)-10)
	}
	return fmt.Errorf("not in the dead letters, or pulled by somebody else: %s%s", strings.Join(ids, ", "), more)
}

// count is a number of messages in words.
func count(n int) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}
