package pubsub_test

import (
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/localcloud/pubsub"
)

// TestDiscard: the messages of a discarded topic are acknowledged with ids of
// their own and shown to watchers, hooks can refuse them, and none is kept.
func TestDiscard(t *testing.T) {
	t.Parallel()
	server, err := pubsub.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	conn, err := grpc.NewClient(server.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	topics := pubsubpb.NewPublisherClient(conn)
	const kept, discarded = "projects/p/topics/kept", "projects/p/topics/discarded"
	for _, topic := range []string{kept, discarded} {
		if _, err := topics.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
			t.Fatal(err)
		}
	}
	server.Discard(discarded)
	seen, ids := map[string]int{}, map[string]bool{}
	server.Watch(func(p pubsub.Publish) {
		for _, m := range p.Messages {
			seen[p.Topic]++
			ids[m.GetMessageId()] = true
		}
	})
	for _, topic := range []string{kept, discarded, discarded} {
		answer, err := topics.Publish(t.Context(), &pubsubpb.PublishRequest{
			Topic: topic, Messages: []*pubsubpb.PubsubMessage{{Data: []byte("a")}, {Data: []byte("b")}},
		})
		if err != nil || len(answer.GetMessageIds()) != 2 {
			t.Fatalf("%s: %v, %v, want two ids", topic, answer, err)
		}
	}
	if diff := cmp.Diff(map[string]int{kept: 2, discarded: 4}, seen); diff != "" || len(ids) != 6 {
		t.Errorf("%d ids, want 6; seen (-want +got):\n%s", len(ids), diff)
	}
	if k, d := len(server.Messages(kept)), len(server.Messages(discarded)); k != 2 || d != 0 {
		t.Errorf("%d messages kept of one and %d of the other topic, want 2 and 0", k, d)
	}
	server.SetHook(pubsub.Hook{Before: func(pubsub.Publish) error { return status.Error(codes.ResourceExhausted, "on purpose") }})
	_, err = topics.Publish(t.Context(), &pubsubpb.PublishRequest{Topic: discarded, Messages: []*pubsubpb.PubsubMessage{{Data: []byte("c")}}})
	if status.Code(err) != codes.ResourceExhausted || seen[discarded] != 4 {
		t.Errorf("refused by the hook: %v, %d seen, want ResourceExhausted and 4", err, seen[discarded])
	}
}
