package vertexapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/localcloud/vertex"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/reconcile"
	"example.com/gemini-webhook/internal/source"
)

const location = "us-central1"

// jobsAt gives the jobs of what serves an address.
func jobsAt(t *testing.T, url string) *Jobs {
	t.Helper()
	t.Setenv("GOOGLE_VERTEX_BASE_URL", url)
	jobs, err := newJobs(t.Context(), "proj", location, 0.001)
	must(t, err)
	return jobs
}

func serve(t *testing.T, handler http.HandlerFunc) *Jobs {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return jobsAt(t, s.URL)
}

func list(t *testing.T, jobs *Jobs, since time.Time) (all []source.Job, err error) {
	t.Helper()
	err = jobs.List(t.Context(), since, func(job source.Job) error {
		all = append(all, job)
		return nil
	})
	return all, err
}

// storage is where the simulator's jobs read one request, and write.
type storage struct{}

func (storage) Open(context.Context, string, string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(`{"request":{"contents":[{"role":"user","parts":[{"text":"question"}]}]}}` + "\n")), nil
}

func (storage) Write(_ context.Context, _, _ string, data io.Reader) error {
	_, err := io.Copy(io.Discard, data)
	return err
}

// TestJobsOfTheSimulator: jobs that ended in every way, made by the SDK.
func TestJobsOfTheSimulator(t *testing.T) {
	ends := []vertex.State{vertex.StateSucceeded, vertex.StatePartiallySucceeded, vertex.StateFailed, vertex.StateExpired, vertex.StateCancelled}
	s, err := vertex.Start(vertex.Options{Project: "proj", Storage: storage{}, TimeScale: 10000, JobFor: func(name string) vertex.JobOptions {
		return vertex.JobOptions{State: vertex.State(name), NoEndTime: name == string(vertex.StateExpired)}
	}})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	jobs := jobsAt(t, s.URL())
	for _, end := range ends {
		_, err := jobs.client.Batches.Create(t.Context(), "gemini-2.5-flash", &genai.BatchJobSource{Format: "jsonl", GCSURI: []string{"gs://b/in.jsonl"}},
			&genai.CreateBatchJobConfig{DisplayName: string(end), Dest: &genai.BatchJobDestination{Format: "jsonl", GCSURI: "gs://b/out"}})
		must(t, err)
	}
	running := func(job source.Job) bool { return !slices.Contains(ends, vertex.State(job.State)) }
	var all []source.Job
	for len(all) < len(ends) || slices.ContainsFunc(all, running) {
		time.Sleep(2 * time.Millisecond)
		all, err = list(t, jobs, time.Now())
		must(t, err)
	}
	for _, job := range all {
		if job.State != job.DisplayName || !strings.HasPrefix(job.Name, "projects/") || job.Created == "" || job.Updated == "" ||
			(job.Ended == "") != (job.State == string(vertex.StateExpired)) || job.Error == nil && job.State == string(vertex.StateFailed) ||
			job.ResponsesFile != "" && (!strings.HasPrefix(job.ResponsesFile, "gs://b/out/") || !strings.HasSuffix(job.ResponsesFile, "/")) {
			t.Errorf("%+v", job)
		}
		if job.State == string(vertex.StateSucceeded) && (job.ResponsesFile == "" || job.Requested != 1) {
			t.Errorf("succeeded: %+v", job)
		}
	}
	if all, err := list(t, jobs, time.Now().Add(longestJob+time.Hour)); len(all) > 0 || err != nil {
		t.Errorf("created too early: %d jobs, %v", len(all), err)
	}
}

// TestJobShapes: what the API's reference and published answers show of jobs, and what
// the SDK cannot read.
func TestJobShapes(t *testing.T) {
	const name = "projects/123/locations/us-central1/batchPredictionJobs/456"
	for answer, want := range map[string]source.Job{
		`{"name":"` + name + `","displayName":"d","model":"publishers/google/models/gemini-2.5-flash","state":"JOB_STATE_SUCCEEDED",
			"inputConfig":{"instancesFormat":"jsonl","gcsSource":{"uris":["gs://b/in.jsonl"]}},
			"outputConfig":{"predictionsFormat":"jsonl","gcsDestination":{"outputUriPrefix":"gs://b/out"}},"modelParameters":{},"labels":{"a":"b"},
			"outputInfo":{"gcsOutputDirectory":"gs://b/out/prediction-model-2026-01-01T00:00:00.000Z"},"completionStats":{"successfulCount":"8","failedCount":"2"},
			"createTime":"2026-01-01T00:00:00.123456Z","startTime":"2026-01-01T01:00:00Z","endTime":"2026-01-01T02:00:00+01:00","updateTime":"2026-01-01T02:00:01Z"}`: {
			Batch: outcome.Batch{Name: name, DisplayName: "d", Model: "publishers/google/models/gemini-2.5-flash", State: "JOB_STATE_SUCCEEDED",
				Created: "2026-01-01T00:00:00.123456Z", Ended: "2026-01-01T01:00:00Z", Requested: 10, HasRequested: true},
			Updated: "2026-01-01T02:00:01Z", ResponsesFile: "gs://b/out/prediction-model-2026-01-01T00:00:00.000Z/"},
		`{"name":"` + name + `","state":"JOB_STATE_FAILED","error":{"code":3,"message":"m","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"R"}]},"completionStats":{"incompleteCount":"-1"}}`: {
			Batch: outcome.Batch{Name: name, State: "JOB_STATE_FAILED"}, Error: &event.Error{Code: "3", Message: "m"}},
		`{"name":"` + name + `","outputInfo":{"gcsOutputDirectory":"gs://b/out/"},"inputConfig":7}`:                                                                                     {Batch: outcome.Batch{Name: name}, ResponsesFile: "gs://b/out/"},
		`{"name":"` + name + `","outputInfo":{"bigqueryOutputTable":"bq://p.d.t"},"outputConfig":{"bigqueryDestination":{"outputUri":"bq://p.d"}}}`:                                     {Batch: outcome.Batch{Name: name}, ResponsesFile: "bq://p.d.t"},
		`{"name":"` + name + `","outputInfo":{"bigqueryOutputTable":"predictions_1"},"outputConfig":{"predictionsFormat":"bigquery","bigqueryDestination":{"outputUri":"bq://p.d.t"}}}`: {Batch: outcome.Batch{Name: name}, ResponsesFile: "bq://p.d.t"},
	} {
		jobs := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if want := "/v1beta1/projects/proj/locations/us-central1/batchPredictionJobs"; r.URL.Path != want || r.FormValue("pageSize") != "100" ||
				r.FormValue("filter") != `create_time>="2025-12-18T00:00:00Z"` || r.Header.Get("Authorization") != "" {
				t.Errorf("asked for %s", r.URL)
			}
			_, _ = io.WriteString(w, `{"batchPredictionJobs":[`+answer+`]}`)
		})
		got, err := list(t, jobs, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		if diff := cmp.Diff([]source.Job{want}, got); diff != "" || err != nil {
			t.Errorf("%s\n%v (-want +got):\n%s", answer, err, diff)
		}
	}
}

// pages serves n jobs.
func pages(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.FormValue("pageToken"))
		var all []string
		for i := from; i < min(from+pageSize, n); i++ {
			all = append(all, fmt.Sprintf(`{"name":"projects/1/locations/l/batchPredictionJobs/%d","state":"JOB_STATE_SUCCEEDED"}`, i))
		}
		next := ""
		if from+pageSize < n {
			next = fmt.Sprint(from + pageSize)
		}
		fmt.Fprintf(w, `{"batchPredictionJobs":[%s],"nextPageToken":%q}`, strings.Join(all, ","), next)
	}
}

func TestManyPages(t *testing.T) {
	asked := 0
	jobs := serve(t, func(w http.ResponseWriter, r *http.Request) { asked++; pages(10_000)(w, r) })
	all, err := list(t, jobs, time.Now())
	must(t, err)
	if len(all) != 10_000 || all[9_999].Name != "projects/1/locations/l/batchPredictionJobs/9999" || asked != 100 {
		t.Errorf("%d jobs of %d pages, want 10000 of 100", len(all), asked)
	}
}

// TestErrors: what each answer means; nothing of it is quoted.
func TestErrors(t *testing.T) {
	const secret = "a secret sentence"
	status := func(code int, word string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			fmt.Fprintf(w, `{"error":{"code":%d,"message":%q,"status":%q}}`, code, secret, word)
		}
	}
	text := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code); _, _ = io.WriteString(w, body) }
	}
	for name, test := range map[string]struct {
		answer  http.HandlerFunc
		lasting bool
		asked   int
		want    string
	}{
		"denied":         {status(403, "PERMISSION_DENIED"), true, 1, "status 403 PERMISSION_DENIED"},
		"no such place":  {status(404, "NOT_FOUND"), true, 1, "status 404 NOT_FOUND"},
		"refused":        {status(400, secret), true, 1, "status 400:"},
		"throttled":      {status(429, "RESOURCE_EXHAUSTED"), false, tries, "status 429 RESOURCE_EXHAUSTED"},
		"down":           {status(503, "UNAVAILABLE"), false, tries, "status 503 UNAVAILABLE"},
		"down, in words": {text(502, secret), false, tries, "status 502"},
		"no JSON":        {text(200, secret), false, tries, errAnswer.Error()},
		"another type":   {text(200, `{"batchPredictionJobs":"`+secret+`"}`), false, tries, errAnswer.Error()},
		"cut":            {text(200, `{"batchPredictionJobs":[{"name":"`), false, tries, errAnswer.Error()},
		"too long":       {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte(" "), maxAnswer+2)) }, false, tries, "an answer of over"},
		"a redirect":     {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, false, 1, "status 302"},
		"the same token": {text(200, `{"nextPageToken":"t"}`), false, 2, errSameToken.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			jobs := serve(t, func(w http.ResponseWriter, r *http.Request) { asked++; test.answer(w, r) })
			_, err := list(t, jobs, time.Now())
			if err == nil || errors.Is(err, reconcile.ErrLasting) != test.lasting || asked != test.asked ||
				!strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), location) {
				t.Errorf("asked %d times: %v", asked, err)
			}
		})
	}
}

// TestListsThatBreak: what came before is given.
func TestListsThatBreak(t *testing.T) {
	jobs := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("pageToken") == "200" {
			w.WriteHeader(403)
			return
		}
		pages(1000)(w, r)
	})
	if all, err := list(t, jobs, time.Now()); len(all) != 200 || !errors.Is(err, reconcile.ErrLasting) {
		t.Errorf("%d jobs, %v, want 200 and an error", len(all), err)
	}
	stop, visited := errors.New("stop"), 0
	err := serve(t, pages(1000)).List(t.Context(), time.Now(), func(source.Job) error { visited++; return stop })
	if err != stop || visited != 1 {
		t.Errorf("%v after %d jobs, want that visit's error ends it", err, visited)
	}
}

func TestNoAnswer(t *testing.T) {
	s := httptest.NewServer(nil)
	jobs := jobsAt(t, s.URL)
	s.Close()
	if _, err := list(t, jobs, time.Now()); err == nil || errors.Is(err, reconcile.ErrLasting) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nobody listens: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := jobs.List(ctx, time.Now(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("told to stop: %v", err)
	}
}

// TestAddresses: credentials are asked for but for http on this machine, and never go by
// http to another one.
func TestAddresses(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/secret-name.json")
	for address, want := range map[string]error{"http://proxy.example": errBaseURL, "https://user@proxy.example": errBaseURL, "https://proxy.example": errClient, "": errClient, "http://127.0.0.1:1": nil} {
		t.Setenv("GOOGLE_VERTEX_BASE_URL", address)
		if _, err := New(t.Context(), "proj", location); err != want {
			t.Errorf("%q: %v, want %v", address, err, want)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
