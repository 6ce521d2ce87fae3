package vertexapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/retry"
)

const jobName = "projects/482019375610/locations/us-central1/batchPredictionJobs/7"

// answering is a client whose server answers all calls alike, and counts them.
func answering(t *testing.T, status int, body string) (c *Client, calls *int) {
	t.Helper()
	calls = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		*calls++
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	t.Setenv("GOOGLE_VERTEX_BASE_URL", server.URL)
	c, err := NewClient(t.Context(), "p", "us-central1")
	if err != nil {
		t.Fatal(err)
	}
	return c, calls
}

// TestJobsWithErrorsAreRead: errors with details, which the SDK cannot read, do not
// matter here.
func TestJobsWithErrorsAreRead(t *testing.T) {
	const job = `{"name":"` + jobName + `","displayName":"d","model":"publishers/google/models/m","state":"JOB_STATE_PARTIALLY_SUCCEEDED",
		"error":{"code":3,"message":"m","details":[{"@type":"x","n":1}]},
		"inputConfig":{"instancesFormat":"jsonl","gcsSource":{"uris":["gs://b/in.jsonl"]}},
		"outputConfig":{"predictionsFormat":"jsonl","gcsDestination":{"outputUriPrefix":"gs://b/out"}},"outputInfo":{"gcsOutputDirectory":"gs://b/out/1"}}`
	c, _ := answering(t, 200, job)
	got, err := c.Get(t.Context(), jobName)
	want := Job{Name: jobName, DisplayName: "d", Model: "publishers/google/models/m", State: "JOB_STATE_PARTIALLY_SUCCEEDED", Ended: true,
		Inputs: []string{"gs://b/in.jsonl"}, Output: "gs://b/out", Results: "gs://b/out/1"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	c, _ = answering(t, 200, `{"batchPredictionJobs":[`+job+`,{"name":"other","displayName":"D"}]}`)
	if names, err := c.Named(t.Context(), "d"); len(names) != 1 || names[0] != jobName || err != nil {
		t.Errorf("named: %v, %v", names, err)
	}
}

// TestJobIsAskedForOnce: refusals are told from what may have been done, and no answer
// is quoted.
func TestJobIsAskedForOnce(t *testing.T) {
	for status, refused := range map[int]bool{400: true, 403: true, 404: true, 409: false, 429: true, 500: false, 503: false} {
		c, calls := answering(t, status, fmt.Sprintf(`{"error":{"code":%d,"message":"quoted","status":"A_STATUS"}}`, status))
		_, err := c.Create(t.Context(), retry.Job{DisplayName: "d", Model: "m", File: "gs://b/in.jsonl"}, "gs://b/out")
		if errors.Is(err, retry.ErrRefused) != refused || err == nil || strings.Contains(err.Error(), "quoted") || !strings.Contains(err.Error(), "A_STATUS") || *calls != 1 {
			t.Errorf("%d: %v after %d calls", status, err, *calls)
		}
		if _, err := c.Get(t.Context(), jobName); errors.Is(err, object.ErrNotFound) != (status == 404) {
			t.Errorf("%d: get: %v", status, err)
		}
	}
	c, _ := answering(t, 200, "quoted")
	if _, err := c.Create(t.Context(), retry.Job{Model: "m", File: "gs://b/in.jsonl"}, "gs://b/out"); err == nil || errors.Is(err, retry.ErrRefused) || strings.Contains(err.Error(), "quoted") {
		t.Errorf("no JSON: %v", err)
	}
}
