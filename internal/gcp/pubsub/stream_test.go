package pubsub

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/outcome"
)

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
		must(t, wait(t.Context()))
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
			server, client := startPublisher(t, func(_ context.Context, r *pubsubpb.PublishRequest) error {
				if n := len(r.GetMessages()); n > c.each {
					t.Errorf("%d messages in a request, want at most %d", n, c.each)
				}
				return nil
			})
			publishAll(t, client.Stream("t"), c.n, c.size)
			if messages, requests := len(server.messages()), server.requests.Load(); messages != c.n || requests > int64(c.atMost) {
				t.Errorf("%d messages in %d requests, want %d in at most %d", messages, requests, c.n, c.atMost)
			}
		})
	}
}

// What was not acknowledged is an error of those messages alone.
func TestStreamFailsByRequest(t *testing.T) {
	t.Parallel()
	_, client := startPublisher(t, func(_ context.Context, r *pubsubpb.PublishRequest) error {
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
	server, client := startPublisher(t, func(context.Context, *pubsubpb.PublishRequest) error { <-open; return nil })
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
		must(t, wait(t.Context()))
	}
	if got := len(server.messages()); got != n {
		t.Errorf("%d messages arrived, want %d", got, n)
	}
}

// A caller who does not wait any more hears so, and the message is sent.
func TestStreamWaitsAsLongAsTheCaller(t *testing.T) {
	t.Parallel()
	open := make(chan struct{})
	_, client := startPublisher(t, func(context.Context, *pubsubpb.PublishRequest) error { <-open; return nil })
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
