package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
)

// TestRetry: days after a batch of which lines failed, when Gemini has its results no
// more, webhookctl makes a new one of their requests from what the receiver keeps. Its
// outcomes bring back the old batch's metadata, and say whose retry they are of.
func TestRetry(t *testing.T) {
	t.Parallel()
	const n = 300
	r := newRig(t, options{cloud: localcloud.Options{Gemini: gemini.Options{Seed: 1, BatchDuration: time.Second, FailedShare: 0.1, BlockedShare: 0.1}}})
	input := filepath.Join(t.TempDir(), "input.jsonl")
	must(t, os.WriteFile(input, []byte(requests(n)), 0o600))
	file, err := r.operator.AI.Files.Upload(t.Context(), strings.NewReader(requests(n)), &genai.UploadFileConfig{MIMEType: "application/jsonl"})
	must(t, err)
	old, err := r.operator.AI.Batches.Create(t.Context(), "gemini-2.5-flash", &genai.BatchJobSource{FileName: file.Name},
		&genai.CreateBatchJobConfig{DisplayName: "e2e", WebhookConfig: &genai.WebhookConfig{UserMetadata: map[string]any{"job": 42}}})
	must(t, err)
	first := r.completedOf(old.Name)
	failed := r.keysOf(t, old.Name, "failed")
	if len(failed) == 0 || len(failed) != first.Results.Failed {
		t.Fatalf("%d lines failed, of %+v", len(failed), first.Results)
	}

	r.cloud.Gemini.Advance(72 * time.Hour)
	tool := filepath.Join(t.TempDir(), "webhookctl")
	if out, err := exec.Command("go", "build", "-o", tool, "example.com/gemini-webhook/cmd/webhookctl").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	retry := exec.Command(tool, "batch", "retry", old.Name, "--input", input, "--json")
	retry.Env = append([]string{"HOME=" + t.TempDir()}, r.env...)
	var messages strings.Builder
	retry.Stderr = &messages
	out, err := retry.Output()
	var made struct {
		NewBatch string `json:"new_batch"`
	}
	if err != nil || messages.Len() > 0 || json.Unmarshal(out, &made) != nil {
		t.Fatalf("%v\n%s%s", err, out, &messages)
	}
	second := r.completedOf(made.NewBatch)
	if diff := cmp.Diff(failed, r.keysOf(t, made.NewBatch, "")); diff != "" {
		t.Errorf("(-failed +retried):\n%s", diff)
	}
	if second.Attributes["meta_retry_of"] != old.Name || second.Attributes["meta_job"] != "42" || !strings.HasPrefix(second.Attributes["display_name"], "retry of e2e [") {
		t.Errorf("attributes %v", second.Attributes)
	}
}

// completedOf waits for the batch.completed of one batch, and until nothing is under way.
func (r *rig) completedOf(name string) (found outcome) {
	r.t.Helper()
	r.wait("batch.completed of "+name, func() bool {
		for _, o := range r.seen.all()[localcloud.OutcomesTopic] {
			if o.Attributes["type"] == "batch.completed" && o.Attributes["resource_id"] == name {
				found = o
				return r.seen.idle()
			}
		}
		return false
	})
	found.check(r.t)
	return found
}

// keysOf are the sorted keys of a batch's lines with a status, or any.
func (r *rig) keysOf(t *testing.T, name, status string) (keys []string) {
	t.Helper()
	lines, _ := r.seen.results(t)
	for _, o := range lines {
		if o.ResourceID == name && (status == "" || o.Status == status) {
			keys = append(keys, *o.Key)
		}
	}
	slices.Sort(keys)
	return keys
}
