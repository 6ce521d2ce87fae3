package pubsub

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"golang.org/x/sync/semaphore"

	"example.com/gemini-webhook/internal/outcome"
)

// Limits of a Stream. A request carries at most 1,000 messages and 10 MB; what
// is under way is bounded in bytes because it is what memory goes to.
const (
	streamMessages    = 1000
	streamBytes       = 1 << 20  // per request, or one message; larger ones are not faster
	streamOutstanding = 10 << 20 // bytes handed over and not acknowledged, all requests of the process
	streamDelay       = 20 * time.Millisecond
	streamTimeout     = 60 * time.Second // of one request with its retries
)

// Stream publishes many outcomes, batched and pipelined. The client's own
// batching publisher does the same for twice the CPU time (BenchmarkFanOut in
// internal/e2e compares them).
type Stream struct {
	client *Client
	topic  string
	room   *semaphore.Weighted // bytes

	mu   sync.Mutex
	open *batch // the one that takes messages; nil: none does
}

// batch is the messages of a request.
type batch struct {
	messages []*pubsubpb.PubsubMessage
	size     int64
	timer    *time.Timer
	wait     func(context.Context) error // for the acknowledgement; the same for all messages

	done chan struct{} // closed when it is answered
	err  error         // valid then
}

// Stream gives the publisher of many outcomes to a topic of the project. One
// serves all requests of a process, so that its bounds hold for all together.
func (c *Client) Stream(topic string) *Stream {
	return &Stream{client: c, topic: topic, room: semaphore.NewWeighted(streamOutstanding)}
}

// Publish hands m over, waiting while too much is under way. The function it
// returns waits for the acknowledgement. Cancelling ctx does not take back
// what was handed over.
func (s *Stream) Publish(ctx context.Context, m outcome.Message) func(context.Context) error {
	message := encode(m.Data, m.Attributes)
	n := int64(size(message))
	if !s.room.TryAcquire(n) {
		s.send(s.take(nil)) // what waits for more to come is part of what is under way
		if err := s.room.Acquire(ctx, n); err != nil {
			return func(context.Context) error { return s.failed(err) }
		}
	}
	full, b := s.add(message, n)
	for _, b := range full {
		s.send(b)
	}
	return b.wait
}

// add puts a message into a batch, and gives those that are to be sent now.
func (s *Stream) add(message *pubsubpb.PubsubMessage, size int64) (full []*batch, b *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil && s.open.size+size > streamBytes {
		full = append(full, s.open)
		s.open = nil
	}
	if s.open == nil {
		s.open = s.newBatch()
	}
	b = s.open
	b.messages = append(b.messages, message)
	b.size += size
	if len(b.messages) == streamMessages || b.size >= streamBytes {
		full = append(full, b)
		s.open = nil
	}
	return full, b
}

func (s *Stream) newBatch() *batch {
	b := &batch{done: make(chan struct{})}
	b.timer = time.AfterFunc(streamDelay, func() { s.send(s.take(b)) })
	b.wait = func(ctx context.Context) error {
		select {
		case <-b.done:
			return b.err
		case <-ctx.Done():
			return s.failed(ctx.Err())
		}
	}
	return b
}

// failed is the error of a caller who does not wait any longer.
func (s *Stream) failed(err error) error { return fmt.Errorf("publish to topic %s: %w", s.topic, err) }

// take closes the open batch, if it is b or b is nil.
func (s *Stream) take(b *batch) *batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b != nil && s.open != b {
		return nil // is sent already
	}
	b, s.open = s.open, nil
	return b
}

// send makes the request of a batch; nil is none.
func (s *Stream) send(b *batch) {
	if b == nil {
		return
	}
	b.timer.Stop()
	go func() {
		defer s.room.Release(b.size)
		defer close(b.done)
		ctx, cancel := context.WithTimeout(context.Background(), streamTimeout)
		defer cancel()
		b.err = s.client.publish(ctx, s.topic, b.messages)
		b.messages = nil // the lines' waits hold on to the batch
	}()
}
