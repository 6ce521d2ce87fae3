package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/fake"
)

// discard is a Pub/Sub that keeps nothing but the queue: pstest would hold a
// gigabyte of results.
type discard struct {
	pubsubpb.UnimplementedPublisherServer
	addr  string
	queue chan *pubsubpb.PubsubMessage

	delay    atomic.Int64 // of each request, ns
	mu       sync.Mutex
	next     int
	result   *pubsubpb.PubsubMessage // the first batch.result
	lines    int                     // batch.result
	bytes    int64                   // their data
	ids      map[uint64]bool         // their outcome_ids, hashed
	reports  []string                // those of invalid lines
	outcomes [][]byte                // the others
}

func newDiscard(t testing.TB) *discard {
	t.Helper()
	d := &discard{
		queue: make(chan *pubsubpb.PubsubMessage, 10_000), // more than there are
		ids:   make(map[uint64]bool),
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(12 << 20))
	pubsubpb.RegisterPublisherServer(server, d)
	listener, err := fake.GRPC(server)
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	d.addr = listener.Addr()
	return d
}

func (d *discard) CreateTopic(_ context.Context, topic *pubsubpb.Topic) (*pubsubpb.Topic, error) {
	return topic, nil
}

func (d *discard) Publish(_ context.Context, r *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	time.Sleep(time.Duration(d.delay.Load()))
	d.mu.Lock()
	defer d.mu.Unlock()
	answer := &pubsubpb.PublishResponse{}
	for _, m := range r.GetMessages() {
		d.next++
		m.MessageId = strconv.Itoa(d.next)
		answer.MessageIds = append(answer.MessageIds, m.MessageId)
		switch path.Base(r.GetTopic()) {
		case localcloud.QueueTopic:
			d.queue <- m
		case localcloud.ResultsTopic:
			if d.lines++; d.result == nil {
				d.result = m
			}
			d.bytes += int64(len(m.GetData()))
			id := fnv.New64a()
			_, _ = id.Write([]byte(m.GetAttributes()["outcome_id"])) // never fails
			d.ids[id.Sum64()] = true
			if m.GetAttributes()["status"] == "invalid" {
				d.reports = append(d.reports, string(m.GetData()))
			}
		default:
			d.outcomes = append(d.outcomes, m.GetData())
		}
	}
	return answer, nil
}

// slow makes every request take that much longer.
func (d *discard) slow(by time.Duration) { d.delay.Store(int64(by)) }

// results are how many lines came, how many different ones, and their bytes.
func (d *discard) results() (lines, distinct int, bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lines, len(d.ids), d.bytes
}

// oneResult is a batch.result; one must have come.
func (d *discard) oneResult() *pubsubpb.PubsubMessage {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.result
}

func (d *discard) invalid() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reports
}

func (d *discard) others() [][]byte {
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
