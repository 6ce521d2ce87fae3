// Package pubsub is Pub/Sub in process: Google's pstest behind a gRPC server
// that takes messages as large as Pub/Sub does (pstest's own stops at 4 MiB),
// with faults on purpose. PUBSUB_EMULATOR_HOST is Server.Addr.
//
// It has pstest's gaps: nothing is pushed (package push does that), and dead
// letter policies must not be set on it.
package pubsub

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc"

	"example.com/gemini-webhook/internal/localcloud/fake"
)

// maxRequestBytes is more than Pub/Sub's 10 MB, for the envelope.
const maxRequestBytes = 12 << 20

// Publish is one publish request, as a hook sees it.
type Publish struct {
	Topic    string // projects/P/topics/T
	Messages []*pubsubpb.PubsubMessage
}

// Hook is called around every publish request. Before's error is answered in
// place of publishing; After is called when the messages are stored and the
// answer is not sent yet. Both may be nil; both may be called at once.
type Hook struct {
	Before func(Publish) error
	After  func(Publish)
}

// Server is a Pub/Sub service.
type Server struct {
	*fake.Listener
	pstest *pstest.Server

	mu        sync.Mutex
	hook      Hook
	watchers  []func(Publish)
	discarded map[string]bool // topics
	count     int             // of discarded messages
}

// Start serves a Pub/Sub without topics.
func Start() (_ *Server, err error) {
	s := &Server{pstest: pstest.NewServer()}
	server := grpc.NewServer(
		grpc.MaxRecvMsgSize(maxRequestBytes),
		grpc.MaxSendMsgSize(1<<30), // a pull answer holds many messages
		grpc.UnaryInterceptor(s.intercept),
	)
	pubsubpb.RegisterPublisherServer(server, &s.pstest.GServer)
	pubsubpb.RegisterSubscriberServer(server, &s.pstest.GServer)
	s.Listener, err = fake.GRPC(server)
	return s, err
}

// SetHook installs a hook; the zero Hook removes it.
func (s *Server) SetHook(h Hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = h
}

// Watch calls see after every publish request from now on. It is the fast way
// to observe: pstest streams a subscription some hundred messages a second.
func (s *Server) Watch(see func(Publish)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers = append(s.watchers, see)
}

// Discard lets the messages of a topic (projects/P/topics/T) go to hooks and
// watchers only: they are acknowledged and not kept, and no subscription gets
// them. Pstest holds every other message until Close.
func (s *Server) Discard(topic string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.discarded == nil {
		s.discarded = make(map[string]bool)
	}
	s.discarded[topic] = true
}

// Messages are all messages ever published to a topic (projects/P/topics/T),
// in order, but for those that were discarded.
func (s *Server) Messages(topic string) []*pstest.Message {
	var found []*pstest.Message
	for _, m := range s.pstest.Messages() {
		if m.Topic == topic {
			found = append(found, m)
		}
	}
	return found
}

// Message is the message of that id, nil where there is none; it says how often it was
// acknowledged.
func (s *Server) Message(id string) *pstest.Message { return s.pstest.Message(id) }

// Close stops the service and forgets all messages.
func (s *Server) Close() error {
	return errors.Join(s.Listener.Close(), s.pstest.Close())
}

func (s *Server) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	r, ok := req.(*pubsubpb.PublishRequest)
	if !ok {
		return handler(ctx, req)
	}
	s.mu.Lock()
	hook, watchers := s.hook, s.watchers
	if s.discarded[r.GetTopic()] {
		handler = s.discard
	}
	s.mu.Unlock()
	p := Publish{r.GetTopic(), r.GetMessages()}
	if hook.Before != nil {
		if err := hook.Before(p); err != nil {
			return nil, err
		}
	}
	answer, err := handler(ctx, req)
	if err != nil {
		return nil, err
	}
	if hook.After != nil {
		hook.After(p)
	}
	for _, see := range watchers {
		see(p)
	}
	return answer, nil
}

// discard is the handler of publish requests to discarded topics.
func (s *Server) discard(_ context.Context, req any) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := &pubsubpb.PublishResponse{}
	for _, m := range req.(*pubsubpb.PublishRequest).GetMessages() {
		s.count++
		m.MessageId = fmt.Sprintf("discarded%d", s.count)
		answer.MessageIds = append(answer.MessageIds, m.MessageId)
	}
	return answer, nil
}
