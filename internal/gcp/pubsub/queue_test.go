package pubsub

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"

	"example.com/gemini-webhook/internal/localcloud/fake"
)

// publisher is a Pub/Sub that answers as the test says, and as late.
type publisher struct {
	pubsubpb.UnimplementedPublisherServer
	answer   func(context.Context, *pubsubpb.PublishRequest) error
	requests atomic.Int64

	mu  sync.Mutex
	got []string // data of all messages that came
}

func (p *publisher) Publish(ctx context.Context, r *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	answer := &pubsubpb.PublishResponse{}
	p.requests.Add(1)
	p.mu.Lock()
	for _, m := range r.GetMessages() {
		p.got = append(p.got, string(m.GetData()))
		answer.MessageIds = append(answer.MessageIds, strconv.Itoa(len(p.got)))
	}
	p.mu.Unlock()
	if err := p.answer(ctx, r); err != nil {
		return nil, err
	}
	return answer, ctx.Err()
}

func (p *publisher) messages() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

func startPublisher(t *testing.T, answer func(context.Context, *pubsubpb.PublishRequest) error) (*publisher, *Client) {
	t.Helper()
	p := &publisher{answer: answer}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(10_000_000)) // as Pub/Sub
	pubsubpb.RegisterPublisherServer(server, p)
	listener, err := fake.GRPC(server)
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	return p, connect(t, listener.Addr())
}

// pause is an answer that takes its time.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
	return nil
}

// Nobody waits for a request and then as long again for one's own: callers that
// have more time than Pub/Sub takes are all served, at any moment they come.
func TestQueueKeepsPaceWithASlowPubSub(t *testing.T) {
	t.Parallel()
	const takes, patience = 1200 * time.Millisecond, 2 * time.Second // less than twice
	p, c := startPublisher(t, func(ctx context.Context, _ *pubsubpb.PublishRequest) error { return pause(ctx, takes) })
	q := c.Queue("t", patience)
	const callers = 100
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := q.Enqueue(ctx, "event", []byte(strconv.Itoa(i))); err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
		})
		time.Sleep(5 * time.Millisecond)
	}
	wg.Wait()
	if got := p.messages(); len(got) != callers {
		t.Errorf("%d messages came, want %d", len(got), callers)
	}
	// Half a second of callers, a request every 100 ms: they still go together.
	if n := p.requests.Load(); n > callers/4 {
		t.Errorf("%d requests for %d messages, want few", n, callers)
	}
}

// When Pub/Sub answers again, the next message is acknowledged at once: it does
// not wait for the requests that nobody answers any more.
func TestQueueRecoversAtOnce(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	broken.Store(true)
	_, c := startPublisher(t, func(ctx context.Context, _ *pubsubpb.PublishRequest) error {
		if !broken.Load() {
			return nil
		}
		return pause(ctx, time.Minute)
	})
	q := c.Queue("t", 10*time.Second)
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		if err := q.Enqueue(ctx, "event", []byte("lost")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the caller's deadline", err)
		}
		cancel()
	}
	broken.Store(false)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := q.Enqueue(ctx, "event", []byte("after")); err != nil {
		t.Errorf("after the repair: %v", err)
	}
}

// What waits is forgotten when its caller leaves, so an outage leaves no
// backlog that is sent for nobody.
func TestQueueForgetsCallersThatLeft(t *testing.T) {
	t.Parallel()
	came, repaired := make(chan struct{}, 10), make(chan struct{})
	p, c := startPublisher(t, func(context.Context, *pubsubpb.PublishRequest) error {
		came <- struct{}{}
		<-repaired
		return nil
	})
	q := c.Queue("t", time.Minute)
	q.most = 1 // so that one request holds up the others
	first := make(chan error, 1)
	go func() { first <- q.Enqueue(t.Context(), "event", []byte("first")) }()
	<-came
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 {
		if err := q.Enqueue(gone, "event", []byte("left"), []byte("left")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want that the caller left", err)
		}
	}
	close(repaired)
	if err := <-first; err != nil {
		t.Errorf("first: %v", err)
	}
	if err := q.Enqueue(t.Context(), "event", []byte("last")); err != nil {
		t.Errorf("last: %v", err)
	}
	if got, want := p.messages(), []string{"first", "last"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// However long Pub/Sub takes, so many requests are under way and no more.
func TestQueueRequestsAtOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now, most := 0, 0
	count := func(change int) {
		mu.Lock()
		defer mu.Unlock()
		now += change
		most = max(most, now)
	}
	p, c := startPublisher(t, func(ctx context.Context, _ *pubsubpb.PublishRequest) error {
		count(1)
		defer count(-1)
		return pause(ctx, 400*time.Millisecond)
	})
	q := c.Queue("t", time.Minute)
	q.most = 2
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := q.Enqueue(t.Context(), "event", []byte("x")); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(110 * time.Millisecond)
	}
	wg.Wait()
	if len(p.messages()) != 8 || most != 2 {
		t.Errorf("%d messages with %d requests at once, want 8 with 2", len(p.messages()), most)
	}
}
