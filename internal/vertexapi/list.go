// Package vertexapi lists the batch prediction jobs of Vertex AI, which tells nobody
// when they end, and makes new ones of what failed (Client). It reads nothing else
// there: their results are in Cloud Storage.
//
// It talks to GOOGLE_VERTEX_BASE_URL where that is set, as the SDK does, and asks for
// no credentials where that is plain http on this machine.
package vertexapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/endpoint"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/source"
)

const (
	pageSize    = 100
	maxPages    = 2000 // a list that does not end is an error
	pageTimeout = time.Minute
	tries       = 3   // of one request
	firstPause  = 1.0 // seconds between two of them, doubling, and as much by chance

	// longestJob is more than a job lives: three days in the queue and a day at work
	// (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/batch-prediction-gemini).
	longestJob = 14 * 24 * time.Hour
)

var (
	errBaseURL   = fmt.Errorf("the address of Vertex AI (GOOGLE_VERTEX_BASE_URL) %w", endpoint.ErrInsecure)
	errClient    = errors.New("there are no Application Default Credentials that can be used; run as a service account, or see gcloud auth application-default login")
	errSameToken = errors.New("the list does not end: the token of a page came again")
	errManyPages = fmt.Errorf("the list has more than %d pages", maxPages)
)

// Jobs are the batch prediction jobs of one location.
type Jobs struct {
	client   *genai.Client
	location string
}

// New gives the jobs of a project's location, such as "europe-west4" or "global". It
// looks for credentials and makes no call to Vertex AI yet.
func New(ctx context.Context, project, location string) (*Jobs, error) {
	return newJobs(ctx, project, location, firstPause)
}

func newJobs(ctx context.Context, project, location string, pause float64) (*Jobs, error) {
	attempts := int32(tries)
	client, err := connect(ctx, project, location, readable, &genai.HTTPRetryOptions{Attempts: &attempts, InitialDelay: &pause, Jitter: &pause})
	if err != nil {
		return nil, err
	}
	return &Jobs{client, location}, nil
}

// connect gives the SDK's client, which reads what is readable of an answer.
func connect(ctx context.Context, project, location string, readable func([]byte) ([]byte, error), retries *genai.HTTPRetryOptions) (*genai.Client, error) {
	config := &genai.ClientConfig{
		Backend: genai.BackendVertexAI, Project: project, Location: location, HTTPOptions: genai.HTTPOptions{RetryOptions: retries},
	}
	if base := os.Getenv("GOOGLE_VERTEX_BASE_URL"); base != "" {
		address, err := endpoint.Parse(base)
		if err != nil {
			return nil, errBaseURL
		}
		if address.Scheme == "http" {
			config.HTTPClient = &http.Client{}
		}
	}
	client, err := genai.NewClient(ctx, config)
	if err != nil { // its text may show the whole configuration
		return nil, errClient
	}
	// The client of the SDK has the credentials, which are for the API's host alone.
	carrier := client.ClientConfig().HTTPClient
	carrier.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if carrier.Transport == nil {
		carrier.Transport = http.DefaultTransport
	}
	carrier.Transport = slim{carrier.Transport, readable}
	return client, nil
}

// List gives every job that may have ended since a time to visit, in the API's order.
// After an error, of visit or of the API, some of them were given.
//
// The API can filter by the time of creation alone, so jobs that ended earlier are
// among them.
func (j *Jobs) List(ctx context.Context, since time.Time, visit func(source.Job) error) error {
	config := &genai.ListBatchJobsConfig{
		PageSize: pageSize,
		Filter:   fmt.Sprintf(`create_time>="%s"`, since.Add(-longestJob).UTC().Format(time.RFC3339)),
	}
	seen := map[string]bool{"": true}
	for range maxPages {
		page, err := j.page(ctx, config)
		if err != nil {
			return fmt.Errorf("list batch prediction jobs in %s: %w", j.location, describe(err))
		}
		for _, job := range page.Items {
			if err := visit(read(job)); err != nil {
				return err
			}
		}
		switch next := page.NextPageToken; {
		case next == "":
			return nil
		case seen[next]:
			return fmt.Errorf("list batch prediction jobs in %s: %w", j.location, errSameToken)
		default:
			config.PageToken, seen[next] = next, true
		}
	}
	return fmt.Errorf("list batch prediction jobs in %s: %w", j.location, errManyPages)
}

// Probe asks for one job: nil where whoever asks may list them.
func (j *Jobs) Probe(ctx context.Context) error {
	if _, err := j.page(ctx, &genai.ListBatchJobsConfig{PageSize: 1}); err != nil {
		return fmt.Errorf("list batch prediction jobs in %s: %w", j.location, describe(err))
	}
	return nil
}

func (j *Jobs) page(ctx context.Context, config *genai.ListBatchJobsConfig) (genai.Page[genai.BatchJob], error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	return j.client.Batches.List(ctx, config)
}

// read makes ours of a job of the SDK's.
func read(from *genai.BatchJob) source.Job {
	job := source.Job{
		Batch: outcome.Batch{
			Name: from.Name, DisplayName: from.DisplayName, Model: from.Model, State: string(from.State),
			Created: stamp(from.CreateTime), Ended: stamp(from.EndTime),
		},
		Updated: stamp(from.UpdateTime), ResponsesFile: results(from),
	}
	if from.Error != nil {
		job.Error = &event.Error{Message: from.Error.Message}
		if from.Error.Code != nil {
			job.Error.Code = fmt.Sprint(*from.Error.Code)
		}
	}
	if c := from.CompletionStats; c != nil && c.IncompleteCount >= 0 { // -1: not known
		job.Requested, job.HasRequested = c.SuccessfulCount+c.FailedCount+c.IncompleteCount, true
	}
	return job
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// results is where a job says that it wrote: a directory, which is not what was asked
// for but a new one below it, or a table.
func results(from *genai.BatchJob) string {
	if out := from.OutputInfo; out != nil {
		switch {
		case out.GCSOutputDirectory != "":
			return strings.TrimSuffix(out.GCSOutputDirectory, "/") + "/"
		case strings.HasPrefix(out.BigqueryOutputTable, "bq://"):
			return out.BigqueryOutputTable
		}
	}
	if from.Dest != nil {
		return from.Dest.BigqueryURI
	}
	return ""
}
