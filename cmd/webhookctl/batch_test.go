package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
)

// TestBatchRetry: a new batch has exactly the requests that failed, once, and what it
// is called and brings back says whose retry it is.
func TestBatchRetry(t *testing.T) {
	r := newRetryRig(t, gemini.Options{})
	old := r.batch()
	failed := r.failed(old)
	if len(failed) == 0 || len(failed) == requestCount {
		t.Fatalf("%d lines failed", len(failed))
	}

	dry, _ := r.retry(codeDone, old, "--input", r.input, "--dry-run")
	if !dry.DryRun || dry.NewBatch != "" || dry.File != "" || dry.Retry.Requests != int64(len(failed)) || dry.Lines.Failed != int64(len(failed)) ||
		dry.Lines.Succeeded != int64(requestCount-len(failed)) || dry.Lines.Codes["blocked"] == 0 || dry.Retry.PromptTokens == nil || r.batches() != 1 {
		t.Errorf("dry run: %+v, %d batches", dry, r.batches())
	}
	if _, messages := r.retry(codeFailed, old); !strings.Contains(messages, "--input FILE") || r.batches() != 1 {
		t.Errorf("without the input: %s", messages)
	}

	answer, messages := r.retry(codeDone, old, "--input", r.input)
	if !strings.Contains(messages, "user_metadata") {
		t.Errorf("what is not known of the old batch is not said: %s", messages)
	}
	job := r.wait(answer.NewBatch)
	if diff := cmp.Diff(failed, keysOf(r.lines(answer.NewBatch))); diff != "" || job.DisplayName != answer.DisplayName || job.Model != "models/gemini-2.5-flash" ||
		!strings.HasPrefix(job.DisplayName, "retry of nightly [") || !strings.HasPrefix(answer.File, "files/") {
		t.Errorf("%+v is %s with %s (-failed +retried):\n%s", answer, job.DisplayName, job.Model, diff)
	}

	_, messages = r.retry(codeFailed, old, "--input", r.input)
	if !strings.Contains(messages, answer.NewBatch) || !strings.Contains(messages, "--again") || r.batches() != 2 {
		t.Errorf("the same once more: %s, %d batches", messages, r.batches())
	}
	if _, messages = r.retry(codeFailed, old, "--input", r.input, "--codes", "blocked"); !strings.Contains(messages, "blocked in "+answer.NewBatch) || r.batches() != 2 {
		t.Errorf("a part of it: %s", messages)
	}
	if again, _ := r.retry(codeDone, old, "--input", r.input, "--again"); again.NewBatch == answer.NewBatch || again.Digest != answer.Digest {
		t.Errorf("--again: %+v after %+v", again, answer)
	}

	// What failed again can be retried again: it is another batch.
	left := r.failed(answer.NewBatch)
	if next, _ := r.retry(codeDone, answer.NewBatch, "--input", r.input); next.Retry.Requests != int64(len(left)) {
		t.Errorf("the retry of a retry: %+v, want %d requests", next, len(left))
	}
}

// TestBatchRetryOfCodes: of some codes, then of the others; what no line has is nothing.
func TestBatchRetryOfCodes(t *testing.T) {
	r := newRetryRig(t, gemini.Options{})
	old := r.batch()
	if answer, messages := r.retry(codeDone, old, "--codes", "429"); answer.Retry.Requests != 0 || answer.NewBatch != "" || r.batches() != 1 {
		t.Errorf("a code that no line has: %+v, %s", answer, messages)
	}
	content, err := os.ReadFile(r.input)
	must(t, err)
	r.cloud.Storage.Put(localcloud.ResultBucket, "in/input.jsonl", content, gcs.Attrs{})
	first, _ := r.retry(codeDone, old, "--input", "gs://"+localcloud.ResultBucket+"/in/input.jsonl", "--codes", "4,blocked")
	second, _ := r.retry(codeDone, old, "--input", r.input, "--codes", "8,13,3")
	for name, codes := range map[string][]string{first.NewBatch: {"4", "blocked"}, second.NewBatch: {"8", "13", "3"}} {
		if diff := cmp.Diff(r.failed(old, codes...), keysOf(r.lines(name))); diff != "" {
			t.Errorf("%v (-failed +retried):\n%s", codes, diff)
		}
	}
	if _, messages := r.retry(codeFailed, old, "--input", r.input); !strings.Contains(messages, "since") {
		t.Errorf("all of them: %s", messages)
	}
}

// TestBatchRetryInterrupted: a run that ends before it makes the batch, or before it
// says so, is not taken for one that made none.
func TestBatchRetryInterrupted(t *testing.T) {
	for name, after := range map[string]bool{"before the batch is made": false, "after": true} {
		t.Run(name, func(t *testing.T) {
			r := newRetryRig(t, gemini.Options{})
			old := r.batch()
			ctx, kill := context.WithCancel(t.Context())
			r.fail(func(op gemini.Op) *gemini.Fault {
				if !strings.HasSuffix(op.Path, ":batchGenerateContent") {
					return nil
				}
				kill()
				if after {
					return &gemini.Fault{CutAfter: 1}
				}
				return &gemini.Fault{Status: 503}
			})
			_, messages, code := answered(t, ctx, nil, "batch", "retry", old, "--input", r.input)
			if code != codeFailed || !strings.Contains(messages, "run") {
				t.Errorf("interrupted: code %d, %s", code, messages)
			}
			r.fail(nil)
			want, found := 1, "--again"
			if after {
				want, found = 2, "already: "
			}
			for range 2 {
				if _, messages := r.retry(codeFailed, old, "--input", r.input); !strings.Contains(messages, found) || r.batches() != want {
					t.Errorf("%d batches, want %d: %s", r.batches(), want, messages)
				}
			}
			if answer, _ := r.retry(codeDone, old, "--input", r.input, "--again"); answer.NewBatch == "" || r.batches() != want+1 {
				t.Errorf("--again: %+v", answer)
			}
		})
	}
}

// TestBatchRetryAtOnce: of several runs at the same time one makes the batch.
func TestBatchRetryAtOnce(t *testing.T) {
	r := newRetryRig(t, gemini.Options{})
	old := r.batch()
	codes := make([]int, 4)
	var wait sync.WaitGroup
	for i := range codes {
		wait.Go(func() { _, _, codes[i] = webhookctl(t, "batch", "retry", old, "--input", r.input) })
	}
	wait.Wait()
	slices.Sort(codes)
	if diff := cmp.Diff([]int{codeDone, codeFailed, codeFailed, codeFailed}, codes); diff != "" || r.batches() != 2 {
		t.Errorf("%d batches (-want +got):\n%s", r.batches(), diff)
	}
}

// TestBatchRetryWithoutState: the list of batches alone says what was made.
func TestBatchRetryWithoutState(t *testing.T) {
	r := newRetryRig(t, gemini.Options{})
	t.Setenv("STATE_BUCKET", "")
	old := r.batch()
	answer, messages := r.retry(codeDone, old, "--input", r.input)
	if !strings.Contains(messages, "not kept apart") {
		t.Errorf("without a state bucket: %s", messages)
	}
	if _, messages := r.retry(codeFailed, old, "--input", r.input); !strings.Contains(messages, answer.NewBatch) || r.batches() != 2 {
		t.Errorf("once more: %s", messages)
	}
}

// TestBatchRetryInline: a list of results is joined with the input by its order.
func TestBatchRetryInline(t *testing.T) {
	r := newRetryRig(t, gemini.Options{})
	old, err := r.operator.RunInline(t.Context(), "", 50)
	must(t, err)
	var failed []string
	for i, response := range r.wait(old).Dest.InlinedResponses {
		if response.Error != nil || len(response.Response.Candidates) == 0 {
			failed = append(failed, fmt.Sprintf(`"%d"`, i))
		}
	}
	slices.Sort(failed)
	if _, messages := r.retry(codeFailed, old); !strings.Contains(messages, "--input FILE") {
		t.Errorf("without the input: %s", messages)
	}
	var requests strings.Builder
	for i := range 50 {
		fmt.Fprintf(&requests, `{"request":{"contents":[{"parts":[{"text":"%d"}]}]}}`+"\n", i)
	}
	must(t, os.WriteFile(r.input, []byte(requests.String()), 0o600))
	answer, _ := r.retry(codeDone, old, "--input", r.input)
	if diff := cmp.Diff(failed, keysOf(r.lines(answer.NewBatch))); diff != "" {
		t.Errorf("(-failed +retried):\n%s", diff)
	}
}

// TestBatchRetryRefused: nothing is dropped silently, and nothing is made of a batch
// that runs or is not there.
func TestBatchRetryRefused(t *testing.T) {
	r := newRetryRig(t, gemini.Options{BatchFor: func(name string) gemini.BatchOptions {
		return gemini.BatchOptions{Running: name == "running"}
	}})
	old := r.batch()
	r.fail(func(op gemini.Op) *gemini.Fault {
		if strings.HasSuffix(op.Path, ":batchGenerateContent") {
			return &gemini.Fault{Status: 400}
		}
		return nil
	})
	if _, messages := r.retry(codeFailed, old, "--input", r.input); !strings.Contains(messages, "INVALID_ARGUMENT") || strings.Contains(messages, "on purpose") {
		t.Errorf("refused: %s", messages)
	}
	r.fail(nil)
	if answer, _ := r.retry(codeDone, old, "--input", r.input, "--no-metadata"); answer.NewBatch == "" || r.batches() != 2 {
		t.Errorf("after a refusal: %+v", answer)
	}
	running, err := r.operator.RunInline(t.Context(), "running", 1)
	must(t, err)
	for _, test := range []struct {
		code int
		args string
		want string
	}{
		{codeFailed, running, "has not ended"},
		{codeFailed, "batches/absent", "404"},
		{codeUsage, "files/x", "batches/ID"},
		{codeUsage, "", "<batch>"},
		{codeUsage, "batches/b --uri=http://r.example/token", "--uri must be an https"},
		{codeUsage, "batches/b --codes", "--codes"},
	} {
		if _, messages := r.retry(test.code, strings.Fields(test.args)...); !strings.Contains(messages, test.want) {
			t.Errorf("%q: %s", test.args, messages)
		}
	}
}

// TestBatchRetryOfVertexAI: rows have their requests; those that failed stand beside the
// old input, as they were, and the new job writes where the old one did.
func TestBatchRetryOfVertexAI(t *testing.T) {
	r := newRetryRig(t, gemini.Options{})
	client := r.operator.Vertex
	var requests strings.Builder
	for i := range 5 {
		fmt.Fprintf(&requests, `{"id":%d,"request":{"contents":[{"role":"user","parts":[{"text":"<%d>"}]}]}}`+"\n", i, i)
	}
	r.cloud.Storage.Put(localcloud.ResultBucket, "in/day/requests.jsonl", []byte(requests.String()), gcs.Attrs{})
	old, err := client.Batches.Create(t.Context(), "gemini-2.5-flash",
		&genai.BatchJobSource{Format: "jsonl", GCSURI: []string{"gs://" + localcloud.ResultBucket + "/in/day/requests.jsonl"}},
		&genai.CreateBatchJobConfig{DisplayName: "nightly", Dest: &genai.BatchJobDestination{Format: "jsonl", GCSURI: "gs://" + localcloud.ResultBucket + "/out"}})
	must(t, err)
	ended := func(name string) *genai.BatchJob {
		for {
			job, err := client.Batches.Get(t.Context(), name, nil)
			must(t, err)
			if job.State == genai.JobStateSucceeded {
				return job
			}
			time.Sleep(time.Millisecond)
		}
	}
	ended(old.Name)
	answer, messages := r.retry(codeDone, old.Name)
	if answer.Retry.Requests != 2 || answer.Lines.Succeeded != 3 || answer.Batch != old.Name {
		t.Errorf("%+v, %s", answer, messages)
	}
	made := ended(answer.NewBatch)
	if made.Src.GCSURI[0] != answer.File || made.Dest.GCSURI != old.Dest.GCSURI || made.Model != old.Model || made.DisplayName != answer.DisplayName {
		t.Errorf("%+v of %+v", made, answer)
	}
	name, beside := strings.CutPrefix(answer.File, "gs://"+localcloud.ResultBucket+"/")
	sent, _ := r.cloud.Storage.Get(localcloud.ResultBucket, name)
	var want []string
	for line := range strings.Lines(requests.String()) {
		want = append(want, strings.TrimSpace(line))
	}
	got := strings.Split(strings.TrimSpace(string(sent.Data)), "\n")
	slices.Sort(got)
	if diff := cmp.Diff(want[:2], got); diff != "" || !beside || !strings.HasPrefix(name, "in/day/retry-") {
		t.Errorf("%s (-failed +sent):\n%s", answer.File, diff)
	}
	if _, messages := r.retry(codeFailed, old.Name); !strings.Contains(messages, answer.NewBatch) {
		t.Errorf("once more: %s", messages)
	}
	t.Setenv("STATE_BUCKET", "")
	if _, messages := r.retry(codeFailed, old.Name); !strings.Contains(messages, answer.NewBatch) {
		t.Errorf("by its name: %s", messages)
	}
	if _, messages := r.retry(codeFailed, "projects/local-project/locations/us-central1/batchPredictionJobs/1"); !strings.Contains(messages, "404") {
		t.Errorf("one that is not there: %s", messages)
	}
}
