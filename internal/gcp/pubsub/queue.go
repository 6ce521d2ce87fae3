package pubsub

import (
	"context"
	"slices"
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
// in the next. So a lone delivery waits for nothing, not even for another
// goroutine, and a burst costs few requests. Unlike the batching publisher it
// waits for no timer and honours the callers' deadlines.
//
// What it holds is bounded by its callers: a message whose caller has left is
// not sent any more, and a request ends with its timeout.
type Queue struct {
	client  *Client
	topic   string
	timeout time.Duration // of one request with its retries
	most    int           // requests under way

	mu       sync.Mutex
	requests int       // under way; 0 only while nothing waits
	started  time.Time // the last of them
	watched  bool      // a timer will look at what waits
	waiting  []*entry
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
	return &Queue{client: c, topic: topic, timeout: timeout, most: maxRequests}
}

// Enqueue returns when Pub/Sub has acknowledged all messages, each with the
// attribute kind. An error means that some may not have been queued: the
// caller must not acknowledge what they stand for.
func (q *Queue) Enqueue(ctx context.Context, kind string, messages ...[]byte) error {
	entries := make([]*entry, len(messages))
	attributes := map[string]string{"kind": kind}
	for i, data := range messages {
		m := encode(data, attributes)
		entries[i] = &entry{message: m, size: size(m), done: make(chan error, 1)}
	}
	q.mu.Lock()
	q.waiting = append(q.waiting, entries...)
	batch := q.next()
	q.mu.Unlock()
	if len(batch) == len(entries) && len(batch) > 0 && batch[0] == entries[0] {
		q.send(ctx, batch) // nobody else depends on it
	} else if batch != nil {
		go q.send(context.Background(), batch)
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

// send makes one request, tells the callers how it went, and has what came
// meanwhile sent.
func (q *Queue) send(ctx context.Context, batch []*entry) {
	messages := make([]*pubsubpb.PubsubMessage, len(batch))
	for i, e := range batch {
		messages[i] = e.message
	}
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	err := q.client.publish(ctx, q.topic, messages)
	cancel()
	for _, e := range batch {
		e.done <- err
	}
	q.mu.Lock()
	q.requests--
	batch = q.next()
	q.mu.Unlock()
	if batch != nil {
		go q.send(context.Background(), batch)
	}
}

// next takes the messages of a request that is to start now: when none is under
// way, or the last is maxWait old. Where something waits on, it sees to it that
// somebody looks again. It is called with mu held.
func (q *Queue) next() []*entry {
	q.waiting = slices.DeleteFunc(q.waiting, func(e *entry) bool { return e.left })
	if len(q.waiting) == 0 {
		q.waiting = nil
		return nil
	}
	now := time.Now()
	if q.requests > 0 {
		if wait := maxWait - now.Sub(q.started); wait > 0 || q.requests == q.most {
			q.watch(max(wait, maxWait/10))
			return nil
		}
	}
	n, size := 0, 0
	for n < len(q.waiting) && n < maxRequestMessages && (n == 0 || size+q.waiting[n].size <= maxRequestBytes) {
		size += q.waiting[n].size
		n++
	}
	batch := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	q.requests++
	q.started = now
	if len(q.waiting) > 0 {
		q.watch(maxWait)
	}
	return batch
}

// watch looks at what waits after a time, once. It is called with mu held.
func (q *Queue) watch(after time.Duration) {
	if q.watched {
		return
	}
	q.watched = true
	time.AfterFunc(after, func() {
		q.mu.Lock()
		q.watched = false
		batch := q.next()
		q.mu.Unlock()
		if batch != nil {
			q.send(context.Background(), batch)
		}
	})
}
