package localcloud

import (
	"context"
	"fmt"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	localpubsub "example.com/gemini-webhook/internal/localcloud/pubsub"
)

// maxMessageBytes is more than Pub/Sub's 10 MB, for the envelope.
const maxMessageBytes = 12 << 20

// pubsubClient connects to the cloud's Pub/Sub, whatever the environment says.
func (c *Cloud) pubsubClient(ctx context.Context) (*pubsub.Client, error) {
	conn, err := grpc.NewClient(c.pubsubAddr,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes)))
	if err != nil {
		return nil, err
	}
	return pubsub.NewClient(ctx, Project, option.WithGRPCConn(conn))
}

func topicName(id string) string { return fmt.Sprintf("projects/%s/topics/%s", Project, id) }

func subscriptionName(id string) string {
	return fmt.Sprintf("projects/%s/subscriptions/%s", Project, id)
}

// createTopics makes the topics, and the subscription that keeps the dead letters.
func (c *Cloud) createTopics(ctx context.Context) error {
	client, err := c.pubsubClient(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	for _, topic := range []string{QueueTopic, OutcomesTopic, ResultsTopic, DeadLetterTopic, ReconcileTopic} {
		_, err := client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: topicName(topic)})
		if err != nil && status.Code(err) != codes.AlreadyExists {
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	_, err = client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: subscriptionName(DeadLetterSubscription), Topic: topicName(DeadLetterTopic), AckDeadlineSeconds: 600,
	})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return fmt.Errorf("create subscription %s: %w", DeadLetterSubscription, err)
	}
	return nil
}

// Watch calls see with every message that is published to a topic from now on,
// until ctx is over. It is called from several goroutines at once.
func (c *Cloud) Watch(ctx context.Context, topic string, see func(data []byte, attributes map[string]string)) error {
	if c.PubSub != nil {
		c.PubSub.Watch(func(p localpubsub.Publish) {
			if p.Topic != topicName(topic) || ctx.Err() != nil {
				return
			}
			for _, m := range p.Messages {
				see(m.GetData(), m.GetAttributes())
			}
		})
		return nil
	}
	return c.Subscribe(ctx, topic, topic+"-watch", "", see)
}

// Subscribe makes a subscription of its own, with a filter (Pub/Sub's; may be
// empty), and calls see with what it delivers until ctx is over. It is called
// from several goroutines at once.
func (c *Cloud) Subscribe(ctx context.Context, topic, name, filter string, see func(data []byte, attributes map[string]string)) error {
	client, err := c.pubsubClient(ctx)
	if err != nil {
		return err
	}
	full := subscriptionName(name)
	_, err = client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: full, Topic: topicName(topic), Filter: filter, AckDeadlineSeconds: 60,
	})
	if err != nil {
		client.Close()
		return fmt.Errorf("create subscription %s: %w", name, err)
	}
	go func() {
		defer client.Close()
		// It ends with ctx, or with the server: the caller closed the cloud.
		_ = client.Subscriber(full).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
			see(m.Data, m.Attributes)
			m.Ack()
		})
	}()
	return nil
}
