package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/event"
	gcppubsub "example.com/gemini-webhook/internal/gcp/pubsub"
	gcpstorage "example.com/gemini-webhook/internal/gcp/storage"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/outcome/schematest"
	"example.com/gemini-webhook/internal/progress"
)

const (
	queueTopic    = "projects/proj/topics/queue"
	outcomesTopic = "projects/proj/topics/outcomes"
	resultsTopic  = "projects/proj/topics/results"
	resultBucket  = "results-bucket"
	stateBucket   = "state-bucket"
)

// rig is a private door with Google's clients, on a Cloud Storage and a
// Pub/Sub in process. The test plays Pub/Sub's push.
type rig struct {
	t         *testing.T
	gcs       *gcs.Server
	pubsub    *pubsub.Server
	processor *Processor
	stopping  chan struct{}

	taken    int            // queue messages handed to the processor
	attempts map[string]int // by message id
	redo     []work
	read     map[string][]published // by topic, what was looked at before
}

// connecting serializes what the clients read from the environment.
var connecting sync.Mutex

var errPermission = status.Error(codes.PermissionDenied, "injected")

func newRig(t *testing.T, change ...func(*ProcessorConfig)) *rig {
	t.Helper()
	r := &rig{t: t, gcs: gcs.New(gcs.Options{}), attempts: make(map[string]int), read: make(map[string][]published)}
	must(t, r.gcs.Start(""))
	t.Cleanup(func() { r.gcs.Close() })
	must(t, r.gcs.CreateBucket(resultBucket))
	must(t, r.gcs.CreateBucket(stateBucket))
	ps, err := pubsub.Start("")
	must(t, err)
	r.pubsub = ps
	t.Cleanup(func() { ps.Close() })
	conn, err := grpc.NewClient(ps.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	for _, topic := range []string{queueTopic, outcomesTopic, resultsTopic} {
		_, err := pubsubpb.NewPublisherClient(conn).CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic})
		must(t, err)
	}
	r.restart(change...)
	return r
}

// restart is a new process: nothing is left but what the cloud holds.
func (r *rig) restart(change ...func(*ProcessorConfig)) {
	r.t.Helper()
	connecting.Lock()
	defer connecting.Unlock()
	must(r.t, os.Setenv("PUBSUB_EMULATOR_HOST", r.pubsub.Addr()))
	must(r.t, os.Setenv("STORAGE_EMULATOR_HOST", r.gcs.Addr()))
	ps, err := gcppubsub.NewClient(context.Background(), "proj")
	must(r.t, err)
	storage, err := gcpstorage.NewClient(context.Background())
	must(r.t, err)
	r.t.Cleanup(func() { ps.Close(); storage.Close() })
	r.stopping = make(chan struct{})
	c := ProcessorConfig{
		Queue:    ps.Queue("queue", 10*time.Second),
		Outcomes: ps.Topic("outcomes"),
		Results:  ps.Stream("results"),
		Objects: &object.Store{Storage: storage, Allowed: object.Allowed{
			Locations: []object.Location{{Bucket: resultBucket}}, StateBucket: stateBucket,
		}},
		State:        progress.New(storage.State(stateBucket)),
		Factory:      outcome.NewFactory("test", time.Now),
		Mode:         progress.Lines,
		ChunkBytes:   8 << 20,
		MaxLineBytes: 16 << 20,
		MaxAttempts:  5,
		Stopping:     r.stopping,
		Now:          time.Now,
		Log:          slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&c)
	}
	r.processor = NewProcessor(c)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// deliver queues an event as the public door does.
func (r *rig) deliver(id, body string) {
	r.t.Helper()
	d := event.Delivery{
		ID: id, ReceivedAt: time.Date(2026, 1, 22, 12, 0, 1, 0, time.UTC),
		Mode: "static", Scheme: "hmac-sha256", Origin: "signing_secret", Signer: testSecret, Path: "/hook",
	}
	must(r.t, r.processor.Queue.Enqueue(r.t.Context(), kindEvent, event.Encode(d, []byte(body))))
}

// batch stores a result object and delivers its batch.succeeded.
func (r *rig) batch(content string) {
	r.t.Helper()
	r.gcs.Put(resultBucket, "results.jsonl", []byte(content), gcs.Attrs{})
	r.deliver("msg_1", succeeded("gs://"+resultBucket+"/results.jsonl"))
}

func succeeded(pointer string) string {
	return fmt.Sprintf(`{"type":"batch.succeeded","version":"v1","timestamp":"2026-01-22T12:00:00Z","data":{"id":"batches/1","output_file_uri":%q},"user_metadata":{"job":"42"}}`, pointer)
}

// next gives the next message that the queue holds, what failed before last.
func (r *rig) next() (work, bool) {
	if all := r.pubsub.Messages(queueTopic); r.taken < len(all) {
		m := all[r.taken]
		r.taken++
		return work{kind: m.Attributes["kind"], data: m.Data, id: m.ID}, true
	}
	if len(r.redo) == 0 {
		return work{}, false
	}
	w := r.redo[0]
	r.redo = r.redo[1:]
	return w, true
}

// step processes one message and says whether there was one.
func (r *rig) step() (error, bool) {
	w, ok := r.next()
	if !ok {
		return nil, false
	}
	r.attempts[w.id]++
	w.attempt = r.attempts[w.id]
	w.cutoff = time.Now().Add(time.Minute)
	err := r.processor.process(context.Background(), &w)
	if err != nil {
		r.redo = append(r.redo, w)
	}
	return err, true
}

// run processes until the queue is empty; every message may fail a few times.
func (r *rig) run() {
	r.t.Helper()
	for failures := 0; ; {
		err, more := r.step()
		if !more {
			return
		}
		if err != nil {
			if failures++; failures > 50 {
				r.t.Fatalf("does not come to an end: %v", err)
			}
		}
	}
}

// runConcurrently processes n messages at a time until the queue is empty.
// None may fail.
func (r *rig) runConcurrently(n int) {
	r.t.Helper()
	for {
		all := r.pubsub.Messages(queueTopic)[r.taken:]
		if len(all) == 0 {
			return
		}
		r.taken += len(all)
		slots := make(chan struct{}, n)
		var wg sync.WaitGroup
		for _, m := range all {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				w := work{kind: m.Attributes["kind"], data: m.Data, id: m.ID, attempt: 1, cutoff: time.Now().Add(time.Minute)}
				if err := r.processor.process(context.Background(), &w); err != nil {
					r.t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

// published is one message of a topic, decoded.
type published struct {
	id         string
	attributes map[string]string
	data       map[string]any
	raw        string
}

// outcomes gives all messages of a topic in order, each checked against its
// schema.
func (r *rig) outcomes(topic string) []published {
	r.t.Helper()
	all := r.read[topic]
	for _, m := range r.pubsub.Messages(topic)[len(all):] {
		if err := schematest.Check(m.Data); err != nil {
			r.t.Errorf("%s\n%v", m.Data, err)
		}
		if err := schematest.CheckAttributes(m.Attributes); err != nil {
			r.t.Errorf("%v\n%v", m.Attributes, err)
		}
		p := published{id: m.Attributes["outcome_id"], attributes: m.Attributes, raw: string(m.Data)}
		must(r.t, json.Unmarshal(m.Data, &p.data))
		all = append(all, p)
	}
	r.read[topic] = all
	return all
}

// lines gives batch.result by id, without what differs from time to time. A
// repeat must be equal.
func (r *rig) lines() (byID map[string]string, repeats int) {
	r.t.Helper()
	byID = make(map[string]string)
	for _, p := range r.outcomes(resultsTopic) {
		timeless := maps.Clone(p.data)
		delete(timeless, "published_at")
		text, err := json.Marshal(timeless)
		must(r.t, err)
		if before, again := byID[p.id]; again {
			repeats++
			if before != string(text) {
				r.t.Errorf("one id, two outcomes:\n%s\n%s", before, text)
			}
		}
		byID[p.id] = string(text)
	}
	return byID, repeats
}

// completed gives the results object of batch.completed, which must be one,
// or repeated under one id.
func (r *rig) completed() map[string]any {
	r.t.Helper()
	var found []published
	for _, p := range r.outcomes(outcomesTopic) {
		if p.data["type"] == "batch.completed" {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		r.t.Fatal("no batch.completed")
	}
	for _, p := range found[1:] {
		if p.id != found[0].id {
			r.t.Errorf("batch.completed under two ids: %s, %s", found[0].id, p.id)
		}
	}
	results, _ := found[0].data["results"].(map[string]any)
	return results
}

func (r *rig) types(topic string) []string {
	r.t.Helper()
	var types []string
	for _, p := range r.outcomes(topic) {
		types = append(types, p.attributes["type"])
	}
	return types
}

// jsonl makes n lines of result.
func jsonl(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"key":"k%06d","response":{"candidates":[{"content":{"parts":[{"text":"answer %d"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":3,"totalTokenCount":5}}}`+"\n", i, i)
	}
	return b.String()
}
