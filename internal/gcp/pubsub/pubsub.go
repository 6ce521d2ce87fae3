// Package pubsub publishes to Pub/Sub in the three ways the receiver needs:
// one message whose acknowledgement somebody waits for (Topic), the same with
// group commit (Queue), and a stream of many (Stream).
//
// It talks to PUBSUB_EMULATOR_HOST where that is set, as Google's client does.
package pubsub

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"example.com/gemini-webhook/internal/outcome"
)

// Client is one connection to Pub/Sub.
type Client struct{ client *pubsub.Client }

// window is how much of answers may be under way, which are a few kilobytes at
// most. Left open, gRPC would measure the connection with a ping for each
// answer, to find a better one.
const window = 1 << 20

// NewClient connects to the project's Pub/Sub. It makes no call yet.
func NewClient(ctx context.Context, project string) (*Client, error) {
	c, err := pubsub.NewClient(ctx, project,
		option.WithGRPCDialOption(grpc.WithInitialWindowSize(window)),
		option.WithGRPCDialOption(grpc.WithInitialConnWindowSize(window)))
	if err != nil {
		return nil, fmt.Errorf("connect to Pub/Sub: %w", err)
	}
	return &Client{c}, nil
}

// Close releases the connection.
func (c *Client) Close() error { return c.client.Close() }

func (c *Client) name(topic string) string {
	return fmt.Sprintf("projects/%s/topics/%s", c.client.Project(), topic)
}

// publish sends messages in one request and waits for the acknowledgement.
// The client retries until ctx is over.
func (c *Client) publish(ctx context.Context, topic string, messages []*pubsubpb.PubsubMessage) error {
	_, err := c.client.TopicAdminClient.Publish(ctx, &pubsubpb.PublishRequest{Topic: c.name(topic), Messages: messages})
	if err != nil {
		return fmt.Errorf("publish to topic %s: %w", topic, err)
	}
	return nil
}

// topicTimeout bounds a publish with its retries: the client's pauses grow to
// a minute, and Pub/Sub delivers the task again sooner than that.
const topicTimeout = 15 * time.Second

// Topic publishes single outcomes.
type Topic struct {
	client *Client
	topic  string
}

// Topic gives the publisher of single outcomes to a topic of the project.
func (c *Client) Topic(topic string) *Topic { return &Topic{c, topic} }

// Publish returns when Pub/Sub has acknowledged m, or with an error when ctx
// or 15 s are over, or the error is definite.
func (t *Topic) Publish(ctx context.Context, m outcome.Message) error {
	ctx, cancel := context.WithTimeout(ctx, topicTimeout)
	defer cancel()
	return t.client.publish(ctx, t.topic, []*pubsubpb.PubsubMessage{encode(m.Data, m.Attributes)})
}
