package batch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

	"example.com/gemini-webhook/internal/archive"
	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/event"
	gcppubsub "example.com/gemini-webhook/internal/gcp/pubsub"
	gcpstorage "example.com/gemini-webhook/internal/gcp/storage"
	"example.com/gemini-webhook/internal/geminiapi"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/source"
)

const (
	queueTopic    = "projects/proj/topics/queue"
	outcomesTopic = "projects/proj/topics/outcomes"
	resultsTopic  = "projects/proj/topics/results"
	resultBucket  = "results-bucket"
	stateBucket   = "state-bucket"
	archiveBucket = "archive-bucket"
	apiKey        = "api-key"
)

// rig is a batch.Worker with Google's clients, on a Cloud Storage and a
// Pub/Sub in process. The test plays Pub/Sub's push.
type rig struct {
	t        *testing.T
	gcs      *gcs.Server
	pubsub   *pubsub.Server
	gemini   *gemini.Server // nil: there is no API key
	worker   *batch.Worker
	stopping chan struct{}

	taken    int            // queue messages handed to the worker
	attempts map[string]int // by message id
	redo     []message
	read     map[string][]published // by topic, what was looked at before
}

// connecting serializes what the clients read from the environment.
var connecting sync.Mutex

var errPermission = status.Error(codes.PermissionDenied, "injected")

func newRig(t *testing.T, change ...func(*batch.Config)) *rig {
	t.Helper()
	store, err := gcs.Start(resultBucket, stateBucket, archiveBucket)
	must(t, err)
	t.Cleanup(func() { store.Close() })
	r := &rig{t: t, gcs: store, attempts: make(map[string]int), read: make(map[string][]published)}
	ps, err := pubsub.Start()
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
func (r *rig) restart(change ...func(*batch.Config)) {
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
	objects := &object.Store{Storage: storage, Allowed: object.Allowed{
		Locations: []object.Location{{Bucket: resultBucket}}, StateBucket: stateBucket,
		Archive: object.Location{Bucket: archiveBucket, Prefix: archive.Prefix},
	}}
	found := &source.Finder{Objects: objects, Archive: &archive.Store{Bucket: storage.Archive(archiveBucket)}, Log: slog.New(slog.DiscardHandler)}
	if r.gemini != nil {
		must(r.t, os.Setenv("GOOGLE_GEMINI_BASE_URL", r.gemini.URL()))
		api := geminiapi.New(func(context.Context) (secret.Value, error) { return secret.NewValue([]byte(apiKey)), nil })
		found.Files, found.Jobs = geminiapi.Files{API: api}, geminiapi.Batches{API: api}
	}
	c := batch.Config{
		Queue:        ps.Queue("queue", 10*time.Second),
		Outcomes:     ps.Topic("outcomes"),
		Results:      ps.Stream("results"),
		Source:       found,
		State:        batch.NewState(storage.State(stateBucket)),
		Factory:      outcome.NewFactory("test", time.Now),
		Mode:         batch.Lines,
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
	r.worker = batch.NewWorker(c)
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
		Mode: "static", Scheme: "hmac-sha256", Origin: "signing_secret", Signer: "projects/p/secrets/s", Path: "/hook",
	}
	must(r.t, r.worker.Queue.Enqueue(r.t.Context(), event.Kind, event.Encode(d, []byte(body))))
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

// message is one of the queue's, as it is pushed.
type message struct {
	kind    string
	data    []byte
	id      string
	attempt int
	cutoff  time.Time

	published time.Time
}

// do does what a message says.
func (r *rig) do(ctx context.Context, m message) (err error) {
	t := batch.Task{MessageID: m.id, Published: m.published, Attempt: m.attempt, Cutoff: m.cutoff}
	if m.kind == event.Kind {
		if t.Event, err = event.Decode(m.data); err == nil {
			t.Key = t.Event.Key
		}
	} else if t.Range, err = batch.DecodeRange(m.data); err == nil {
		t.Key = t.Range.Key
	}
	if err != nil {
		return err
	}
	return r.worker.Do(ctx, t)
}

// next gives the next message that the queue holds, what failed before last.
func (r *rig) next() (message, bool) {
	if all := r.pubsub.Messages(queueTopic); r.taken < len(all) {
		m := all[r.taken]
		r.taken++
		return message{kind: m.Attributes["kind"], data: m.Data, id: m.ID, published: m.PublishTime}, true
	}
	if len(r.redo) == 0 {
		return message{}, false
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
	err := r.do(context.Background(), w)
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
		if err != nil && !errors.Is(err, batch.ErrWaiting) {
			if failures++; failures > 50 {
				r.t.Fatalf("does not come to an end: %v", err)
			}
		}
	}
}

// runConcurrently processes n messages at a time until the queue is empty.
// None may fail, but wait.
func (r *rig) runConcurrently(n int) {
	r.t.Helper()
	for {
		all := r.take()
		if len(all) == 0 {
			return
		}
		slots := make(chan struct{}, n)
		var mu sync.Mutex
		var wg sync.WaitGroup
		for _, m := range all {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				err := r.do(context.Background(), m)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case errors.Is(err, batch.ErrWaiting):
					r.redo = append(r.redo, m)
				case err != nil:
					r.t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

func gzipped(t *testing.T, content string) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := io.WriteString(w, content)
	must(t, err)
	must(t, w.Close())
	return packed.Bytes()
}

// jsonl makes n lines of result.
func jsonl(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"key":"k%06d","response":{"candidates":[{"content":{"parts":[{"text":"answer %d"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":3,"totalTokenCount":5}}}`+"\n", i, i)
	}
	return b.String()
}
