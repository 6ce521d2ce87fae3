package localcloud

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/localcloud/vertex"
)

func start(t *testing.T, o Options) *Cloud {
	t.Helper()
	c, err := Start(t.Context(), o)
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

// A job of Vertex AI reads its requests from the embedded Cloud Storage, and
// writes there what receivers read.
func TestVertex(t *testing.T) {
	t.Parallel()
	c := start(t, Options{TimeScale: 1000, Vertex: vertex.Options{JobFor: func(string) vertex.JobOptions { return vertex.JobOptions{Failed: 1} }}})
	operator, err := c.Operator(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, operator.Close()) })
	name, err := operator.RunVertex(t.Context(), "answers", strings.NewReader(`{"request":{"contents":[]},"key":"first"}`+"\n"+`{"request":{"contents":[]}}`+"\n"))
	must(t, err)
	var job *genai.BatchJob
	eventually(t, "the end of the job", func() bool {
		job, err = operator.Vertex.Batches.Get(t.Context(), name, nil)
		must(t, err)
		return job.State == genai.JobStateSucceeded
	})
	directory, _ := strings.CutPrefix(job.OutputInfo.GCSOutputDirectory, "gs://"+ResultBucket+"/vertex/")
	results, found := c.Storage.Get(ResultBucket, "vertex/"+directory+"/predictions.jsonl")
	if !found || strings.Count(string(results.Data), "\n") != 2 || !strings.Contains(string(results.Data), `"key":"first"`) {
		t.Errorf("results: %s", results.Data)
	}
}

// A schedule's messages come to a function as CloudEvents, each again until it is
// acknowledged; one can be had at once.
func TestSchedule(t *testing.T) {
	t.Parallel()
	c := start(t, Options{TimeScale: 10_000})
	var mu sync.Mutex
	var ids []string
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, err := cloudevents.NewEventFromHTTPRequest(r)
		if err != nil || event.Type() != "google.cloud.pubsub.topic.v1.messagePublished" || event.Source() != "//pubsub.googleapis.com/"+topicName(ReconcileTopic) {
			t.Errorf("%v, %v", event, err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if ids = append(ids, event.ID()); len(ids) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(function.Close)
	come := func(n int) []string {
		eventually(t, "events", func() bool { mu.Lock(); defer mu.Unlock(); return len(ids) >= n })
		mu.Lock()
		defer mu.Unlock()
		return ids[:n]
	}
	must(t, c.Trigger(t.Context(), ReconcileTopic, function.URL, nil))
	must(t, c.RunSchedule(t.Context(), ReconcileTopic))
	if got := come(2); got[0] != got[1] {
		t.Errorf("events %v, want that which was not acknowledged again", got)
	}
	must(t, c.Schedule(t.Context(), ReconcileTopic, 15*time.Minute)) // 90 ms
	if got := come(4); got[3] == got[2] || got[2] == got[1] {
		t.Errorf("events %v, want a new one every period", got)
	}
	if c.Schedule(t.Context(), ReconcileTopic, 0) == nil {
		t.Error("a schedule without a period is taken")
	}
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
