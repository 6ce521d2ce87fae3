package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/vertex"
)

// retryRig is the embedded cloud with a batch of which lines failed.
type retryRig struct {
	*testing.T
	cloud    *localcloud.Cloud
	operator *localcloud.Operator
	input    string // a file of this machine

	mu    sync.Mutex
	fault func(gemini.Op) *gemini.Fault
}

const requestCount = 200

func newRetryRig(t *testing.T, o gemini.Options) *retryRig {
	t.Helper()
	o.FailedShare, o.BlockedShare, o.Seed = 0.2, 0.1, 7
	o.BatchDuration = time.Second
	cloud, err := localcloud.Start(t.Context(), localcloud.Options{TimeScale: 1000, Gemini: o, Vertex: vertex.Options{
		JobFor: func(string) vertex.JobOptions { return vertex.JobOptions{Failed: 2} },
	}})
	must(t, err)
	t.Cleanup(func() { cloud.Close() })
	for _, pair := range cloud.Env() {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	r := &retryRig{T: t, cloud: cloud, input: filepath.Join(t.TempDir(), "input.jsonl")}
	r.operator, err = cloud.Operator(t.Context())
	must(t, err)
	t.Cleanup(func() { r.operator.Close() })
	var requests strings.Builder
	for i := range requestCount {
		fmt.Fprintf(&requests, `{"key":"request-%d","request":{"contents":[{"parts":[{"text":"What is %d times %d?"}]}]},"mine":%d}`+"\r\n", i, i, i, i)
	}
	must(t, os.WriteFile(r.input, []byte(requests.String()), 0o600))
	cloud.Gemini.Fail(func(op gemini.Op) *gemini.Fault {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.fault == nil {
			return nil
		}
		return r.fault(op)
	})
	return r
}

func (r *retryRig) fail(fault func(gemini.Op) *gemini.Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = fault
}

// batch runs a batch of the input to its end.
func (r *retryRig) batch() (name string) {
	r.Helper()
	f, err := os.Open(r.input)
	must(r, err)
	defer f.Close()
	name, err = r.operator.RunBatch(r.Context(), "nightly", f)
	must(r, err)
	r.wait(name)
	return name
}

func (r *retryRig) wait(name string) *genai.BatchJob {
	r.Helper()
	for {
		job, err := r.operator.AI.Batches.Get(r.Context(), name, nil)
		must(r, err)
		if job.State != genai.JobStatePending && job.State != genai.JobStateRunning {
			return job
		}
		time.Sleep(time.Millisecond)
	}
}

// lines are the results of a batch, by key.
func (r *retryRig) lines(name string) map[string]map[string]json.RawMessage {
	r.Helper()
	content, err := r.operator.AI.Files.Download(r.Context(), genai.NewDownloadURIFromFile(&genai.File{DownloadURI: r.wait(name).Dest.FileName}), nil)
	must(r, err)
	all := map[string]map[string]json.RawMessage{}
	for line := range strings.Lines(string(content)) {
		var members map[string]json.RawMessage
		must(r, json.Unmarshal([]byte(line), &members))
		all[string(members["key"])] = members
	}
	return all
}

// failed are the keys of lines that have no answer: with one of the codes, or any.
func (r *retryRig) failed(name string, codes ...string) (keys []string) {
	for key, line := range r.lines(name) {
		var e struct{ Code json.Number }
		code := "blocked"
		if line["error"] != nil {
			must(r, json.Unmarshal(line["error"], &e))
			code = e.Code.String()
		} else if !strings.Contains(string(line["response"]), "blockReason") {
			continue
		}
		if len(codes) == 0 || slices.Contains(codes, code) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func (r *retryRig) retry(want int, args ...string) (answer retried, messages string) {
	r.Helper()
	out, messages, code := webhookctl(r.T, append([]string{"batch", "retry", "--json"}, args...)...)
	if code != want {
		r.Fatalf("batch retry %v: code %d, want %d\n%s%s", args, code, want, out, messages)
	}
	if strings.Contains(out+messages, localcloud.APIKey) {
		r.Error("the API key is printed")
	}
	if out != "" {
		must(r, json.Unmarshal([]byte(out), &answer))
	}
	return answer, messages
}

func (r *retryRig) batches() (n int) {
	r.Helper()
	for _, err := range r.operator.AI.Batches.All(r.Context()) {
		must(r, err)
		n++
	}
	return n
}

func keysOf[V any](m map[string]V) (keys []string) {
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
