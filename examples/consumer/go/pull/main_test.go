package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/gemini-webhook/examples/consumer/go/keep"
	localpubsub "example.com/gemini-webhook/internal/localcloud/pubsub"
)

// sick is a Store that cannot keep the first thing.
type sick struct {
	keep.Files
	calls *atomic.Int32
}

func (s sick) Put(ctx context.Context, id string, data []byte) (bool, error) {
	if s.calls.Add(1) == 1 {
		return false, errors.New("out of space")
	}
	return s.Files.Put(ctx, id, data)
}

// TestWhatIsNotKeptComesAgain: the message is acknowledged when it is kept, the one that is
// no outcome at once. The whole is tried in examples/consumer.
func TestWhatIsNotKeptComesAgain(t *testing.T) {
	t.Parallel()
	const topic, subscription = "projects/p/topics/t", "projects/p/subscriptions/s"
	server, err := localpubsub.Start()
	must(t, err)
	t.Cleanup(func() { _ = server.Close() })
	conn, err := grpc.NewClient(server.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	client, err := pubsub.NewClient(t.Context(), "p", option.WithGRPCConn(conn))
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	_, err = client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic})
	must(t, err)
	_, err = client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{Name: subscription, Topic: topic, AckDeadlineSeconds: 60})
	must(t, err)

	text, err := os.ReadFile("../../../../internal/outcome/testdata/batch.result.golden.json")
	must(t, err)
	var genuine struct{ Data json.RawMessage }
	must(t, json.Unmarshal(text, &genuine))
	dir := keep.Files(t.TempDir())
	store := sick{dir, new(atomic.Int32)}
	keeper, err := keep.New(t.Context(), store, func(keep.Report) {})
	must(t, err)
	var ids []string
	for _, data := range [][]byte{[]byte("{}"), genuine.Data} {
		id, err := client.Publisher(topic).Publish(t.Context(), &pubsub.Message{Data: data}).Get(t.Context())
		must(t, err)
		ids = append(ids, id)
	}
	ctx, stop := context.WithCancel(t.Context())
	must(t, client.Subscriber(subscription).Receive(ctx, func(ctx context.Context, m *pubsub.Message) {
		receive(ctx, keeper, m)
		if store.calls.Load() > 1 {
			stop()
		}
	}))
	for _, id := range ids {
		if server.Message(id).Acks == 0 {
			t.Errorf("message %s is not acknowledged", id)
		}
	}
	if n := server.Message(ids[1]).Deliveries; n < 2 || store.calls.Load() != 2 {
		t.Errorf("the message was delivered %d times and kept at try %d", n, store.calls.Load())
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
