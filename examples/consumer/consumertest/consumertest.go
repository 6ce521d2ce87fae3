// Package consumertest runs programs that consume outcomes, in any language, against
// what the receiver really publishes, and compares what they say that they have.
//
// A program gets its environment, see [Rig.Push] and [Rig.Pull], and prints one line of
// JSON to its standard output as soon as it has a batch whole: a [Report]. What it writes
// to its standard error is shown where the test fails. SIGTERM ends it.
//
// What it is given is hard on purpose: batch.completed comes first, and again; some lines
// come twice; one message is no outcome; pushes come that Pub/Sub did not send.
package consumertest

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/genai"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/outcomes"
)

// Team is user_metadata.team of the batch, so the attribute meta_team of its outcomes.
const Team = "search"

const (
	requests = 300
	// timeScale makes two hours of Gemini's a second, and Pub/Sub's backoffs short.
	timeScale = 8640
	patience  = time.Minute // for anything to happen
)

// Report is what a program says of a batch that is complete. Numbers are of distinct
// outcome_ids of batch.result, but for Duplicates: messages of any type whose outcome_id
// the program had kept before.
type Report struct {
	ResourceID string `json:"resource_id"`
	Results    int64  `json:"results"`
	Failed     int64  `json:"failed"` // whose status is failed
	Duplicates int64  `json:"duplicates"`
}

// Message is one that the receiver published.
type Message struct {
	Data       []byte
	Attributes map[string]string
}

// Rig is an embedded cloud in which the receiver has published a batch of some 300
// requests, a few of which failed. Its methods may be called from parallel tests.
type Rig struct {
	// Lines are the messages of batch.result, each once, and Completed that of
	// batch.completed.
	Lines     []Message
	Completed Message
	// Want is what a program has to report, as far as the batch says.
	Want Report

	cloud  *localcloud.Cloud
	env    map[string]string // of a receiver
	client *pubsub.Client

	mu       sync.Mutex
	progress outcomes.Progress
	problem  error // with what is published
	programs int   // that were started
}

// Start starts the cloud and the receiver's process, and runs the batch. The end of the
// test ends all of it. With -short the test is skipped.
func Start(t *testing.T) *Rig {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the built receiver beside the embedded cloud; run without -short")
	}
	cloud, err := localcloud.Start(t.Context(), localcloud.Options{
		TimeScale: timeScale,
		Gemini:    gemini.Options{Seed: 1, BatchDuration: 2 * time.Hour, FailedShare: 0.05, BlockedShare: 0.02},
	})
	must(t, err)
	t.Cleanup(func() { _ = cloud.Close() }) // nothing is left to lose
	r := &Rig{cloud: cloud, env: make(map[string]string)}
	for _, pair := range cloud.Env() {
		name, value, _ := strings.Cut(pair, "=")
		r.env[name] = value
	}
	conn, err := grpc.NewClient(r.env["PUBSUB_EMULATOR_HOST"], grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	r.client, err = pubsub.NewClient(t.Context(), localcloud.Project, option.WithGRPCConn(conn))
	must(t, err)
	t.Cleanup(func() { _ = r.client.Close() })
	for _, topic := range []string{localcloud.OutcomesTopic, localcloud.ResultsTopic} {
		must(t, cloud.Watch(t.Context(), topic, r.see))
	}
	r.run(t)
	return r
}

// run has the receiver publish a batch.
func (r *Rig) run(t *testing.T) {
	t.Helper()
	receiver := exec.Command(Build(t, "example.com/gemini-webhook/cmd/receiver"))
	receiver.Env = append(r.cloud.Env(), "LOCAL_ONLY=true", "LOG_LEVEL=error", "CHUNK_BYTES=131072") // several ranges
	url := start(t, receiver).url()
	must(t, r.cloud.Push(t.Context(), url, nil))
	operator, err := r.cloud.Operator(t.Context())
	must(t, err)
	defer operator.Close()
	_, _, err = operator.Register(t.Context(), "consumertest", url+"/gemini")
	must(t, err)
	var input strings.Builder
	for i := range requests {
		fmt.Fprintf(&input, `{"key":"request-%05d","request":{"contents":[{"parts":[{"text":"What is %d times %d?"}]}]}}`+"\n", i, i, i)
	}
	file, err := operator.AI.Files.Upload(t.Context(), strings.NewReader(input.String()), &genai.UploadFileConfig{MIMEType: "application/jsonl"})
	must(t, err)
	job, err := operator.AI.Batches.Create(t.Context(), "gemini-2.5-flash", &genai.BatchJobSource{FileName: file.Name}, &genai.CreateBatchJobConfig{
		DisplayName: "consumertest", WebhookConfig: &genai.WebhookConfig{UserMetadata: map[string]any{"team": Team}},
	})
	must(t, err)
	wait(t, "the batch of the embedded cloud", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		must(t, r.problem)
		return r.Want.ResourceID != ""
	})
	if r.Want.ResourceID != job.Name || len(r.Lines) != requests || r.Want.Failed == 0 {
		t.Fatalf("the receiver published %d lines: %+v", len(r.Lines), r.Want)
	}
}

// see takes what the receiver publishes.
func (r *Rig) see(data []byte, attributes map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o, err := outcomes.Decode(data)
	if err != nil {
		r.problem = err
		return
	}
	first, complete := r.progress.Add(o)
	if !first {
		return // the receiver may say things twice, too
	}
	switch o.(type) {
	case *outcomes.BatchResult:
		r.Lines = append(r.Lines, Message{data, attributes})
	case *outcomes.BatchCompleted:
		r.Completed = Message{data, attributes}
	}
	if complete {
		batch := r.progress.Batch(o)
		r.Want = Report{ResourceID: o.Base().ResourceID, Results: batch.Results, Failed: batch.Failed}
	}
}

// Build builds a program of this module, or of arguments of "go build" that end with it,
// and returns its path.
func Build(t *testing.T, arguments ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", append([]string{"build", "-o", path}, arguments...)...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// wait polls until ok.
func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
