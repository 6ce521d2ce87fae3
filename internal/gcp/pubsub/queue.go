package pubsub

import (
	"context"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// Bounds of one publish request. Pub/Sub takes 1,000 messages and 10 MB; the
// fakes that people test with are gRPC servers with the usual 4 MiB.
const (
	maxRequestMessages = 1000
	maxRequestBytes    = 3 << 20
)

// Queue publishes to the work queue with group commit: a message that finds no
// request under way is sent at once; those that arrive meanwhile go together
// in the next. So a lone delivery waits for nothing, and a burst costs few
// requests. Unlike the batching publisher it waits for no timer and honours
// the callers' deadlines.
type Queue struct {
	client  *Client
	topic   string
	timeout time.Duration // of one request with its retries

	mu      sync.Mutex
	running bool
	waiting []*entry
}

type entry struct {
	message *pubsubpb.PubsubMessage
	size    int
	done    chan error // buffered: the caller may have left
}

// Queue gives the publisher to the work queue. A request is given up after
// timeout, its retries included.
func (c *Client) Queue(topic string, timeout time.Duration) *Queue {
	return &Queue{client: c, topic: topic, timeout: timeout}
}

// Enqueue returns when Pub/Sub has acknowledged all messages, each with the
// attribute kind. An error means that some may not have been queued: the
// caller must not acknowledge what they stand for.
func (q *Queue) Enqueue(ctx context.Context, kind string, messages ...[]byte) error {
	entries := make([]*entry, len(messages))
	attributes := map[string]string{"kind": kind}
	for i, data := range messages {
		m := encode(data, attributes)
		entries[i] = &entry{m, size(m), make(chan error, 1)}
	}
	q.mu.Lock()
	q.waiting = append(q.waiting, entries...)
	start := !q.running && len(q.waiting) > 0
	if start {
		q.running = true
	}
	q.mu.Unlock()
	if start {
		go q.run() // ends when nothing waits: an idle instance has no goroutine
	}
	for _, e := range entries {
		select {
		case err := <-e.done:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// run sends what waits, one request at a time, until nothing does.
func (q *Queue) run() {
	for {
		batch := q.next()
		if batch == nil {
			return
		}
		messages := make([]*pubsubpb.PubsubMessage, len(batch))
		for i, e := range batch {
			messages[i] = e.message
		}
		ctx, cancel := context.WithTimeout(context.Background(), q.timeout)
		err := q.client.publish(ctx, q.topic, messages)
		cancel()
		for _, e := range batch {
			e.done <- err
		}
	}
}

// next takes the messages of the next request, or ends the run.
func (q *Queue) next() []*entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for n < len(q.waiting) && n < maxRequestMessages && (n == 0 || size+q.waiting[n].size <= maxRequestBytes) {
		size += q.waiting[n].size
		n++
	}
	if n == 0 {
		q.running = false
		q.waiting = nil
		return nil
	}
	batch := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	return batch
}
