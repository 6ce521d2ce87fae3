package localcloud

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// Schedule publishes a message to a topic after every period of simulated time,
// as a job of Cloud Scheduler does, until ctx is over or the cloud is closed.
// Its clock begins now; a message that cannot be published is logged and lost.
func (c *Cloud) Schedule(ctx context.Context, topic string, period time.Duration) error {
	if period <= 0 {
		return errors.New("the period of a schedule must be positive")
	}
	c.background.Go(func(closing context.Context) {
		ticks := time.NewTicker(max(1, time.Duration(float64(period)/c.options.TimeScale)))
		defer ticks.Stop()
		for {
			select {
			case <-closing.Done():
				return
			case <-ctx.Done():
				return
			case <-ticks.C:
			}
			if err := c.RunSchedule(closing, topic); err != nil && closing.Err() == nil {
				c.options.Log.Warn("schedule", "error", err.Error())
			}
		}
	})
	return nil
}

// RunSchedule publishes such a message at once, as "force run" of Cloud Scheduler.
func (c *Cloud) RunSchedule(ctx context.Context, topic string) error {
	client, err := c.pubsubClient(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.TopicAdminClient.Publish(ctx, &pubsubpb.PublishRequest{
		Topic: topicName(topic), Messages: []*pubsubpb.PubsubMessage{{Data: []byte("{}")}},
	})
	if err != nil {
		return fmt.Errorf("publish to topic %s: %w", topic, err)
	}
	return nil
}
