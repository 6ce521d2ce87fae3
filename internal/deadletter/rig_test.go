package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/gemini-webhook/internal/archive"
	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/deadletter"
	"example.com/gemini-webhook/internal/event"
	gcppubsub "example.com/gemini-webhook/internal/gcp/pubsub"
	gcpstorage "example.com/gemini-webhook/internal/gcp/storage"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/source"
	"example.com/gemini-webhook/internal/work"
)

const (
	queueTopic    = "projects/p/topics/n-queue"
	outcomesTopic = "projects/p/topics/n-outcomes"
	resultsTopic  = "projects/p/topics/n-results"
	deadTopic     = "projects/p/topics/n-dead-letters"
	subscription  = "projects/p/subscriptions/n-dead-letters"
	resultBucket  = "results"
	stateBucket   = "state"
	maxAttempts   = 3
)

// rig is the work queue with its dead letters and a real worker, on a Pub/Sub and a
// Cloud Storage in process. The test plays Pub/Sub's push.
type rig struct {
	*testing.T
	gcs        *gcs.Server
	pubsub     *pubsub.Server // nil with Google's emulator
	publisher  pubsubpb.PublisherClient
	subscriber pubsubpb.SubscriberClient
	letters    *gcppubsub.DeadLetters
	worker     *work.Worker
	box        deadletter.Box
	taken      int // messages of the queue
}

// connecting serializes what the clients read from the environment.
var connecting sync.Mutex

func newRig(t *testing.T) *rig {
	t.Helper()
	ps, err := pubsub.Start()
	must(t, err)
	t.Cleanup(func() { ps.Close() })
	r := newRigAt(t, ps.Addr())
	r.pubsub = ps
	return r
}

func newRigAt(t *testing.T, addr string) *rig {
	t.Helper()
	store, err := gcs.Start(resultBucket, stateBucket)
	must(t, err)
	t.Cleanup(func() { store.Close() })
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30)))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	r := &rig{T: t, gcs: store, publisher: pubsubpb.NewPublisherClient(conn), subscriber: pubsubpb.NewSubscriberClient(conn)}
	for _, topic := range []string{queueTopic, outcomesTopic, resultsTopic, deadTopic} {
		_, err := r.publisher.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic})
		must(t, err)
	}
	_, err = r.subscriber.CreateSubscription(t.Context(), &pubsubpb.Subscription{Name: subscription, Topic: deadTopic, AckDeadlineSeconds: 600})
	must(t, err)
	r.connect(addr)
	return r
}

func (r *rig) connect(addr string) {
	r.Helper()
	connecting.Lock()
	defer connecting.Unlock()
	must(r, os.Setenv("PUBSUB_EMULATOR_HOST", addr))
	must(r, os.Setenv("STORAGE_EMULATOR_HOST", r.gcs.Addr()))
	ps, err := gcppubsub.NewClient(context.Background(), "p")
	must(r, err)
	storage, err := gcpstorage.NewClient(context.Background())
	must(r, err)
	r.Cleanup(func() { ps.Close(); storage.Close() })
	found := &source.Finder{Objects: &object.Store{Storage: storage, Allowed: object.Allowed{
		Locations: []object.Location{{Bucket: resultBucket}}, StateBucket: stateBucket,
	}}, Archive: &archive.Store{Bucket: storage.Archive(stateBucket)}, Log: slog.New(slog.DiscardHandler)}
	state, factory, outcomes := batch.NewState(storage.State(stateBucket)), outcome.NewFactory("test", time.Now), ps.Topic("n-outcomes")
	r.worker = &work.Worker{
		Batches: batch.NewWorker(batch.Config{
			Queue: ps.Queue("n-queue", 10*time.Second), Outcomes: outcomes, Results: ps.Stream("n-results"),
			Source: found, State: state, Factory: factory, Mode: batch.Lines, ChunkBytes: 100, MaxLineBytes: 1 << 20,
			MaxAttempts: maxAttempts, Stopping: make(chan struct{}), Now: time.Now, Log: slog.New(slog.DiscardHandler),
		}),
		Jobs: found, Outcomes: outcomes, State: state, Factory: factory, MaxAttempts: maxAttempts, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	r.letters = ps.DeadLetters("n-dead-letters", "n-queue")
	r.box = deadletter.Box{Subscription: r.letters, Queue: r.letters, States: state, Pause: time.Millisecond}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// queue publishes a message to the work queue.
func (r *rig) queue(kind string, data []byte) {
	r.Helper()
	must(r, r.letters.Enqueue(r.Context(), kind, data))
}

// deliver queues an event as the public door does.
func (r *rig) deliver(body string) { r.queue(event.Kind, delivery(body)) }

func delivery(body string) []byte {
	return event.Encode(event.Delivery{
		ID: "msg_1", ReceivedAt: time.Date(2026, 1, 22, 12, 0, 1, 0, time.UTC), Mode: "static", Origin: "signing_secret", Path: "/hook",
	}, []byte(body))
}

func succeeded(id string) string {
	return fmt.Sprintf(`{"type":"batch.succeeded","data":{"id":"batches/%s","output_file_uri":"gs://%s/%s.jsonl"}}`, id, resultBucket, id)
}

// put stores the results of a batch, four ranges.
func (r *rig) put(id string) {
	line := `{"key":"k","response":{"candidates":[{"content":{"parts":[{"text":"answer"}]},"finishReason":"STOP"}]}}` + "\n"
	r.gcs.Put(resultBucket, id+".jsonl", []byte(strings.Repeat(line, 4)), gcs.Attrs{})
}

// work does what is queued, and moves to the dead letters what fails.
func (r *rig) work() {
	r.Helper()
	for n := 0; ; n++ {
		all := r.pubsub.Messages(queueTopic)
		if r.taken == len(all) {
			return
		}
		if n == 1000 {
			r.Fatal("does not come to an end")
		}
		m := all[r.taken]
		r.taken++
		err := error(errors.New("not tried"))
		for attempt := 1; attempt <= maxAttempts && err != nil; attempt++ {
			_, err = r.worker.Do(context.Background(), work.Message{Kind: m.Attributes["kind"], Data: m.Data, ID: m.ID, Attempt: attempt, Published: m.PublishTime})
		}
		if err != nil {
			r.bury(m.Attributes["kind"], m.Data, m.PublishTime)
		}
	}
}

// bury publishes to the dead letters as Pub/Sub does.
func (r *rig) bury(kind string, data []byte, queued time.Time) {
	r.Helper()
	_, err := r.publisher.Publish(r.Context(), &pubsubpb.PublishRequest{Topic: deadTopic, Messages: []*pubsubpb.PubsubMessage{letter(kind, data, queued)}})
	must(r, err)
}

func letter(kind string, data []byte, queued time.Time) *pubsubpb.PubsubMessage {
	m := &pubsubpb.PubsubMessage{Data: data, Attributes: map[string]string{
		"CloudPubSubDeadLetterSourceDeliveryCount":    strconv.Itoa(maxAttempts),
		"CloudPubSubDeadLetterSourceTopicPublishTime": queued.UTC().Format("2006-01-02T15:04:05.000Z"),
		"CloudPubSubDeadLetterSourceSubscription":     "n-queue-events",
	}}
	if kind != "" {
		m.Attributes["kind"] = kind
	}
	return m
}

func (r *rig) list() []deadletter.Item {
	r.Helper()
	items, err := r.box.List(r.Context())
	must(r, err)
	return items
}

// there is what can be pulled of the dead letters now, by id. It gives it back.
func (r *rig) there() []string {
	r.Helper()
	var ids, ackIDs []string
	for range 30 { // Google's emulator gives a part at a time
		//lint:ignore SA1019 nothing else says at once that there is nothing
		answer, err := r.subscriber.Pull(r.Context(), &pubsubpb.PullRequest{Subscription: subscription, MaxMessages: 1000, ReturnImmediately: true})
		must(r, err)
		for _, m := range answer.GetReceivedMessages() {
			ids, ackIDs = append(ids, m.GetMessage().GetMessageId()), append(ackIDs, m.GetAckId())
		}
	}
	must(r, r.letters.Extend(r.Context(), ackIDs, 0))
	slices.Sort(ids)
	return slices.Compact(ids)
}

func idsOf(items []deadletter.Item) []string {
	var ids []string
	for _, i := range items {
		ids = append(ids, i.ID)
	}
	slices.Sort(ids)
	return ids
}
