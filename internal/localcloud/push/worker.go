package push

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"
)

const (
	// lease is the ack deadline that the driver has with the server. Held
	// messages are extended every leaseExtension, so only a driver that was
	// killed leaves messages to wait for its end.
	lease          = 30 * time.Second
	leaseExtension = 10 * time.Second
	// maxHeld bounds the messages in memory, most of them in backoff.
	maxHeld = 10_000
	// maxAckIDs is how many messages one extension names; the service takes
	// requests of 512 KiB.
	maxAckIDs = 1000
	// reopenPause is between two attempts to open the stream.
	reopenPause = 100 * time.Millisecond
	// ackTimeout bounds the calls that must still be made when ctx has ended.
	ackTimeout = 5 * time.Second
)

// worker serves one subscription.
type worker struct {
	Subscription
	name, topic, deadLetterTopic string // resource names
	match                        filter
	tokens                       *Tokens
	client                       *http.Client
	scale                        float64
	observe                      func(Attempt)
	report                       func(error)
	topics                       *pubsub.TopicAdminClient
	subs                         *pubsub.SubscriptionAdminClient
	slots                        chan struct{} // requests under way
	room                         chan struct{} // messages held

	mu   sync.Mutex
	held map[string]*held // by message id
}

// held is a message that the driver has the lease of.
type held struct {
	message *pubsubpb.PubsubMessage
	ackID   string // guarded by worker.mu; the server may deliver again under another
}

func newWorker(cfg Config, s Subscription, match filter, client *http.Client) *worker {
	w := &worker{
		Subscription:    s,
		name:            fullName(cfg.Project, "subscriptions", s.Name),
		topic:           fullName(cfg.Project, "topics", s.Topic),
		deadLetterTopic: fullName(cfg.Project, "topics", s.DeadLetterTopic),
		match:           match, tokens: cfg.Tokens, client: client, scale: cfg.TimeScale,
		observe: cfg.Observe, report: cfg.Report,
		slots: make(chan struct{}, s.MaxOutstanding), room: make(chan struct{}, maxHeld),
		held: map[string]*held{},
	}
	if w.observe == nil {
		w.observe = func(Attempt) {}
	}
	if w.report == nil {
		w.report = func(error) {}
	}
	return w
}

// run pulls until pull ends, then waits for what is held. Requests live as
// long as ctx.
func (w *worker) run(ctx, pull context.Context) {
	var messages sync.WaitGroup
	drained := make(chan struct{})
	var extension sync.WaitGroup
	extension.Go(func() { w.extendLeases(ctx, drained) })
	for pull.Err() == nil {
		err := w.stream(ctx, pull, &messages)
		if pull.Err() == nil {
			w.report(fmt.Errorf("push: pull from %s: %w", w.name, err))
			_ = gax.Sleep(pull, reopenPause) // the loop sees that it ended
		}
	}
	messages.Wait()
	close(drained)
	extension.Wait()
}

// stream receives until the stream breaks.
func (w *worker) stream(ctx, pull context.Context, messages *sync.WaitGroup) error {
	stream, err := w.subs.StreamingPull(pull)
	if err != nil {
		return err
	}
	err = stream.Send(&pubsubpb.StreamingPullRequest{
		Subscription: w.name, StreamAckDeadlineSeconds: int32(lease / time.Second),
	})
	if err != nil {
		return err
	}
	for {
		res, err := stream.Recv()
		if err != nil {
			return err
		}
		for _, m := range res.GetReceivedMessages() {
			if h := w.hold(pull, m); h != nil {
				messages.Go(func() {
					w.deliver(ctx, pull, h)
					w.release(h)
				})
			}
		}
	}
}

// hold takes a message over. It returns nil where the message is held already
// (its lease was lost) and where pulling ended before there was room.
func (w *worker) hold(pull context.Context, m *pubsubpb.ReceivedMessage) *held {
	id := m.GetMessage().GetMessageId()
	w.mu.Lock()
	h := w.held[id]
	if h != nil {
		h.ackID = m.GetAckId()
	}
	w.mu.Unlock()
	if h != nil {
		return nil
	}
	h = &held{message: m.GetMessage(), ackID: m.GetAckId()}
	select {
	case w.room <- struct{}{}:
	case <-pull.Done():
		w.nack(h)
		return nil
	}
	w.mu.Lock()
	w.held[id] = h
	w.mu.Unlock()
	return h
}

func (w *worker) release(h *held) {
	w.mu.Lock()
	delete(w.held, h.message.GetMessageId())
	w.mu.Unlock()
	<-w.room
}

func (w *worker) ackIDOf(h *held) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return h.ackID
}

func (w *worker) ack(h *held) {
	ctx, cancel := context.WithTimeout(context.Background(), ackTimeout)
	defer cancel()
	err := w.subs.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{Subscription: w.name, AckIds: []string{w.ackIDOf(h)}})
	if err != nil {
		w.report(fmt.Errorf("push: acknowledge on %s (the message will come again): %w", w.name, err))
	}
}

// nack gives the message back at once.
func (w *worker) nack(h *held) {
	ctx, cancel := context.WithTimeout(context.Background(), ackTimeout)
	defer cancel()
	if err := w.modify(ctx, []string{w.ackIDOf(h)}, 0); err != nil {
		w.report(fmt.Errorf("push: give back to %s (the message will come again later): %w", w.name, err))
	}
}

func (w *worker) modify(ctx context.Context, ackIDs []string, deadline time.Duration) error {
	return w.subs.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
		Subscription: w.name, AckIds: ackIDs, AckDeadlineSeconds: int32(deadline / time.Second),
	})
}

// extendLeases keeps the held messages from being delivered again.
func (w *worker) extendLeases(ctx context.Context, drained <-chan struct{}) {
	tick := time.NewTicker(leaseExtension)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-drained:
			return
		}
		w.mu.Lock()
		ids := make([]string, 0, len(w.held))
		for _, h := range w.held {
			ids = append(ids, h.ackID)
		}
		w.mu.Unlock()
		for batch := range slices.Chunk(ids, maxAckIDs) {
			if err := w.modify(ctx, batch, lease); err != nil && ctx.Err() == nil {
				w.report(fmt.Errorf("push: extend leases on %s: %w", w.name, err))
			}
		}
	}
}
