package vertex

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/localcloud/gcs"
)

const (
	testProject = "test-project"
	testModel   = "gemini-2.5-flash"
)

// bucket is a Cloud Storage server with the bucket "b".
type bucket struct{ *gcs.Server }

func (b bucket) Open(_ context.Context, name, object string) (io.ReadCloser, error) {
	o, ok := b.Get(name, object)
	if !ok {
		return nil, fmt.Errorf("no object %s", object)
	}
	return io.NopCloser(bytes.NewReader(o.Data)), nil
}

func (b bucket) Write(_ context.Context, name, object string, data io.Reader) error {
	content, err := io.ReadAll(data)
	if err == nil {
		b.Put(name, object, content, gcs.Attrs{})
	}
	return err
}

// start runs a simulator in which a job takes a hundredth of a second, unless opts say otherwise, and a client of the
// official SDK. It has an input, gs://b/in.jsonl, of five requests.
func start(t *testing.T, opts Options) (*Server, bucket, *genai.Client) {
	t.Helper()
	storage, err := gcs.Start("b")
	must(t, err)
	t.Cleanup(func() { must(t, storage.Close()) })
	var input strings.Builder
	for i := range 5 {
		fmt.Fprintf(&input, `{"id":%d,"request":{"contents":[{"role":"user","parts":[{"text":"<%d>"}]}],"labels":{"n":"%d"}}}`+"\n\n", i, i, i)
	}
	storage.Put("b", "in.jsonl", []byte(input.String()), gcs.Attrs{})
	opts.Project, opts.Storage, opts.Seed = testProject, bucket{storage}, 1
	if opts.TimeScale == 0 {
		opts.TimeScale = 1000
	}
	s, err := Start(opts)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s, bucket{storage}, newClient(t, s, "us-central1")
}

func newClient(t *testing.T, s *Server, location string) *genai.Client {
	t.Helper()
	client, err := genai.NewClient(t.Context(), &genai.ClientConfig{
		Backend: genai.BackendVertexAI, Project: testProject, Location: location,
		HTTPClient: new(http.Client), HTTPOptions: genai.HTTPOptions{BaseURL: s.URL()},
	})
	must(t, err)
	return client
}

// create makes a job of gs://b/in.jsonl, or of another input.
func create(t *testing.T, client *genai.Client, displayName string, input ...string) *genai.BatchJob {
	t.Helper()
	if len(input) == 0 {
		input = []string{"gs://b/in.jsonl"}
	}
	made, err := client.Batches.Create(t.Context(), testModel, &genai.BatchJobSource{Format: "jsonl", GCSURI: input},
		&genai.CreateBatchJobConfig{DisplayName: displayName, Dest: &genai.BatchJobDestination{Format: "jsonl", GCSURI: "gs://b/out/"}})
	must(t, err)
	return made
}

// wait returns the job as it is once it has ended.
func wait(t *testing.T, client *genai.Client, name string) (job *genai.BatchJob) {
	t.Helper()
	eventually(t, "the end of "+name, func() bool {
		var err error
		job, err = client.Batches.Get(t.Context(), name, nil)
		must(t, err)
		return job.State != genai.JobState(statePending) && job.State != genai.JobState(stateRunning) && job.State != genai.JobState(stateCancelling)
	})
	return job
}

// list returns the display names of all jobs that a filter leaves, in pages of two.
func list(t *testing.T, client *genai.Client, filter string) (names []string) {
	t.Helper()
	page, err := client.Batches.List(t.Context(), &genai.ListBatchJobsConfig{PageSize: 2, Filter: filter})
	for ; err == nil; page, err = page.Next(t.Context()) {
		if len(page.Items) > 2 {
			t.Errorf("a page of %d", len(page.Items))
		}
		for _, job := range page.Items {
			names = append(names, job.DisplayName)
		}
	}
	if !strings.Contains(err.Error(), genai.ErrPageDone.Error()) {
		t.Fatal(err)
	}
	return names
}

// call makes a request without the SDK and returns status and JSON answer.
func call(t *testing.T, s *Server, method, path, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	must(t, err)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	out := map[string]any{}
	must(t, json.NewDecoder(resp.Body).Decode(&out))
	return resp.StatusCode, out
}

// eventually fails the test if the condition does not come true within a minute.
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
