package event

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var endedJob = Ended{
	Origin:       OriginVertexAPI,
	Type:         TypeBatchFailed,
	Batch:        Batch{Name: "projects/p/locations/l/batchPredictionJobs/1", DisplayName: "nightly", State: "JOB_STATE_FAILED", Requested: 3, HasRequested: true},
	At:           "2026-11-30T12:00:00Z",
	Pointer:      "gs://b/out/",
	Error:        &Error{Code: "8", Message: "quota", Status: "RESOURCE_EXHAUSTED"},
	UserMetadata: json.RawMessage(`{"team":"search","n":1}`),
}

// TestEnded: what is queued of a job is read back, and says what it is.
func TestEnded(t *testing.T) {
	t.Parallel()
	found := time.Date(2026, 11, 30, 13, 0, 0, 5, time.UTC)
	e, err := Decode(endedJob.Encode(found))
	if err != nil {
		t.Fatal(err)
	}
	got := *e
	got.Body, got.Key, got.UserMetadata = nil, "", nil
	want := Event{
		Delivery: Delivery{ID: endedJob.ID(), ReceivedAt: found, Mode: ModeReconciled, Origin: OriginVertexAPI},
		JSON:     true, Type: TypeBatchFailed, SentType: TypeBatchFailed, Time: endedJob.At,
		ResourceID: endedJob.Batch.Name, Pointer: endedJob.Pointer, Error: endedJob.Error, Batch: &endedJob.Batch,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if team := e.UserMetadata["team"]; team.Str() != "search" {
		t.Errorf("user_metadata: %v", e.UserMetadata)
	}
}

// TestEndedWithOddMetadata: what is no JSON does not spoil the event.
func TestEndedWithOddMetadata(t *testing.T) {
	t.Parallel()
	j := endedJob
	j.UserMetadata = json.RawMessage(`{"team":`)
	if e, err := Decode(j.Encode(time.Now())); err != nil || e.Type != j.Type || e.UserMetadata != nil {
		t.Errorf("got %+v, %v", e, err)
	}
}

// TestReconciledKeys: a job is known by itself alone, and no delivery can be taken for
// what was found of it, whatever it says.
func TestReconciledKeys(t *testing.T) {
	t.Parallel()
	key := func(j Ended) string {
		e, err := Decode(j.Encode(time.Now()))
		if err != nil {
			t.Fatal(err)
		}
		return e.Key
	}
	gemini := Ended{Origin: OriginGeminiAPI, Type: TypeBatchSucceeded, Batch: Batch{Name: "batches/1"}}
	again := gemini
	again.Pointer, again.At, again.Type = "gs://b/o", "2026-11-30T12:00:00Z", TypeBatchExpired
	if key(gemini) != key(again) || gemini.ID() != again.ID() {
		t.Error("a job has several keys")
	}
	vertex := gemini
	vertex.Origin = OriginVertexAPI
	if key(gemini) == key(vertex) || gemini.ID() == vertex.ID() {
		t.Error("jobs of two APIs have one key")
	}
	e, _ := Decode(gemini.Encode(time.Now()))
	for _, d := range []Delivery{{ID: e.ID}, {ID: e.ID, Mode: "dynamic", Origin: OriginOpen}, {ID: e.ID, Mode: "static", Origin: OriginGeminiAPI}} {
		forged := New(d, e.Body)
		if forged.Key == e.Key || forged.Batch != nil {
			t.Errorf("%+v has the key or the batch of the reconciled event", d)
		}
	}
}

// TestJobKeys: whoever tells of a job names the same one.
func TestJobKeys(t *testing.T) {
	t.Parallel()
	want := JobKey(OriginGeminiAPI, "batches/1")
	// Another key there publishes jobs a second time, see TestKeyStable.
	if want != "2dc731033fc2a36b3afe9a1337fa1532" {
		t.Errorf("JobKey = %s", want)
	}
	j := Ended{Origin: OriginGeminiAPI, Type: TypeBatchSucceeded, Batch: Batch{Name: "batches/1"}}
	e, _ := Decode(j.Encode(time.Now()))
	if e.JobKey() != want {
		t.Errorf("of the reconciled event: %s", e.JobKey())
	}
	if odd, bare := JobKey(OriginGeminiAPI, "batches/batch_7"), JobKey(OriginGeminiAPI, "batches/7"); odd != bare {
		t.Error("the API's names have two forms")
	}
	for body, same := range map[string]bool{
		`{"type":"batch.succeeded","data":{"id":"batches/1"}}`:                                 true,
		`{"type":"batch.completed","data":{"id":"1","output_file_uri":"files/x"}}`:             true,
		`{"type":"batch.cancelled","data":{"id":"batch_1"}}`:                                   true,
		`{"type":"batch.expired","data":{"id":1}}`:                                             true,
		`{"type":"batch.failed","data":{"id":"batches/2"}}`:                                    false,
		`{"type":"batch.failed"}`:                                                              false,
		`{"type":"video.generated","data":{"id":"batches/1"}}`:                                 false,
		`{"type":"batch.unheard_of","data":{"id":"batches/1"}}`:                                false,
		`{"type":"batch.failed","data":{"id":"projects/p/locations/l/batchPredictionJobs/1"}}`: false,
	} {
		if got := New(Delivery{}, []byte(body)).JobKey() == want; got != same {
			t.Errorf("%s: the job's: %v", body, got)
		}
	}
	vertex, _ := Decode(endedJob.Encode(time.Now()))
	stranger := New(Delivery{}, []byte(`{"type":"batch.failed","data":{"id":"`+endedJob.Batch.Name+`"}}`))
	if vertex.JobKey() == "" || vertex.JobKey() == stranger.JobKey() {
		t.Error("a delivery can name a job of Vertex AI")
	}
}
