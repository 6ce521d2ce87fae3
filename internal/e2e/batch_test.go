package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/push/emulator"
)

// The whole path: the SDK registers the webhook and starts a batch, Gemini
// delivers, and a message per line arrives.
func TestEndToEnd(t *testing.T) {
	t.Parallel()
	endToEnd(t, localcloud.Options{}, 2000)
}

// The same on Google's own Pub/Sub emulator.
func TestEndToEndOnGooglesEmulator(t *testing.T) {
	if testing.Short() {
		t.Skip("starting a Java program takes seconds; run without -short")
	}
	t.Parallel()
	addr, stop, err := emulator.Start(t.Context())
	if errors.Is(err, emulator.ErrNotInstalled) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(stop)
	endToEnd(t, localcloud.Options{PubSubAddr: addr}, 300)
}

func endToEnd(t *testing.T, o localcloud.Options, n int) {
	o.Gemini = gemini.Options{ResultPointer: gemini.PointerBucket, Seed: 1, BatchDuration: time.Second, FailedShare: 0.02, BlockedShare: 0.01, DuplicateShare: 1}
	r := newRig(t, options{cloud: o, env: []string{"CHUNK_BYTES=100000"}})
	name, err := r.operator.RunBatch(t.Context(), "e2e", strings.NewReader(requests(n)))
	must(t, err)
	done := r.completed()
	r.wait("a message per line", func() bool { return r.seen.count(localcloud.ResultsTopic) >= n })

	delivery := r.cloud.Gemini.Deliveries()[0]
	if delivery.Status != 200 || delivery.Attempt != 1 {
		t.Errorf("the first delivery was answered %d, want 200", delivery.Status)
	}
	lines, repeats := r.seen.results(t)
	ids := keys(t, lines)
	if len(ids) != n || len(lines) != n || repeats != 0 {
		t.Errorf("%d keys, %d ids, %d repeats, want %d, as many, and none", len(ids), len(lines), repeats, n)
	}
	for i := range n {
		if key := fmt.Sprintf("request-%05d", i); ids[key] == "" {
			t.Errorf("no outcome for %s", key)
		}
	}
	want := totals{Total: n}
	for _, o := range lines {
		switch o.Status {
		case "succeeded":
			want.Succeeded++
		case "failed":
			want.Failed++
		}
	}
	if diff := cmp.Diff(want, done.Results); diff != "" || want.Failed == 0 {
		t.Errorf("results of batch.completed (-lines +completed):\n%s", diff)
	}
	common := map[string]string{
		"event_id": delivery.ID, "event_type": "batch.succeeded", "resource_id": name, "path": hookPath,
		"mode": "static", "scheme": "hmac-sha256", "origin": "signing_secret", "signer": localcloud.SigningSecret,
		"confirmed": "true", "display_name": "e2e",
	}
	checkLines(t, r, lines, common)
	common["type"], common["outcome_id"] = "batch.completed", done.ID
	if diff := cmp.Diff(common, done.Attributes); diff != "" {
		t.Errorf("attributes of batch.completed (-want +got):\n%s", diff)
	}
	for _, o := range r.seen.outcomes(t, localcloud.OutcomesTopic) {
		if o.ID != done.ID { // repeated where the last ranges end together
			t.Errorf("beside batch.completed: %s", o.raw)
		}
	}
	if n := r.seen.count(localcloud.DeadLetterTopic); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

// checkLines compares every outcome with the line at its source.
func checkLines(t *testing.T, r *rig, lines map[string]outcome, common map[string]string) {
	t.Helper()
	var stored gcs.Object
	for _, o := range lines {
		if stored.Size == 0 {
			bucket, name, _ := strings.Cut(strings.TrimPrefix(o.Source.URI, "gs://"), "/")
			stored, _ = r.cloud.Storage.Get(bucket, name)
		}
		if o.Source.URI != "gs://"+stored.Bucket+"/"+stored.Name || o.Source.Generation != strconv.FormatInt(stored.Generation, 10) {
			t.Fatalf("source %v is not the object", o.Source)
		}
		text := stored.Data[o.Source.Offset : o.Source.Offset+o.Source.Length]
		var line struct {
			Key      string
			Response json.RawMessage
		}
		if err := json.Unmarshal(text, &line); err != nil || line.Key != *o.Key || !bytes.Equal(line.Response, o.Response) {
			t.Errorf("%s\nis not the line at its source:\n%s", o.raw, text)
		}
		want := map[string]string{"type": "batch.result", "outcome_id": o.ID, "key": *o.Key, "status": o.Status}
		for name, value := range map[string]string{"finish_reason": o.Reason, "error_code": o.Error.Code} {
			if value != "" {
				want[name] = value
			}
		}
		for name, value := range common {
			want[name] = value
		}
		if diff := cmp.Diff(want, o.Attributes); diff != "" {
			t.Fatalf("attributes (-want +got):\n%s", diff)
		}
	}
}
