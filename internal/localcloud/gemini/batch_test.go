package gemini

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"
)

// memorySink keeps objects by gs:// name.
type memorySink struct {
	mu      sync.Mutex
	objects map[string][]byte
	err     error
}

func (m *memorySink) Write(_ context.Context, bucket, object string, data io.Reader) error {
	content, err := io.ReadAll(data)
	if err != nil || m.err != nil {
		return errors.Join(err, m.err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.objects == nil {
		m.objects = map[string][]byte{}
	}
	m.objects["gs://"+bucket+"/"+object] = content
	return nil
}

func (m *memorySink) get(name string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.objects[name]
}

// requests is an input file of n lines with the keys k0, k1, ….
func requests(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"key":"k%d","request":{"contents":[{"parts":[{"text":"question %d"}]}]}}`+"\n", i, i)
	}
	return b.String()
}

func uploadText(t *testing.T, client *genai.Client, text string) string {
	t.Helper()
	f, err := client.Files.Upload(t.Context(), strings.NewReader(text), &genai.UploadFileConfig{MIMEType: "application/jsonl"})
	must(t, err)
	return f.Name
}

func createBatch(t *testing.T, client *genai.Client, src *genai.BatchJobSource, config *genai.CreateBatchJobConfig) string {
	t.Helper()
	job, err := client.Batches.Create(t.Context(), "gemini-2.5-flash", src, config)
	must(t, err)
	if job.State != genai.JobStatePending || job.Model != "models/gemini-2.5-flash" {
		t.Errorf("new job: state %s, model %s", job.State, job.Model)
	}
	return job.Name
}

// readLines splits a result file and returns the keys in order and the lines by key.
func readLines(t *testing.T, content []byte) (keys []string, lines map[string]map[string]any) {
	t.Helper()
	lines = map[string]map[string]any{}
	scanner := bufio.NewScanner(bytes.NewReader(content))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var line map[string]any
		must(t, json.Unmarshal(scanner.Bytes(), &line))
		key, _ := line["key"].(string)
		keys = append(keys, key)
		lines[key] = line
	}
	return keys, lines
}

// Results are of all kinds and lengths, in an order of their own.
func TestResultLines(t *testing.T) {
	t.Parallel()
	sink, r := &memorySink{}, newReceiver(t, nil)
	s, client := start(t, Options{ResultPointer: PointerBucket, ResultBucket: "results", Sink: sink, FailedShare: 0.1, BlockedShare: 0.1})
	create(t, client, r.URL)
	const n = 500
	name := createBatch(t, client, &genai.BatchJobSource{FileName: uploadText(t, client, requests(n))}, nil)
	r.wait(t, 1)
	keys, lines := readLines(t, sink.get("gs://results/"+name+"/results.jsonl"))
	if len(keys) != n || len(lines) != n {
		t.Fatalf("%d lines with %d keys, want %d", len(keys), len(lines), n)
	}
	inOrder := 0
	counts := map[string]int{}
	sizes := map[int]bool{}
	for i, key := range keys {
		if key == fmt.Sprintf("k%d", i) {
			inOrder++
		}
		line := lines[key]
		response, _ := line["response"].(map[string]any)
		switch {
		case line["error"] != nil && response == nil:
			failure := line["error"].(map[string]any)
			if failure["code"] == nil || failure["message"] == "" || failure["status"] == "" {
				t.Errorf("error of %s: %v", key, failure)
			}
			counts["failed"]++
		case response["promptFeedback"] != nil && response["candidates"] == nil:
			counts["blocked"]++
		case response["candidates"] != nil:
			counts["answered"]++
			parts := response["candidates"].([]any)[0].(map[string]any)["content"].(map[string]any)["parts"].([]any)
			if parts[0].(map[string]any)["thought"] == true {
				counts["thought"]++
			}
			sizes[len(parts[len(parts)-1].(map[string]any)["text"].(string))] = true
			if response["usageMetadata"] == nil || response["modelVersion"] != "gemini-2.5-flash" || response["responseId"] == "" {
				t.Errorf("response of %s lacks something: %v", key, response)
			}
		default:
			t.Errorf("line of %s: %v", key, line)
		}
	}
	if inOrder > n/10 {
		t.Errorf("%d of %d lines are where their request was; want them shuffled", inOrder, n)
	}
	for what, low := range map[string]int{"failed": 25, "blocked": 25, "answered": 300, "thought": 50} {
		if counts[what] < low {
			t.Errorf("%d lines %s, want at least %d", counts[what], what, low)
		}
	}
	if len(sizes) < 50 {
		t.Errorf("only %d lengths of answers", len(sizes))
	}
	_, op := call(t, s, "GET", "/v1beta/"+name, "", keyHeader)
	wantStats := map[string]any{"requestCount": "500", "failedRequestCount": fmt.Sprint(counts["failed"]),
		"successfulRequestCount": fmt.Sprint(n - counts["failed"])}
	if diff := cmp.Diff(wantStats, op["metadata"].(map[string]any)["batchStats"]); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestInlinedResponsesAreInOrder(t *testing.T) {
	t.Parallel()
	s, _ := start(t, Options{})
	_, op := call(t, s, "GET", "/v1beta/"+createRaw(t, s, "batchGenerateContent", 20), "", keyHeader)
	list := op["response"].(map[string]any)["inlinedResponses"].(map[string]any)["inlinedResponses"].([]any)
	for i, item := range list {
		if got := item.(map[string]any)["metadata"].(map[string]any)["key"]; got != fmt.Sprint("k", i) {
			t.Errorf("response %d is of request %v", i, got)
		}
	}
	if len(list) != 20 {
		t.Errorf("%d responses, want 20", len(list))
	}
}

func TestOtherEndsOfBatches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts   Options
		input  string
		cancel bool
		event  string
		data   map[string]any
		state  genai.JobState
	}{
		"has no requests": {input: "\n \n", event: "batch.failed", state: genai.JobStateFailed,
			data: map[string]any{"error_code": 3.0, "error_message": "The input file has no requests."}},
		"cannot write results": {opts: Options{ResultPointer: PointerBucket, ResultBucket: "b", Sink: &memorySink{err: errors.New("full")}}, event: "batch.failed",
			data: map[string]any{"error_code": 13.0, "error_message": "The results could not be written."}, state: genai.JobStateFailed},
		"is cancelled": {opts: Options{BatchDuration: 1000 * day}, cancel: true, event: "batch.cancelled", state: genai.JobStateCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registered, r := newReceiver(t, nil), newReceiver(t, nil)
			s, client := start(t, c.opts)
			create(t, client, registered.URL)
			setDefault(&c.input, requests(2))
			batch := createBatch(t, client, &genai.BatchJobSource{FileName: uploadText(t, client, c.input)},
				&genai.CreateBatchJobConfig{WebhookConfig: &genai.WebhookConfig{Uris: []string{r.URL}}})
			if c.cancel {
				must(t, client.Batches.Cancel(t.Context(), batch, nil))
			}
			g := r.wait(t, 1)[0]
			event := decodeEvent(t, g.body)
			if set, _ := fetchKeys(t, s); set.ed25519(t, g) < 0 {
				t.Error("the event is not signed")
			}
			want := map[string]any{"id": batch}
			for k, v := range c.data {
				want[k] = v
			}
			if diff := cmp.Diff(want, event.Data); event.Type != c.event || diff != "" {
				t.Errorf("event %s, want %s; data (-want +got):\n%s", event.Type, c.event, diff)
			}
			job, err := client.Batches.Get(t.Context(), batch, nil)
			must(t, err)
			if job.State != c.state || job.Dest != nil {
				t.Errorf("state %s, dest %v; want %s and none", job.State, job.Dest, c.state)
			}
			if err := client.Batches.Cancel(t.Context(), batch, nil); err != nil {
				t.Errorf("cancelling an ended batch: %v", err)
			}
			time.Sleep(30 * time.Millisecond)
			if n := len(r.all()); n != 1 || len(registered.all()) != 0 {
				t.Errorf("%d events at the URI and %d at the webhook, want 1 and 0", n, len(registered.all()))
			}
		})
	}
}
