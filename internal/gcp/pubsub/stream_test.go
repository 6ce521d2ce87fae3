package pubsub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/outcome"
)

// service is a Pub/Sub that answers as the test says, and counts.
type service struct {
	pubsubpb.UnimplementedPublisherServer
	answer   func(*pubsubpb.PublishRequest) error
	requests atomic.Int64
	messages atomic.Int64
}

func (s *service) Publish(_ context.Context, r *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	if err := s.answer(r); err != nil {
		return nil, err
	}
	s.requests.Add(1)
	s.messages.Add(int64(len(r.GetMessages())))
	return &pubsubpb.PublishResponse{MessageIds: make([]string, len(r.GetMessages()))}, nil
}

func serve(t *testing.T, answer func(*pubsubpb.PublishRequest) error) (*service, *Client) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{answer: answer}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(10_000_000)) // as Pub/Sub
	pubsubpb.RegisterPublisherServer(server, s)
	go func() { _ = server.Serve(listener) }() // ends with Stop
	t.Cleanup(server.Stop)
	return s, connect(t, listener.Addr().String())
}

func message(size int) outcome.Message {
	return outcome.Message{Data: make([]byte, size), Attributes: map[string]string{"type": "batch.result"}}
}

func publishAll(t *testing.T, s *Stream, n, size int) {
	t.Helper()
	waits := make([]func(context.Context) error, n)
	for i := range n {
		waits[i] = s.Publish(t.Context(), message(size))
	}
	for _, wait := range waits {
		if err := wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Few requests, and none that Pub/Sub refuses for its size.
func TestStreamBatches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		n, size      int
		atMost, each int // requests, messages in each
	}{
		"small":   {10_000, 10, 40, streamMessages},
		"common":  {1000, 4096, 40, 256},
		"largest": {4, outcome.MaxResultBytes - 100, 4, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := serve(t, func(r *pubsubpb.PublishRequest) error {
				if n := len(r.GetMessages()); n > c.each {
					t.Errorf("%d messages in a request, want at most %d", n, c.each)
				}
				return nil
			})
			publishAll(t, client.Stream("t"), c.n, c.size)
			if messages, requests := server.messages.Load(), server.requests.Load(); messages != int64(c.n) || requests > int64(c.atMost) {
				t.Errorf("%d messages in %d requests, want %d in at most %d", messages, requests, c.n, c.atMost)
			}
		})
	}
}

// What was not acknowledged is an error of those messages alone.
func TestStreamFailsByRequest(t *testing.T) {
	t.Parallel()
	_, client := serve(t, func(r *pubsubpb.PublishRequest) error {
		if len(r.GetMessages()[0].GetData()) == 1 {
			return status.Error(codes.PermissionDenied, "no")
		}
		return nil
	})
	s := client.Stream("t")
	bad := s.Publish(t.Context(), message(1))
	if err := bad(t.Context()); status.Code(errors.Unwrap(err)) != codes.PermissionDenied {
		t.Errorf("got %v, want PermissionDenied", err)
	}
	if err := s.Publish(t.Context(), message(2))(t.Context()); err != nil {
		t.Error(err)
	}
}

// While nothing is acknowledged, no more than the limit is taken; afterwards
// everything is.
func TestStreamIsBounded(t *testing.T) {
	t.Parallel()
	open := make(chan struct{})
	server, client := serve(t, func(*pubsubpb.PublishRequest) error { <-open; return nil })
	s := client.Stream("t")
	const size, n = 1_000_000, 40
	var taken atomic.Int64
	waits := make(chan func(context.Context) error, n)
	go func() {
		defer close(waits)
		for range n {
			waits <- s.Publish(t.Context(), message(size))
			taken.Add(1)
		}
	}()
	const most = streamOutstanding / size
	for end := time.Now().Add(10 * time.Second); taken.Load() < most; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d messages are taken, want %d", taken.Load(), most)
		}
	}
	time.Sleep(50 * time.Millisecond) // for more, which must not come
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Publish(ctx, message(size))(t.Context()); !errors.Is(err, context.Canceled) || taken.Load() != most {
		t.Errorf("%d messages are taken, want %d; of a caller who left: %v", taken.Load(), most, err)
	}
	close(open)
	for wait := range waits {
		if err := wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := server.messages.Load(); got != n {
		t.Errorf("%d messages arrived, want %d", got, n)
	}
}

// A caller who does not wait any more hears so, and the message is sent.
func TestStreamWaitsAsLongAsTheCaller(t *testing.T) {
	t.Parallel()
	open := make(chan struct{})
	_, client := serve(t, func(*pubsubpb.PublishRequest) error { <-open; return nil })
	wait := client.Stream("t").Publish(t.Context(), message(10))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	close(open)
	if err := wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// A line costs the message, its attributes on the wire, and what the request
// needs for it.
func TestStreamAllocations(t *testing.T) {
	server, client := serve(t, func(*pubsubpb.PublishRequest) error { return nil })
	s := client.Stream("t")
	m := message(2000)
	const n = 10_000
	per := testing.AllocsPerRun(3, func() {
		waits := make([]func(context.Context) error, n)
		for i := range n {
			waits[i] = s.Publish(t.Context(), m)
		}
		for _, wait := range waits {
			if err := wait(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}) / n
	_ = server
	t.Log(per)
}

var _ = fmt.Sprint
