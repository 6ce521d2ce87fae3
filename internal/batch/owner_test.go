package batch_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
)

// told is an event of the job of a test: how it came, and what its pointer is.
type told struct {
	origin  string                   // event.OriginGeminiAPI: reconciled
	pointer func(name string) string // nil: none
	id      func(name string) string // nil: the job's name
}

// TestOwners: whichever events tell of one job, its outcomes are by deliveries or by
// reconciliation; what only claims to be of the job does not keep it from being found.
func TestOwners(t *testing.T) {
	t.Parallel()
	const secret, token = "signing_secret", "path_token"
	reconciled := told{origin: event.OriginGeminiAPI}
	outside, absent := always("gs://other/o"), always("gs://"+resultBucket+"/absent")
	for title, test := range map[string]struct {
		events []told
		noKey  bool
		want   []string // type and origin
	}{
		"a delivery comes first":               {events: []told{{origin: secret}, reconciled}, want: []string{"batch.completed signing_secret"}},
		"by a path token":                      {events: []told{{origin: token, pointer: fileOf}, reconciled}, want: []string{"batch.completed path_token"}},
		"under another form of its id":         {events: []told{{origin: secret, id: guide}, reconciled}, want: []string{"batch.completed signing_secret"}},
		"of results in a bucket":               {events: []told{{origin: secret, pointer: always(gsPointer)}, reconciled}, want: []string{"batch.completed signing_secret"}},
		"it is reconciled first":               {events: []told{reconciled, {origin: secret}, {origin: secret, pointer: fileOf}}, want: []string{"batch.completed gemini_api"}},
		"and then comes one of a bucket":       {events: []told{reconciled, {origin: secret, pointer: always(gsPointer)}}, want: []string{"batch.completed gemini_api"}},
		"it is reconciled twice":               {events: []told{reconciled, reconciled}, want: []string{"batch.completed gemini_api"}},
		"two deliveries are two":               {events: []told{{origin: secret, pointer: fileOf}, {origin: secret}}, want: []string{"batch.completed signing_secret", "batch.completed signing_secret"}},
		"a pointer that is not allowed":        {events: []told{{origin: secret, pointer: outside}, reconciled}, want: []string{"batch.unreadable signing_secret", "batch.completed gemini_api"}},
		"a pointer to nothing":                 {events: []told{{origin: secret, pointer: absent}, reconciled}, want: []string{"batch.incomplete signing_secret", "batch.completed gemini_api"}},
		"anybody's, as the API says":           {events: []told{{origin: event.OriginOpen}, reconciled}, want: []string{"batch.completed open"}},
		"anybody's, of the job's file":         {events: []told{{origin: event.OriginOpen, pointer: fileOf}, reconciled}, want: []string{"batch.completed open"}},
		"anybody's, of a bucket":               {events: []told{{origin: event.OriginOpen, pointer: always(gsPointer)}, reconciled}, want: []string{"batch.completed open", "batch.completed gemini_api"}},
		"anybody's, not allowed":               {events: []told{{origin: event.OriginOpen, pointer: outside}, reconciled}, want: []string{"batch.unreadable open", "batch.completed gemini_api"}},
		"anybody's, after it was reconciled":   {events: []told{reconciled, {origin: event.OriginOpen, pointer: always(gsPointer)}}, want: []string{"batch.completed gemini_api"}},
		"there is no API key":                  {noKey: true, events: []told{{origin: secret}, reconciled}, want: []string{"batch.unreadable signing_secret"}},
		"another job":                          {events: []told{{origin: secret, id: always("batches/other"), pointer: always(gsPointer)}, reconciled}, want: []string{"batch.completed signing_secret", "batch.completed gemini_api"}},
		"a stranger's, named as if it were it": {events: []told{{origin: event.OriginOpen, id: func(name string) string { return "reconciled_" + name }, pointer: always(gsPointer)}, reconciled}, want: []string{"batch.completed open", "batch.completed gemini_api"}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, chunk(1000))
			r.gcs.Put(resultBucket, "results.jsonl", []byte(jsonl(5)), gcs.Attrs{})
			r.withGemini(gemini.Options{})
			name := r.job(true)
			if test.noKey {
				api := r.gemini
				r.gemini = nil
				r.restart()
				r.gemini = api
			}
			for i, e := range test.events {
				r.tell(i, name, e)
				for range 100 {
					if _, more := r.step(); !more || len(r.redo) > 0 && r.attempts[r.redo[0].id] == 5 {
						break
					}
				}
				r.redo = nil // what never ends is in the dead letters
			}
			var got []string
			ids := make(map[string]bool)
			for _, o := range r.outcomes(outcomesTopic) {
				if id := o.attributes["outcome_id"]; !ids[id] {
					ids[id] = true
					got = append(got, o.attributes["type"]+" "+o.attributes["origin"])
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, o := range slices.Concat(r.outcomes(outcomesTopic), r.outcomes(resultsTopic)) {
				if reconciled := o.attributes["mode"] == event.ModeReconciled; reconciled != (o.data["scheme"] == nil) || reconciled && o.data["event"] != nil {
					t.Errorf("got %s", o.raw)
				}
			}
		})
	}
}

// tell queues an event of a job as the public door does, or Reconcile.
func (r *rig) tell(i int, name string, e told) {
	r.t.Helper()
	if e.origin == event.OriginGeminiAPI {
		job := event.Ended{Origin: e.origin, Type: event.TypeBatchSucceeded, Batch: event.Batch{Name: name}}
		must(r.t, r.worker.Queue.Enqueue(r.t.Context(), event.Kind, job.Encode(time.Now())))
		return
	}
	id, pointer := name, ""
	if e.id != nil {
		id = e.id(name)
	}
	if e.pointer != nil {
		pointer = e.pointer(name)
	}
	d := event.Delivery{ID: fmt.Sprint("msg_", i), ReceivedAt: time.Now(), Mode: "dynamic", Scheme: "ed25519", Origin: e.origin, Path: "/hook"}
	must(r.t, r.worker.Queue.Enqueue(r.t.Context(), event.Kind, event.Encode(d, []byte(succeededWith(id, pointer)))))
}

// TestJobsOfFormerVersions: what a version without owners published is not published
// again, and is known from then on.
func TestJobsOfFormerVersions(t *testing.T) {
	t.Parallel()
	for title, pointer := range map[string]func(string) string{
		"without a pointer": always(""), "a file": fileOf,
		"a file's address": func(name string) string { return "https://generativelanguage.googleapis.com/v1beta/" + fileOf(name) },
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).withGemini(gemini.Options{})
			name := r.job(true)
			r.deliver("msg_1", succeededWith(name, pointer(name)))
			r.run()
			for _, o := range r.gcs.List(stateBucket, "v1/jobs/") {
				r.gcs.Delete(stateBucket, o.Name)
			}
			for range 2 {
				r.tell(0, name, told{origin: event.OriginGeminiAPI})
				r.run()
			}
			if got := r.types(outcomesTopic); strings.Join(got, " ") != "batch.completed" {
				t.Errorf("published %v", got)
			}
			if owners := r.gcs.List(stateBucket, "v1/jobs/"); len(owners) != 1 {
				t.Errorf("%d owners", len(owners))
			}
		})
	}
}

// TestVertexJobs: they have results in Cloud Storage or none, and the Gemini API is not
// asked for them.
func TestVertexJobs(t *testing.T) {
	t.Parallel()
	for title, test := range map[string]struct{ pointer, code string }{
		"a directory":      {"gs://" + resultBucket + "/out/", ""},
		"not allowed":      {"gs://other/out/", "bucket_not_allowed"},
		"a BigQuery table": {"bq://p.d.t", "unknown_pointer"},
		"none":             {"", "no_results"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).withGemini(gemini.Options{})
			r.gemini.Fail(func(op gemini.Op) *gemini.Fault { t.Errorf("asked for %s", op.Path); return nil })
			r.gcs.Put(resultBucket, "out/predictions.jsonl", []byte(jsonl(5)), gcs.Attrs{})
			job := event.Ended{
				Origin: event.OriginVertexAPI, Type: event.TypeBatchSucceeded, Pointer: test.pointer, At: "2026-11-30T12:00:00Z",
				Batch: event.Batch{Name: "projects/p/locations/l/batchPredictionJobs/1", DisplayName: "nightly", Requested: requests, HasRequested: true},
			}
			must(t, r.worker.Queue.Enqueue(t.Context(), event.Kind, job.Encode(time.Now())))
			r.run()
			lines := 0
			if test.code == "" {
				lines = 5
			}
			checkWay(t, r, test.code, lines, true)
			if o := r.outcomes(outcomesTopic)[0]; o.attributes["origin"] != event.OriginVertexAPI || o.data["event_time"] != job.At || o.data["resource_id"] != job.Batch.Name {
				t.Errorf("got %s", o.raw)
			}
		})
	}
}
