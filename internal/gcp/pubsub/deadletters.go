package pubsub

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/deadletter"
)

// maxAckIDs is how many messages one request names: Pub/Sub takes 512 KiB, and an ack
// id has some 200 bytes.
const maxAckIDs = 1000

// redriveTimeout bounds a publish request of a redrive with its retries.
const redriveTimeout = 30 * time.Second

// DeadLetters is a subscription of dead letters, and the queue that they are redriven
// to. Where a right is missing its errors say which role has it.
type DeadLetters struct {
	client             *Client
	subscription, name string
	queue              *Queue
}

// DeadLetters gives the project's subscription of that name.
func (c *Client) DeadLetters(subscription, queueTopic string) *DeadLetters {
	name := fmt.Sprintf("projects/%s/subscriptions/%s", c.client.Project(), subscription)
	return &DeadLetters{c, subscription, name, c.Queue(queueTopic, redriveTimeout)}
}

// Pull implements deadletter.Subscription.
func (d *DeadLetters) Pull(ctx context.Context, n int) ([]deadletter.Message, error) {
	answer, err := d.client.client.SubscriptionAdminClient.Pull(ctx, &pubsubpb.PullRequest{
		Subscription: d.name, MaxMessages: int32(n),
		//lint:ignore SA1019 the last answers, which have nothing, would each be waited for
		ReturnImmediately: true,
	})
	if err != nil {
		return nil, d.describe("pull from", err)
	}
	var messages []deadletter.Message
	for _, r := range answer.GetReceivedMessages() {
		m := r.GetMessage()
		messages = append(messages, deadletter.Message{
			ID: m.GetMessageId(), AckID: r.GetAckId(), Attributes: m.GetAttributes(), Data: m.GetData(), Published: m.GetPublishTime().AsTime(),
		})
	}
	return messages, nil
}

// Extend implements deadletter.Subscription.
func (d *DeadLetters) Extend(ctx context.Context, ackIDs []string, by time.Duration) error {
	for some := range slices.Chunk(ackIDs, maxAckIDs) {
		err := d.client.client.SubscriptionAdminClient.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
			Subscription: d.name, AckIds: some, AckDeadlineSeconds: int32(by / time.Second),
		})
		if err != nil {
			return d.describe("lease messages of", err)
		}
	}
	return nil
}

// Acknowledge implements deadletter.Subscription.
func (d *DeadLetters) Acknowledge(ctx context.Context, ackIDs []string) error {
	for some := range slices.Chunk(ackIDs, maxAckIDs) {
		err := d.client.client.SubscriptionAdminClient.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{Subscription: d.name, AckIds: some})
		if err != nil {
			return d.describe("acknowledge messages of", err)
		}
	}
	return nil
}

// Enqueue implements deadletter.Queue.
func (d *DeadLetters) Enqueue(ctx context.Context, kind string, messages ...[]byte) error {
	err := d.queue.Enqueue(ctx, kind, messages...)
	if status.Code(err) == codes.PermissionDenied {
		return fmt.Errorf("whoever redrives needs roles/pubsub.publisher on the topic %s for that time: %w", d.queue.topic, err)
	}
	return err
}

func (d *DeadLetters) describe(what string, err error) error {
	switch status.Code(err) {
	case codes.PermissionDenied:
		return fmt.Errorf("whoever looks at dead letters needs roles/pubsub.subscriber on the subscription %s: %w", d.subscription, err)
	case codes.NotFound:
		return fmt.Errorf("there is no subscription %s; name that of the dead letters with --subscription: %w", d.subscription, err)
	}
	return fmt.Errorf("%s the subscription %s: %w", what, d.subscription, err)
}
