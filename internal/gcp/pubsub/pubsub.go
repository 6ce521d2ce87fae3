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

	"example.com/gemini-webhook/internal/outcome"
)

// Client is one connection to Pub/Sub.
type Client struct{ client *pubsub.Client }

// NewClient connects to the project's Pub/Sub. It makes no call yet.
func NewClient(ctx context.Context, project string) (*Client, error) {
	c, err := pubsub.NewClient(ctx, project)
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
	return t.client.publish(ctx, t.topic, []*pubsubpb.PubsubMessage{{Data: m.Data, Attributes: m.Attributes}})
}

// Limits of a Stream. A request carries at most 1,000 messages and 10 MB; what
// is under way is bounded in bytes because it is what memory goes to.
const (
	streamMessages    = 1000
	streamBytes       = 1 << 20  // per request; larger ones are not faster
	streamOutstanding = 24 << 20 // bytes handed over and not acknowledged, all requests of the process
	streamDelay       = 20 * time.Millisecond
	streamTimeout     = 60 * time.Second // of one request with its retries
)

// Stream publishes many outcomes, batched and pipelined.
type Stream struct{ publisher *pubsub.Publisher }

// Stream gives the publisher of many outcomes to a topic of the project. One
// serves all requests of a process, so that its bounds hold for all together.
func (c *Client) Stream(topic string) *Stream {
	p := c.client.Publisher(topic)
	p.PublishSettings.CountThreshold = streamMessages
	p.PublishSettings.ByteThreshold = streamBytes
	p.PublishSettings.DelayThreshold = streamDelay
	p.PublishSettings.Timeout = streamTimeout
	p.PublishSettings.FlowControlSettings = pubsub.FlowControlSettings{
		MaxOutstandingMessages: -1,
		MaxOutstandingBytes:    streamOutstanding,
		LimitExceededBehavior:  pubsub.FlowControlBlock,
	}
	return &Stream{p}
}

// Publish hands m over, waiting while too much is under way. The function it
// returns waits for the acknowledgement. Cancelling ctx does not take back
// what was handed over.
func (s *Stream) Publish(ctx context.Context, m outcome.Message) func(context.Context) error {
	result := s.publisher.Publish(ctx, &pubsub.Message{Data: m.Data, Attributes: m.Attributes})
	return func(ctx context.Context) error {
		if _, err := result.Get(ctx); err != nil {
			return fmt.Errorf("publish to topic %s: %w", s.publisher.ID(), err)
		}
		return nil
	}
}
