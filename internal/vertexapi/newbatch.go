package vertexapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/retry"
)

const callTimeout = time.Minute // one call; none is repeated

// Client reads and makes single jobs in one project and location.
type Client struct{ client *genai.Client }

// NewClient gives the jobs of a project's location to who retries them. It looks for
// credentials and makes no call to Vertex AI yet.
func NewClient(ctx context.Context, project, location string) (*Client, error) {
	client, err := connect(ctx, project, location, withoutErrors, nil)
	if err != nil {
		return nil, err
	}
	return &Client{client}, nil
}

// withoutErrors leaves the errors of jobs out of an answer, which the SDK cannot read
// where they have details.
func withoutErrors(body []byte) ([]byte, error) {
	var answer map[string]json.RawMessage
	if json.Unmarshal(body, &answer) != nil {
		return nil, errAnswer
	}
	delete(answer, "error")
	if list, ok := answer["batchPredictionJobs"]; ok {
		var jobs []map[string]json.RawMessage
		if json.Unmarshal(list, &jobs) != nil {
			return nil, errAnswer
		}
		for _, job := range jobs {
			delete(job, "error")
		}
		var err error
		if answer["batchPredictionJobs"], err = json.Marshal(jobs); err != nil {
			return nil, err
		}
	}
	return json.Marshal(answer)
}

// Job is a batch prediction job as the API has it. What it does not say is empty.
type Job struct {
	Name        string // with the project's number
	DisplayName string
	Model       string
	State       string
	Ended       bool
	Inputs      []string // gs://…
	Output      string   // the prefix that was asked for
	Results     string   // the directory below it that was made
}

// Get reads a job by its name, or object.ErrNotFound.
func (c *Client) Get(ctx context.Context, name string) (Job, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	got, err := c.client.Batches.Get(ctx, name, nil)
	if err != nil {
		return Job{}, describeCall(err, "read "+name)
	}
	job := Job{Name: got.Name, DisplayName: got.DisplayName, Model: got.Model, State: string(got.State)}
	switch got.State {
	case genai.JobStateSucceeded, genai.JobStatePartiallySucceeded, genai.JobStateFailed, genai.JobStateCancelled, genai.JobStateExpired:
		job.Ended = true
	}
	if got.Src != nil {
		job.Inputs = got.Src.GCSURI
	}
	if got.Dest != nil {
		job.Output = got.Dest.GCSURI
	}
	if got.OutputInfo != nil {
		job.Results = got.OutputInfo.GCSOutputDirectory
	}
	return job, nil
}

// Named gives the names of all jobs that are called so.
func (c *Client) Named(ctx context.Context, displayName string) (names []string, err error) {
	config := &genai.ListBatchJobsConfig{Filter: "display_name=" + strconv.Quote(displayName)}
	page, err := c.client.Batches.List(ctx, config)
	for ; err == nil; page, err = page.Next(ctx) {
		for _, job := range page.Items {
			if job.DisplayName == displayName {
				names = append(names, job.Name)
			}
		}
		if page.NextPageToken == "" {
			return names, nil
		}
	}
	return nil, describeCall(err, "list jobs")
}

// Create makes a job whose results go below a prefix. It asks once; an error that is no
// retry.ErrRefused leaves open whether there is a job now.
func (c *Client) Create(ctx context.Context, job retry.Job, output string) (name string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	made, err := c.client.Batches.Create(ctx, job.Model,
		&genai.BatchJobSource{Format: "jsonl", GCSURI: []string{job.File}},
		&genai.CreateBatchJobConfig{DisplayName: job.DisplayName, Dest: &genai.BatchJobDestination{Format: "jsonl", GCSURI: output}})
	if err != nil {
		return "", describeCall(err, "create the job")
	}
	return made.Name, nil
}

// describeCall tells the status of an answer. It does not quote it.
func describeCall(err error, what string) error {
	answer, ok := errors.AsType[genai.APIError](err)
	if !ok {
		return fmt.Errorf("%s: %w", what, describe(err))
	}
	text := fmt.Sprintf("%s: status %d", what, answer.Code)
	if statusWord.MatchString(answer.Status) {
		text += " " + answer.Status
	}
	switch {
	case answer.Code == http.StatusNotFound:
		return fmt.Errorf("%s: %w: %w", text, retry.ErrRefused, object.ErrNotFound)
	case answer.Code/100 != 4, answer.Code == http.StatusRequestTimeout, answer.Code == http.StatusConflict:
		return errors.New(text) // perhaps done
	}
	return fmt.Errorf("%s: %w", text, retry.ErrRefused)
}
