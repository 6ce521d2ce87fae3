package push

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/protobuf/proto"
)

// userAgent is what Pub/Sub sends.
const userAgent = "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)"

// Attributes that Pub/Sub adds to a dead letter.
const (
	attrDeliveryCount      = "CloudPubSubDeadLetterSourceDeliveryCount"
	attrSourceSubscription = "CloudPubSubDeadLetterSourceSubscription"
	attrSourceProject      = "CloudPubSubDeadLetterSourceSubscriptionProject"
	attrSourceTopicPublish = "CloudPubSubDeadLetterSourceTopicPublishTime"
)

// timeFormat is RFC 3339 with milliseconds, as in bodies and dead letters.
const timeFormat = "2006-01-02T15:04:05.000Z"

// deliver attempts until the message is done with, or gives it back when
// pulling ends. A message in backoff takes no slot.
func (w *worker) deliver(ctx, pull context.Context, h *held) {
	if !w.match(h.message.GetAttributes()) {
		w.ack(h)
		return
	}
	for number := 1; ; number++ {
		select {
		case w.slots <- struct{}{}:
		case <-pull.Done():
			w.nack(h)
			return
		}
		if pull.Err() != nil { // both were ready: stopping comes first
			<-w.slots
			w.nack(h)
			return
		}
		a := w.post(ctx, h.message, number)
		<-w.slots
		a.DeadLettered = !a.Acked && w.MaxDeliveryAttempts > 0 && number >= w.MaxDeliveryAttempts
		if a.DeadLettered && !w.publishDeadLetter(pull, h.message, number) {
			w.nack(h)
			return
		}
		if a.Acked || a.DeadLettered {
			w.ack(h)
			w.observe(a)
			return
		}
		w.observe(a)
		if gax.Sleep(pull, w.backoff(number)) != nil {
			w.nack(h)
			return
		}
	}
}

// backoff is the pause after the n-th failed attempt.
func (w *worker) backoff(n int) time.Duration {
	pause := float64(w.MinBackoff) * math.Pow(2, float64(n-1))
	return time.Duration(min(pause, float64(w.MaxBackoff)) * w.scale)
}

// envelope is the wrapped body. Pub/Sub writes two names twice.
type envelope struct {
	DeliveryAttempt int     `json:"deliveryAttempt,omitempty"`
	Message         message `json:"message"`
	Subscription    string  `json:"subscription"`
}

type message struct {
	Attributes   map[string]string `json:"attributes,omitempty"`
	Data         []byte            `json:"data,omitempty"`
	MessageID    string            `json:"messageId"`
	MessageID2   string            `json:"message_id"`
	PublishTime  string            `json:"publishTime"`
	PublishTime2 string            `json:"publish_time"`
}

// Wrap is the body in which the subscription of that name delivers a message;
// attempt, from 1, is told where it is not 0.
func Wrap(subscription string, m *pubsubpb.PubsubMessage, attempt int) ([]byte, error) {
	published := m.GetPublishTime().AsTime().UTC().Format(timeFormat)
	return json.Marshal(envelope{
		Subscription: subscription, DeliveryAttempt: attempt,
		Message: message{
			Attributes: m.GetAttributes(), Data: m.GetData(),
			MessageID: m.GetMessageId(), MessageID2: m.GetMessageId(),
			PublishTime: published, PublishTime2: published,
		},
	})
}

// EventHeader is what Eventarc adds to a message of the topic of that name: the
// attributes of a CloudEvent, in binary mode, whose data is the wrapped body.
func EventHeader(topic string, m *pubsubpb.PubsubMessage) http.Header {
	header := http.Header{}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Ce-Specversion": "1.0", "Ce-Id": m.GetMessageId(),
		"Ce-Type":   "google.cloud.pubsub.topic.v1.messagePublished",
		"Ce-Source": "//pubsub.googleapis.com/" + topic,
		"Ce-Time":   m.GetPublishTime().AsTime().UTC().Format(timeFormat),
	} {
		header.Set(name, value)
	}
	return header
}

// post makes one attempt. 200, 201, 202 and 204 acknowledge, as 102 does at
// Pub/Sub, which is not looked for here.
func (w *worker) post(ctx context.Context, m *pubsubpb.PubsubMessage, number int) Attempt {
	a := Attempt{Subscription: w.Name, MessageID: m.GetMessageId(), Number: number, Start: time.Now()}
	a.Status, a.Acked, a.Err = w.request(ctx, m, number)
	a.Duration = time.Since(a.Start)
	return a
}

func (w *worker) request(ctx context.Context, m *pubsubpb.PubsubMessage, number int) (code int, acked bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.AckDeadline)
	defer cancel()
	if w.MaxDeliveryAttempts == 0 {
		number = 0 // Pub/Sub tells it only where there is a dead letter policy
	}
	body, err := Wrap(w.name, m, number)
	if err != nil {
		return 0, false, fmt.Errorf("push: encode message: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.PushEndpoint, bytes.NewReader(body))
	if err != nil {
		return 0, false, fmt.Errorf("push: make request: %w", err)
	}
	if req.Header.Set("Content-Type", "application/json"); w.CloudEvents {
		req.Header = EventHeader(w.topic, m)
	}
	req.Header.Set("User-Agent", userAgent)
	if w.ServiceAccount != "" {
		token, err := w.tokens.Mint(w.Audience, w.ServiceAccount)
		if err != nil {
			return 0, false, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := w.client.Do(req)
	if err != nil {
		return 0, false, err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection is used again
	switch res.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return res.StatusCode, true, nil
	}
	return res.StatusCode, false, nil
}

// publishDeadLetter publishes until it succeeds; false where pulling ended
// before.
func (w *worker) publishDeadLetter(pull context.Context, m *pubsubpb.PubsubMessage, attempts int) bool {
	attributes := maps.Clone(m.GetAttributes())
	if attributes == nil {
		attributes = map[string]string{}
	}
	attributes[attrDeliveryCount] = strconv.Itoa(attempts)
	attributes[attrSourceSubscription] = path.Base(w.name)
	attributes[attrSourceProject] = strings.Split(w.name, "/")[1]
	attributes[attrSourceTopicPublish] = m.GetPublishTime().AsTime().UTC().Format(timeFormat)
	letter := &pubsubpb.PubsubMessage{Data: m.GetData(), Attributes: attributes}
	for {
		ctx, cancel := context.WithTimeout(pull, ackTimeout)
		_, err := w.topics.Publish(ctx, &pubsubpb.PublishRequest{
			Topic: w.deadLetterTopic, Messages: []*pubsubpb.PubsubMessage{proto.CloneOf(letter)},
		})
		cancel()
		if err == nil {
			return true
		}
		w.report(fmt.Errorf("push: publish dead letter to %s: %w", w.deadLetterTopic, err))
		if gax.Sleep(pull, reopenPause) != nil {
			return false
		}
	}
}
