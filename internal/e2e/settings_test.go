package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
)

// The shape that is deployed: a service per door, each with no more than its
// own settings.
func TestServicePerDoor(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{env: []string{"DOORS=tasks", "SIGNING_SECRETS=", "CHUNK_BYTES=2000"}})
	env := environment(r.cloud)
	for _, name := range slices.Collect(maps.Keys(env)) {
		if strings.HasPrefix(name, "PUSH_") || slices.Contains([]string{"STATE_BUCKET", "STORAGE_EMULATOR_HOST", "OUTCOMES_TOPIC", "RESULTS_TOPIC", "RESULT_BUCKETS", "GEMINI_API_KEY_SECRET"}, name) {
			delete(env, name)
		}
	}
	pairs := []string{"DOORS=public"}
	for name, value := range env {
		pairs = append(pairs, name+"="+value)
	}
	public := start(t, pairs...)
	id, secret, err := r.operator.Register(t.Context(), "public", public.url()+hookPath)
	must(t, err)
	r.secret = secret
	if a := r.sign(secret); a.status != http.StatusNotFound {
		t.Errorf("a delivery at the private service: %v, want 404", a)
	}
	r.put(jsonl(50))
	body := map[string]any{"id": "batches/1", "output_file_uri": objectURI}
	_, err = r.cloud.Gemini.Emit("batch.succeeded", body, gemini.EmitOptions{Webhooks: []string{id}})
	must(t, err)
	if done := r.completed(); done.Results != (totals{Total: 50, Succeeded: 50}) {
		t.Errorf("totals %+v, want 50", done.Results)
	}
}

// RESULTS_TOPIC is OUTCOMES_TOPIC where it is not set; BATCH_RESULTS=summary
// publishes totals alone.
func TestBatchResultsAndTheirTopic(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		env     []string
		results int // batch.result among the outcomes
	}{
		{"one topic", []string{"RESULTS_TOPIC="}, 50},
		{"summary", []string{"BATCH_RESULTS=summary"}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, options{env: append(test.env, "CHUNK_BYTES=2000")})
			r.put(jsonl(50))
			r.succeed(objectURI)
			if done := r.completed(); done.Results != (totals{Total: 50, Succeeded: 50}) {
				t.Errorf("totals %+v, want 50", done.Results)
			}
			if n := len(r.seen.ofType(t, "batch.result")); n != test.results {
				t.Errorf("%d lines on the outcomes' topic, want %d", n, test.results)
			}
			if n := r.seen.count(localcloud.ResultsTopic); n != 0 {
				t.Errorf("%d messages on the results' topic, want 0", n)
			}
		})
	}
}

// Results that are a file of the Gemini API, read with the API key.
func TestResultFile(t *testing.T) {
	t.Parallel()
	const requests = 300
	r := newRig(t, options{cloud: localcloud.Options{Gemini: gemini.Options{
		Seed: 1, BatchDuration: time.Second, ResultPointer: gemini.PointerFile,
	}}})
	var input strings.Builder
	for i := range requests {
		fmt.Fprintf(&input, `{"key":"request-%05d","request":{"contents":[{"parts":[{"text":"?"}]}]}}`+"\n", i)
	}
	_, err := r.operator.RunBatch(t.Context(), "file", strings.NewReader(input.String()))
	must(t, err)
	done := r.completed()
	lines, repeats := r.seen.results(t)
	if n := len(keys(t, lines)); n != requests || repeats != 0 || done.Results.Total != requests {
		t.Errorf("%d keys, %d repeats, totals %+v, want %d", n, repeats, done.Results, requests)
	}
	for _, o := range lines {
		if !strings.HasPrefix(o.Source.URI, "files/") {
			t.Fatalf("source %q, want the file's name", o.Source.URI)
		}
	}
}

// A state bucket that fails now and then costs time and nothing else.
func TestStateFails(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]gcs.Fault{
		"unavailable":      {Status: http.StatusServiceUnavailable},
		"refused":          {Status: http.StatusForbidden},
		"answers are lost": {Cut: gcs.CutReset},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, options{env: []string{"CHUNK_BYTES=2000"}})
			r.put(jsonl(50))
			failed := failOnce(r, localcloud.StateBucket, fault)
			r.succeed(objectURI)
			done := r.completed()
			lines, _ := r.seen.results(t)
			if want := (totals{Total: 50, Succeeded: 50}); len(lines) != 50 || done.Results != want {
				t.Errorf("%d lines, totals %+v, want %+v", len(lines), done.Results, want)
			}
			got := slices.Sorted(maps.Keys(failed()))
			if diff := cmp.Diff([]gcs.Kind{gcs.OpInsert, gcs.OpList, gcs.OpRead}, got); diff != "" {
				t.Errorf("operations that failed (-want +got):\n%s", diff)
			}
		})
	}
}
