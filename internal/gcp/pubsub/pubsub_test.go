package pubsub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/outcome"
)

// connect gives a client of addr and the names of the project's topics.
func connect(t *testing.T, addr string) *Client {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	c, err := pubsub.NewClient(t.Context(), "p", option.WithGRPCConn(conn))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return &Client{c}
}

func start(t *testing.T, options ...pstest.ServerReactorOption) (*pstest.Server, *Client) {
	t.Helper()
	server := pstest.NewServer(options...)
	t.Cleanup(func() { server.Close() })
	c := connect(t, server.Addr)
	if _, err := c.client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: c.name("t")}); err != nil {
		t.Fatal(err)
	}
	return server, c
}

func TestQueueDeliversEveryMessageOnce(t *testing.T) {
	t.Parallel()
	server, c := start(t)
	q := c.Queue("t", 5*time.Second)
	const callers, each = 50, 7
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			var messages [][]byte
			for k := range each {
				messages = append(messages, fmt.Appendf(nil, "%d/%d", i, k))
			}
			if err := q.Enqueue(t.Context(), "event", messages...); err != nil {
				t.Errorf("enqueue: %v", err)
			}
		})
	}
	wg.Wait()
	var got []string
	for _, m := range server.Messages() {
		got = append(got, string(m.Data))
		if m.Attributes["kind"] != "event" {
			t.Errorf("attributes %v, want kind=event", m.Attributes)
		}
	}
	slices.Sort(got)
	if n := len(slices.Compact(slices.Clone(got))); len(got) != callers*each || n != len(got) {
		t.Errorf("%d messages, %d distinct, want %d", len(got), n, callers*each)
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		q.mu.Lock()
		idle := q.requests == 0 && len(q.waiting) == 0
		q.mu.Unlock()
		if idle {
			break
		}
		if time.Now().After(end) {
			t.Fatal("an idle queue has something under way")
		}
	}
}

func TestQueueEnqueueOfNothing(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	if err := c.Queue("t", time.Second).Enqueue(t.Context(), "range"); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestQueueSplitsWhatOneRequestCannotHold(t *testing.T) {
	t.Parallel()
	server, c := start(t)
	messages := slices.Repeat([][]byte{make([]byte, 1_500_000)}, 5) // two fit in a request
	for range 2100 {
		messages = append(messages, []byte("x")) // a thousand fit in a request
	}
	must(t, c.Queue("t", 5*time.Second).Enqueue(t.Context(), "event", messages...))
	if got := len(server.Messages()); got != len(messages) {
		t.Errorf("%d messages arrived, want %d", got, len(messages))
	}
}

func TestQueueReportsFailures(t *testing.T) {
	t.Parallel()
	_, c := start(t, pstest.WithErrorInjection("Publish", codes.PermissionDenied, "no"))
	err := c.Queue("t", time.Second).Enqueue(t.Context(), "event", []byte("x"))
	if status.Code(errors.Unwrap(err)) != codes.PermissionDenied {
		t.Errorf("got %v, want PermissionDenied", err)
	}
}

func TestQueueGivesUpInTime(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts and never answers
	must(t, err)
	t.Cleanup(func() { silent.Close() })
	c := connect(t, silent.Addr().String())
	if err := c.Queue("t", 50*time.Millisecond).Enqueue(t.Context(), "event", []byte("x")); err == nil {
		t.Error("the timeout of the queue is not kept")
	}
	q := c.Queue("t", time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := q.Enqueue(ctx, "event", []byte("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the caller's deadline", err)
	}
}

func TestTopicAndStream(t *testing.T) {
	t.Parallel()
	server, c := start(t)
	must(t, c.Topic("t").Publish(t.Context(), outcome.Message{Data: []byte("one"), Attributes: map[string]string{"type": "a"}}))
	s := c.Stream("t")
	var waits []func(context.Context) error
	for i := range 2500 {
		waits = append(waits, s.Publish(t.Context(), outcome.Message{Data: fmt.Appendf(nil, "%d", i), Attributes: map[string]string{"type": "b"}}))
	}
	for _, wait := range waits {
		must(t, wait(t.Context()))
	}
	count := map[string]int{}
	for _, m := range server.Messages() {
		count[m.Attributes["type"]]++
	}
	if count["a"] != 1 || count["b"] != 2500 {
		t.Errorf("got %v, want 1 a and 2500 b", count)
	}
	if err := c.Topic("absent").Publish(t.Context(), outcome.Message{Data: []byte("x")}); err == nil {
		t.Error("a topic that is not there must be an error")
	}
	if err := c.Stream("absent").Publish(t.Context(), outcome.Message{Data: []byte("x")})(t.Context()); err == nil {
		t.Error("a topic that is not there must be an error of the stream")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
