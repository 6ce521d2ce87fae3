package vertex

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"
)

// endings are jobs by their display names, and how they go.
var endings = map[string]JobOptions{
	"succeeded": {Failed: 1},
	"partially": {State: StatePartiallySucceeded, Failed: 1, Finished: 3},
	"failed":    {State: StateFailed, Finished: 2},
	"expired":   {State: StateExpired},
	"cancelled": {State: StateCancelled, Finished: 1, NoEndTime: true},
	"running":   {Running: true},
}

func TestEnds(t *testing.T) {
	t.Parallel()
	_, storage, client := start(t, Options{JobFor: func(displayName string) JobOptions { return endings[displayName] }})
	for name, want := range map[string]struct {
		state genai.JobState
		stats genai.CompletionStats
		lines int
		code  int32 // of the error
	}{
		"succeeded": {genai.JobStateSucceeded, genai.CompletionStats{SuccessfulCount: 4, FailedCount: 1}, 5, 0},
		"partially": {genai.JobStatePartiallySucceeded, genai.CompletionStats{SuccessfulCount: 2, FailedCount: 1, IncompleteCount: 2}, 3, 0},
		"failed":    {genai.JobStateFailed, genai.CompletionStats{SuccessfulCount: 2, IncompleteCount: 3}, 2, codeInternal},
		"expired":   {genai.JobStateExpired, genai.CompletionStats{IncompleteCount: 5}, 0, 0},
		"cancelled": {genai.JobStateCancelled, genai.CompletionStats{SuccessfulCount: 1, IncompleteCount: 4}, 1, codeCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := create(t, client, name)
			job := wait(t, client, made.Name)
			if diff := cmp.Diff(want.stats, *job.CompletionStats); diff != "" || job.State != want.state {
				t.Errorf("state %s, stats (-want +got):\n%s", job.State, diff)
			}
			if (job.Error != nil) != (want.code != 0) || job.Error != nil && *job.Error.Code != want.code {
				t.Errorf("error %+v, want code %d", job.Error, want.code)
			}
			if !regexp.MustCompile(`^projects/[0-9]+/locations/us-central1/batchPredictionJobs/[0-9]{19}$`).MatchString(job.Name) || made.Name != job.Name {
				t.Errorf("name %s, then %s", made.Name, job.Name)
			}
			if job.EndTime.IsZero() != (name == "cancelled") || job.UpdateTime.Before(job.StartTime) || job.StartTime.Before(job.CreateTime) {
				t.Errorf("times %v %v %v %v", job.CreateTime, job.StartTime, job.UpdateTime, job.EndTime)
			}
			if want, got := want.lines, len(rows(t, storage, job)); got != want {
				t.Errorf("%d rows, want %d", got, want)
			}
		})
	}
}

// rows are the lines that a job wrote below its directory.
func rows(t *testing.T, storage bucket, job *genai.BatchJob) (lines []string) {
	t.Helper()
	directory := job.OutputInfo.GCSOutputDirectory
	if !regexp.MustCompile(`^gs://b/out/prediction-model-20[0-9T:.-]+Z$`).MatchString(directory) {
		t.Fatalf("directory %s", directory)
	}
	for _, o := range storage.List("b", strings.TrimPrefix(directory, "gs://b/")+"/") {
		if !strings.HasSuffix(o.Name, "/predictions.jsonl") {
			t.Errorf("object %s", o.Name)
		}
		for line := range bytes.Lines(o.Data) {
			lines = append(lines, string(line))
		}
	}
	return lines
}

// Rows have the request and its further members as they were, and no order.
func TestRows(t *testing.T) {
	t.Parallel()
	_, storage, client := start(t, Options{JobFor: func(displayName string) JobOptions { return endings[displayName] }})
	var order []string
	for _, line := range rows(t, storage, wait(t, client, create(t, client, "succeeded").Name)) {
		var row struct {
			ID        json.Number `json:"id"`
			Request   json.RawMessage
			Response  genai.GenerateContentResponse
			Status    *string
			Processed string `json:"processed_time"`
		}
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.DisallowUnknownFields()
		must(t, decoder.Decode(&row))
		order = append(order, row.ID.String())
		if want := fmt.Sprintf(`{"contents":[{"role":"user","parts":[{"text":"<%s>"}]}],"labels":{"n":"%[1]s"}}`, row.ID); string(row.Request) != want {
			t.Errorf("request %s, want %s", row.Request, want)
		}
		if _, err := time.Parse(time.RFC3339, row.Processed); err != nil {
			t.Error(err)
		}
		if failed := row.ID == "0"; failed != (*row.Status == refusal) || failed != (len(row.Response.Candidates) == 0) || !failed && row.Response.Text() == "" {
			t.Errorf("row %s: status %q, response %+v", row.ID, *row.Status, row.Response)
		}
	}
	if sorted := slices.Sorted(slices.Values(order)); slices.Equal(order, sorted) || strings.Join(sorted, " ") != "0 1 2 3 4" {
		t.Errorf("rows %v", order)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	_, storage, client := start(t, Options{JobFor: func(displayName string) JobOptions { return endings[displayName] }})
	made := create(t, client, "running")
	eventually(t, "the job to run", func() bool {
		job, err := client.Batches.Get(t.Context(), made.Name, nil)
		must(t, err)
		return job.State == genai.JobStateRunning
	})
	must(t, client.Batches.Cancel(t.Context(), made.Name, nil))
	job := wait(t, client, made.Name)
	if job.State != genai.JobStateCancelled || job.Error == nil || len(rows(t, storage, job)) != 0 {
		t.Errorf("after cancel: %+v", job)
	}
	job = wait(t, client, create(t, client, "succeeded").Name)
	must(t, client.Batches.Cancel(t.Context(), job.Name, nil))
	if job = wait(t, client, job.Name); job.State != genai.JobStateSucceeded {
		t.Errorf("after cancel of one that has ended: %s", job.State)
	}
}

func TestInputRefused(t *testing.T) {
	t.Parallel()
	_, storage, client := start(t, Options{})
	must(t, storage.Write(t.Context(), "b", "bad.jsonl", strings.NewReader(`{"request":{}}`+"\n"+`{"key":"x"}`)))
	must(t, storage.Write(t.Context(), "b", "empty.jsonl", strings.NewReader("\n")))
	for input, message := range map[string]string{
		"gs://b/none.jsonl":  "Unable to read gs://b/none.jsonl.",
		"gs://b/bad.jsonl":   "Line 2 of gs://b/bad.jsonl is not a request.",
		"gs://b/empty.jsonl": "The input has no requests.",
	} {
		job := wait(t, client, create(t, client, "refused", input).Name)
		if job.State != genai.JobStateFailed || job.Error == nil || *job.Error.Code != codeInvalid || job.Error.Message != message ||
			job.OutputInfo != nil || job.CompletionStats.IncompleteCount != -1 {
			t.Errorf("%s: %+v, error %+v", input, job, job.Error)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	s, _, _ := start(t, Options{})
	const jobs = "/v1beta1/projects/test-project/locations/us-central1/batchPredictionJobs"
	const good = `{"displayName":"d","model":"publishers/google/models/m",
		"inputConfig":{"instancesFormat":"jsonl","gcsSource":{"uris":["gs://b/in.jsonl"]}},
		"outputConfig":{"predictionsFormat":"jsonl","gcsDestination":{"outputUriPrefix":"gs://b/out"}}}`
	with := func(old, replacement string) string { return strings.Replace(good, old, replacement, 1) }
	for name, c := range map[string]struct {
		method, path, body string
		want               int
	}{
		"none":                  {"POST", jobs, good, 200},
		"no display name":       {"POST", jobs, with(`"displayName":"d",`, ""), 400},
		"a webhook":             {"POST", jobs, with(`"displayName"`, `"webhookConfig":{},"displayName"`), 400},
		"another model":         {"POST", jobs, with(`publishers/google/models/m`, "m"), 400},
		"BigQuery":              {"POST", jobs, with(`"gcsSource":{"uris":["gs://b/in.jsonl"]}`, `"bigquerySource":{"inputUri":"bq://p.d.t"}`), 400},
		"a wildcard":            {"POST", jobs, with("in.jsonl", "*.jsonl"), 400},
		"no destination":        {"POST", jobs, with("gs://b/out", ""), 400},
		"another project":       {"GET", strings.Replace(jobs, testProject, "other", 1), "", 403},
		"a location":            {"GET", strings.Replace(jobs, "us-central1", "US", 1), "", 400},
		"no job":                {"GET", jobs + "/1", "", 404},
		"cancel of none":        {"POST", jobs + "/1:cancel", "{}", 404},
		"another method":        {"POST", jobs + "/1:pause", "{}", 404},
		"deletion":              {"DELETE", jobs + "/1", "", 404},
		"another version":       {"GET", strings.Replace(jobs, "v1beta1", "v1", 1), "", 404},
		"a page token":          {"GET", jobs + "?pageToken=x", "", 400},
		"a read mask":           {"GET", jobs + "?readMask=name", "", 400},
		"the project's number":  {"GET", strings.Replace(jobs, testProject, "482019375610", 1), "", 200},
		"a filter by update":    {"GET", jobs + "?filter=update_time%3E%222026-01-02T15:04:05Z%22", "", 400},
		"a filter with OR":      {"GET", jobs + "?filter=state%3D%22A%22+OR+state%3D%22B%22", "", 400},
		"a filter without end":  {"GET", jobs + "?filter=state%3D%22A%22+AND+", "", 400},
		"a filter by no time":   {"GET", jobs + "?filter=create_time%3Ctoday", "", 400},
		"a filter by no glob":   {"GET", jobs + "?filter=display_name:%22%5B%22", "", 400},
		"a filter by its order": {"GET", jobs + "?filter=state%3C%22A%22", "", 400},
	} {
		code, out := call(t, s, c.method, c.path, c.body)
		if code != c.want || code >= 400 && out["error"] == nil {
			t.Errorf("%s: %d, want %d: %v", name, code, c.want, out)
		}
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	clock := make(chan time.Time, 1)
	clock <- now
	s, _, client := start(t, Options{
		Now: func() time.Time { at := <-clock; clock <- at.Add(time.Second); return at },
		JobFor: func(displayName string) JobOptions {
			name, _, _ := strings.Cut(displayName, " ")
			return endings[name]
		},
	})
	names := []string{"succeeded", "failed AND more", "succeeded again"}
	var middle time.Time
	for _, name := range names {
		job := wait(t, client, create(t, client, name).Name)
		if name == names[1] {
			middle = job.CreateTime
		}
	}
	create(t, newClient(t, s, "europe-west4"), "elsewhere")
	for filter, want := range map[string]string{
		"":                          "succeeded again, failed AND more, succeeded",
		`state="JOB_STATE_FAILED"`:  "failed AND more",
		`state!=JOB_STATE_FAILED`:   "succeeded again, succeeded",
		`display_name="succeeded"`:  "succeeded",
		`displayName="succeeded"`:   "succeeded",
		`display_name:"succeeded*"`: "succeeded again, succeeded",
		`display_name != "failed AND more" AND state = "JOB_STATE_SUCCEEDED"`:            "succeeded again, succeeded",
		`create_time>="` + middle.Format(time.RFC3339Nano) + `"`:                         "succeeded again, failed AND more",
		`create_time<"` + middle.Format(time.RFC3339Nano) + `" AND display_name!="none"`: "succeeded",
		`state="JOB_STATE_EXPIRED"`: "",
	} {
		if got := strings.Join(list(t, client, filter), ", "); got != want {
			t.Errorf("%s: %s, want %s", filter, got, want)
		}
	}
}

// A test chooses what goes wrong, and counts by routes.
func TestFault(t *testing.T) {
	t.Parallel()
	s, _, client := start(t, Options{})
	s.Fail(func(op Op) *Fault { return &Fault{Status: 503} })
	_, err := client.Batches.List(t.Context(), nil)
	var refused genai.APIError
	if n := s.Count("GET " + collection); !errors.As(err, &refused) || refused.Code != 503 || n == 0 {
		t.Errorf("%v after %d calls", err, n)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	if _, err := Start(Options{TimeScale: -1, Duration: -1}); !errors.Is(err, ErrOptions) || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("every field that is wrong has a line: %v", err)
	}
}
