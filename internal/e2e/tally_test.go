package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
)

// tally counts what is published and keeps nothing of it but the queue: pstest
// would hold a gigabyte of results.
type tally struct {
	queue chan *pubsubpb.PubsubMessage

	mu       sync.Mutex
	result   *pubsubpb.PubsubMessage // the first batch.result
	lines    int                     // batch.result
	bytes    int64                   // their data
	ids      map[uint64]bool         // their outcome_ids, hashed
	outcomes [][]byte                // the others
}

func newTally(cloud *localcloud.Cloud) *tally {
	d := &tally{
		queue: make(chan *pubsubpb.PubsubMessage, 10_000), // more than there are
		ids:   make(map[uint64]bool),
	}
	for _, topic := range []string{localcloud.QueueTopic, localcloud.ResultsTopic, localcloud.OutcomesTopic} {
		cloud.PubSub.Discard(topicName(topic))
	}
	cloud.PubSub.Watch(d.see)
	return d
}

func (d *tally) see(p pubsub.Publish) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range p.Messages {
		switch path.Base(p.Topic) {
		case localcloud.QueueTopic:
			d.queue <- m
		case localcloud.ResultsTopic:
			if d.lines++; d.result == nil {
				d.result = m
			}
			d.bytes += int64(len(m.GetData()))
			d.ids[hashed(m.GetAttributes()["outcome_id"])] = true
		default:
			d.outcomes = append(d.outcomes, m.GetData())
		}
	}
}

// results are how many lines came, how many different ones, and their bytes.
func (d *tally) results() (lines, distinct int, bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lines, len(d.ids), d.bytes
}

// oneResult is a batch.result; one must have come.
func (d *tally) oneResult() *pubsubpb.PubsubMessage {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.result
}

func (d *tally) others() [][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.outcomes
}

// environment is the cloud's environment of a receiver, by name.
func environment(cloud *localcloud.Cloud) map[string]string {
	env := make(map[string]string)
	for _, pair := range cloud.Env() {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return env
}

func bearer(token string) http.Header {
	return http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}}
}

// envelope is Pub/Sub's wrapped push body.
func envelope(m *pubsubpb.PubsubMessage, attempt int) string {
	body, err := json.Marshal(map[string]any{
		"deliveryAttempt": attempt,
		"subscription":    fmt.Sprintf("projects/%s/subscriptions/e2e", localcloud.Project),
		"message": map[string]any{
			"data": m.GetData(), "attributes": m.GetAttributes(), "messageId": m.GetMessageId(),
		},
	})
	if err != nil { // strings and bytes always encode
		panic(err)
	}
	return string(body)
}
