// Package deadletter lists, redrives and drops the messages that the private door has
// failed for good (docs/runbooks/dead-letters.md).
//
// Looking takes nothing away: what is pulled is leased and given back. A message leaves
// the dead letters when the queue has acknowledged it again, or somebody drops it. The
// bodies of one answer to a pull are held at a time, so that memory is bounded, and a
// redrive pulls again what it has looked at.
//
// The package knows no cloud client: Subscription, Queue and States are what it needs
// of them.
package deadletter

import (
	"context"
	"errors"
	"time"

	"example.com/gemini-webhook/internal/batch"
)

// Attributes that Pub/Sub adds to a dead letter.
const (
	attrAttempts = "CloudPubSubDeadLetterSourceDeliveryCount"
	attrQueued   = "CloudPubSubDeadLetterSourceTopicPublishTime"
)

// maxItems bounds what is looked at: some 50 MB of memory.
const maxItems = 100_000

// Errors of a Box.
var (
	// ErrMore: there are more messages than are looked at at once; something was done all
	// the same.
	ErrMore = errors.New("there are more than 100,000 dead letters, and the others were not looked at")
	// ErrLeft: what was to be redriven did not come again, or stays for it would have to
	// come after that.
	ErrLeft = errors.New("some did not come again, for somebody else has them or Pub/Sub is slow; they are in the dead letters")
)

// Message is a message of the subscription, as it was pulled.
type Message struct {
	ID         string // the same at each pull
	AckID      string // of this pull
	Attributes map[string]string
	Data       []byte
	Published  time.Time // to the dead letters
}

// Subscription is that of the dead letters.
type Subscription interface {
	// Pull takes up to n messages. It waits for none: where it gives none there may still
	// be some.
	Pull(ctx context.Context, n int) ([]Message, error)
	// Extend keeps messages from being delivered again for a time from now; 0 gives them
	// back.
	Extend(ctx context.Context, ackIDs []string, by time.Duration) error
	// Acknowledge takes messages away.
	Acknowledge(ctx context.Context, ackIDs []string) error
}

// Queue is the work queue.
type Queue interface {
	// Enqueue returns when all messages are acknowledged; an error means that some may
	// not be queued.
	Enqueue(ctx context.Context, kind string, messages ...[]byte) error
}

// States is the state bucket.
type States interface {
	Known(ctx context.Context, key string) (batch.Known, error)
	Owner(ctx context.Context, jobKey string) (batch.Owner, error)
}

// Box is the dead letters.
type Box struct {
	Subscription Subscription
	Queue        Queue
	States       States // nil: classes and progress are not known
	// Pause is the first of the pauses in which Pub/Sub is asked again where it gave
	// nothing; each is twice the one before. 0: 100 ms.
	Pause time.Duration
}

// List gives all messages, the oldest first. With an error they are those that were
// seen: the list may not be complete.
func (b *Box) List(ctx context.Context) ([]Item, error) {
	items, err := b.survey(ctx)
	if err != nil && !errors.Is(err, ErrMore) {
		return items, err
	}
	return items, errors.Join(err, b.classify(ctx, items))
}

// Find gives one message, nil where it was not seen.
func (b *Box) Find(ctx context.Context, id string) (*Item, error) {
	var found []Item
	err := b.walk(ctx, short, visitor{see: func(_ context.Context, messages []Message) ([]string, bool, error) {
		for _, m := range messages {
			if m.ID == id {
				found = append(found, read(m))
			}
		}
		return nil, len(found) == 0, nil
	}})
	if len(found) == 0 {
		return nil, err
	}
	err = errors.Join(err, b.classify(ctx, found))
	return &found[0], err
}

// Drop takes messages away without doing what they ask for, tells of each, and gives
// the ids of those that were not seen.
func (b *Box) Drop(ctx context.Context, ids []string, dropped func(Item)) (missing []string, err error) {
	want, found := setOf(ids), make(map[string]Item)
	see := func(_ context.Context, messages []Message) (away []string, more bool, err error) {
		for _, m := range messages {
			if want[m.ID] {
				away = append(away, m.ID)
				found[m.ID] = read(m)
			}
		}
		return away, len(want) > len(away), nil
	}
	err = b.walk(ctx, short, visitor{see, func(id string) {
		delete(want, id)
		dropped(found[id])
	}})
	return sorted(want), err
}

// survey reads all messages, without their classes.
func (b *Box) survey(ctx context.Context) (items []Item, err error) {
	err = b.walk(ctx, short, visitor{see: func(_ context.Context, messages []Message) ([]string, bool, error) {
		for _, m := range messages {
			items = append(items, read(m))
		}
		if len(items) >= maxItems {
			return nil, false, ErrMore
		}
		return nil, true, nil
	}})
	oldestFirst(items)
	return items, err
}
