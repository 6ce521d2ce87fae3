package e2e

import (
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
)

// attempts is what the subscriptions of these tests have.
const attempts = 5

func fewAttempts() localcloud.Options {
	return localcloud.Options{MaxDeliveryAttempts: attempts, RangesAtOnce: 1}
}

// redrive publishes a dead letter to the queue again, as people do after a
// repair.
func (r *rig) redrive(letter outcome) {
	r.t.Helper()
	conn, err := grpc.NewClient(r.cloud.PubSub.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(r.t, err)
	defer conn.Close()
	client, err := pubsub.NewClient(r.t.Context(), localcloud.Project, option.WithGRPCConn(conn))
	must(r.t, err)
	publisher := client.Publisher(localcloud.QueueTopic)
	defer publisher.Stop()
	_, err = publisher.Publish(r.t.Context(), &pubsub.Message{Data: letter.raw, Attributes: letter.Attributes}).Get(r.t.Context())
	must(r.t, err)
}

// deadLetters waits until n messages are given up, and nothing is left.
func (r *rig) deadLetters(n int) []outcome {
	r.t.Helper()
	r.wait("dead letters", func() bool { return r.seen.count(localcloud.DeadLetterTopic) >= n && r.seen.idle() })
	r.seen.mu.Lock()
	defer r.seen.mu.Unlock()
	letters := r.seen.topics[localcloud.DeadLetterTopic]
	if len(letters) != n {
		r.t.Errorf("%d dead letters, want %d", len(letters), n)
	}
	return letters
}

// failedBeforeReport tells how many attempts had failed when the first outcome
// was published.
func (r *rig) failedBeforeReport() func() int {
	var failed atomic.Int64
	var once sync.Once
	must(r.t, r.cloud.Watch(r.t.Context(), localcloud.OutcomesTopic, func([]byte, map[string]string) {
		once.Do(func() {
			for _, a := range r.seen.pushes() {
				if a.Status == http.StatusInternalServerError {
					failed.Add(1)
				}
			}
		})
	}))
	return func() int { return int(failed.Load()) }
}

// A missing object is retried; the last attempt but one reports it, the last
// leaves the message in the dead letters, and a redrive completes the batch.
func TestMissingObject(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{cloud: fewAttempts()})
	failedBefore := r.failedBeforeReport()
	r.succeed(objectURI)
	letter := r.deadLetters(1)[0]
	if n := letter.Attributes["CloudPubSubDeadLetterSourceDeliveryCount"]; n != "5" {
		t.Errorf("a dead letter after %s attempts, want %d", n, attempts)
	}
	for _, a := range r.seen.pushes() {
		if a.Status != http.StatusInternalServerError {
			t.Errorf("attempt %d was answered %d, want 500", a.Number, a.Status)
		}
	}
	if n := failedBefore(); n != attempts-2 {
		t.Errorf("%d attempts failed before batch.incomplete, want %d: the last but one reports", n, attempts-2)
	}
	reports := r.seen.outcomes(t, localcloud.OutcomesTopic)
	if len(reports) != 1 || reports[0].Type != "batch.incomplete" || reports[0].Error.Code != "not_found" {
		t.Fatalf("got %d outcomes, want one batch.incomplete with not_found: %+v", len(reports), reports)
	}

	r.put(jsonl(3))
	r.redrive(letter)
	if done := r.completed(); done.Results != (totals{Total: 3, Succeeded: 3}) {
		t.Errorf("after a redrive: %+v", done.Results)
	}
}

// Results that this configuration may not read are reported once, and nothing
// is asked of the bucket that they name.
func TestPointerOutsideResultBuckets(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{env: []string{"RESULT_BUCKETS=" + localcloud.ResultBucket + "/out/"}})
	var looks atomic.Int64
	r.cloud.Storage.Fail(func(op gcs.Op) *gcs.Fault {
		if op.Bucket != localcloud.StateBucket || strings.HasSuffix(op.Object, "secret") {
			looks.Add(1)
		}
		return nil
	})
	pointers := map[string]string{
		"gs://somebody-elses-bucket/out/o.jsonl":               "bucket_not_allowed",
		"gs://" + localcloud.ResultBucket + "/elsewhere.jsonl": "bucket_not_allowed",
		"gs://" + localcloud.ResultBucket + "/out/../secret":   "bucket_not_allowed",
		"gs://" + localcloud.StateBucket + "/secret":           "bucket_not_allowed",
		"gs://" + localcloud.ResultBucket + "/":                "unknown_pointer",
		"http://169.254.169.254/computeMetadata/v1/":           "unknown_pointer",
		"file:///etc/passwd":                                   "unknown_pointer",
	}
	for pointer := range pointers {
		r.emit("batch.succeeded", map[string]any{"id": "batches/1", "output_file_uri": pointer})
	}
	r.wait("the outcomes", func() bool { return r.seen.count(localcloud.OutcomesTopic) >= len(pointers) && r.seen.idle() })
	for _, o := range r.seen.ofType(t, "batch.unreadable") {
		if o.Error.Code != pointers[o.Source.URI] {
			t.Errorf("%s: code %q, want %q", o.Source.URI, o.Error.Code, pointers[o.Source.URI])
		}
		delete(pointers, o.Source.URI)
	}
	if len(pointers) != 0 || looks.Load() != 0 {
		t.Errorf("%d looks at objects, no outcome for %v", looks.Load(), pointers)
	}
	for _, a := range r.seen.pushes() {
		if a.Status != http.StatusNoContent || a.Number != 1 {
			t.Errorf("attempt %d was answered %d, want 204 at the first", a.Number, a.Status)
		}
	}
}

// Reads that look complete and are short, or break, lose no line and make no
// line of half of one.
func TestTruncatedRead(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]gcs.Fault{
		"short":       {Cut: gcs.CutShort, CutAfter: 1500},
		"nothing":     {Cut: gcs.CutShort},
		"reset":       {Cut: gcs.CutReset, CutAfter: 1500},
		"refused":     {Status: http.StatusForbidden},
		"unavailable": {Status: http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const lines = 200
			content := jsonl(lines)
			r := newRig(t, options{env: []string{"CHUNK_BYTES=15000"}})
			r.put(content)
			failed := failOnce(r, localcloud.ResultBucket, fault)
			r.succeed(objectURI)
			done := r.completed()
			if failed()[gcs.OpRead] < 3 {
				t.Errorf("%d reads failed, want some of every range", failed()[gcs.OpRead])
			}
			got, _ := r.seen.results(t)
			if want := (totals{Total: lines, Succeeded: lines}); len(got) != lines || done.Results != want {
				t.Errorf("%d lines, totals %+v, want %+v", len(got), done.Results, want)
			}
			for _, o := range r.seen.outcomes(t, localcloud.OutcomesTopic) {
				if o.ID != done.ID {
					t.Errorf("beside batch.completed: %s", o.raw)
				}
			}
		})
	}
}

// failOnce makes every operation in one bucket fail when it is asked for the
// first time. It returns how many of each kind did.
func failOnce(r *rig, bucket string, fault gcs.Fault) (failed func() map[gcs.Kind]int) {
	var mu sync.Mutex
	asked, failures := make(map[gcs.Op]bool), make(map[gcs.Kind]int)
	r.cloud.Storage.Fail(func(op gcs.Op) *gcs.Fault {
		mu.Lock()
		defer mu.Unlock()
		if op.Bucket != bucket || asked[op] {
			return nil
		}
		asked[op] = true
		failures[op.Kind]++
		return &fault
	})
	return func() map[gcs.Kind]int {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(failures)
	}
}

// An object that is replaced while it is worked on: what was published stays,
// nothing of the new one is mixed in, and the report comes at once.
func TestObjectReplacedInTheMiddle(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{cloud: fewAttempts(), env: []string{"CHUNK_BYTES=1600"}})
	content := jsonl(30) // 4 ranges with lines in each
	generation := r.cloud.Storage.Put(localcloud.ResultBucket, object, []byte(content), gcs.Attrs{})
	var reads atomic.Int64
	r.cloud.Storage.Fail(func(op gcs.Op) *gcs.Fault {
		if op.Kind == gcs.OpRead && op.Bucket == localcloud.ResultBucket && reads.Add(1) == 2 {
			r.cloud.Storage.Put(localcloud.ResultBucket, object, []byte(strings.ReplaceAll(content, "answer", "ANSWER")), gcs.Attrs{})
		}
		return nil
	})
	failedBefore := r.failedBeforeReport()
	r.succeed(objectURI)
	r.deadLetters(3) // one range was done before
	if n := failedBefore(); n != 0 {
		t.Errorf("%d attempts failed before batch.incomplete, want the report at once", n)
	}
	reports := r.seen.ofType(t, "batch.incomplete")
	if len(reports) == 0 {
		t.Error("no batch.incomplete")
	}
	for _, o := range reports {
		if o.Error.Code != "not_found" || o.Ranges.Done != 1 || o.Ranges.Missing != 3 {
			t.Errorf("got %+v of ranges %+v, want not_found, 1 done and 3 missing", o.Error, o.Ranges)
		}
	}
	if r.seen.has("batch.completed") {
		t.Error("batch.completed of a batch that is not")
	}
	lines, _ := r.seen.results(t)
	if len(lines) == 0 || len(lines) == 30 {
		t.Errorf("%d lines, want some", len(lines))
	}
	for _, o := range lines {
		if o.Source.Generation != strconv.FormatInt(generation, 10) || strings.Contains(*o.Text, "ANSWER") {
			t.Errorf("a line of another generation than %d: %s", generation, o.raw)
		}
	}
}
