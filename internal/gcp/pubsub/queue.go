package pubsub

import (
	"context"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// Bounds of one publish request. Pub/Sub takes 1,000 messages and 10 MB; the
// fakes that people test with are gRPC servers with the usual 4 MiB.
const (
	maxRequestMessages = 1000
	maxRequestBytes    = 3 << 20
)

// What a slow Pub/Sub changes. An answer takes some 10 ms. A request that takes
// longer than maxWait no longer holds up the messages behind it: waiting for a
// request and then for one's own would be twice what Pub/Sub needs, and more
// than the callers have long before Pub/Sub is that slow.
const (
	maxWait     = 100 * time.Millisecond
	maxRequests = 64 // under way; the public door's 4 s are over before there are 41
)

// Queue publishes to the work queue with group commit: a message that finds no
// request under way is sent at once; those that arrive meanwhile go together
// in the next. So a lone delivery waits for nothing, and a burst costs few
// requests. Unlike the batching publisher it waits for no timer and honours
// the callers' deadlines.
//
// What it holds is bounded by its callers: a message whose caller has left is
// not sent any more, and a request ends with its timeout.
type Queue struct {
	client  *Client
	topic   string
	timeout time.Duration // of one request with its retries
	slots   chan struct{} // one is taken by each request under way

	mu      sync.Mutex
	running bool
	waiting []*entry
}

type entry struct {
	message *pubsubpb.PubsubMessage
	size    int
	done    chan error // buffered: the caller may have left
	left    bool       // the caller has; guarded by the queue's mu
}

// Queue gives the publisher to the work queue. A request is given up after
// timeout, its retries included.
func (c *Client) Queue(topic string, timeout time.Duration) *Queue {
	return &Queue{client: c, topic: topic, timeout: timeout, slots: make(chan struct{}, maxRequests)}
}

// Enqueue returns when Pub/Sub has acknowledged all messages, each with the
// attribute kind. An error means that some may not have been queued: the
// caller must not acknowledge what they stand for.
func (q *Queue) Enqueue(ctx context.Context, kind string, messages ...[]byte) error {
	entries := make([]*entry, len(messages))
	for i, data := range messages {
		m := &pubsubpb.PubsubMessage{Data: data, Attributes: map[string]string{"kind": kind}}
		entries[i] = &entry{message: m, size: proto.Size(m), done: make(chan error, 1)}
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
				q.leave(entries)
				return err
			}
		case <-ctx.Done():
			q.leave(entries)
			return context.Cause(ctx)
		}
	}
	return nil
}

// leave takes back what still waits: nobody would hear how it went.
func (q *Queue) leave(entries []*entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range entries {
		e.left = true
	}
}

// run starts a request with what waits when the one before it is answered or
// maxWait old, until nothing waits.
func (q *Queue) run() {
	for {
		q.slots <- struct{}{}
		batch := q.next()
		if batch == nil {
			<-q.slots
			return
		}
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			q.send(batch)
			<-q.slots
		}()
		select {
		case <-answered:
		case <-time.After(maxWait):
		}
	}
}

// send makes one request and tells the callers how it went.
func (q *Queue) send(batch []*entry) {
	messages := make([]*pubsubpb.PubsubMessage, len(batch))
	for i, e := range batch {
		messages[i] = e.message
	}
	ctx, cancel := context.WithTimeout(context.Background(), q.timeout)
	defer cancel()
	err := q.client.publish(ctx, q.topic, messages)
	for _, e := range batch {
		e.done <- err
	}
}

// next takes the messages of the next request, or ends the run.
func (q *Queue) next() []*entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.DeleteFunc(q.waiting, func(e *entry) bool { return e.left })
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
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil // its array would keep the batch
	}
	return batch
}
