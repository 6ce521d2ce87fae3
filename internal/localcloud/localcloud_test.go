package localcloud

import (
	"strings"
	"testing"
	"time"

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
