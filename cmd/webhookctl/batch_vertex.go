package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"example.com/gemini-webhook/internal/archive"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/gcp/storage"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/retry"
	"example.com/gemini-webhook/internal/vertexapi"
)

// vertexBatches makes the jobs of a retry where the old one was.
type vertexBatches struct {
	*vertexapi.Client
	bucket *storage.Archive // of its input
	input  string           // gs://bucket/folder/
	output string
	origin string
}

// findVertex finds a job of Vertex AI. Its project may be named by its number: what the
// API calls it is its name.
func (c *retryClients) findVertex(ctx context.Context, b batchRetry) (*oldBatch, error) {
	if len(b.URI) > 0 {
		return nil, usage("--uri: Vertex AI knows no webhooks")
	}
	segments := strings.Split(b.Batch, "/")
	api, err := vertexapi.NewClient(ctx, segments[1], segments[3])
	if err != nil {
		return nil, err
	}
	job, err := api.Get(ctx, b.Batch)
	if err != nil {
		return nil, err
	}
	if len(job.Inputs) == 0 || !object.InStorage(job.Inputs[0]) || job.Output == "" {
		return nil, fmt.Errorf("%s has its input or output elsewhere than in Cloud Storage, which is not retried", job.Name)
	}
	old := &oldBatch{name: job.Name, key: event.JobKey(event.OriginVertexAPI, job.Name), withoutMetadata: true}
	old.describe(outcome.Batch{DisplayName: job.DisplayName, Model: job.Model})
	first := job.Inputs[0]
	bucket, _, _ := strings.Cut(strings.TrimPrefix(first, "gs://"), "/")
	old.service = vertexBatches{api, c.storage.Archive(bucket), first[:strings.LastIndexByte(first, '/')+1], job.Output, job.Name}
	if err := c.planned(ctx, old); err != nil || old.results != nil {
		return old, err
	}
	switch {
	case !job.Ended:
		return nil, fmt.Errorf("%s has not ended: %s", job.Name, job.State)
	case job.Results == "":
		return nil, fmt.Errorf("%s has no results: %s", job.Name, job.State)
	}
	old.results, err = c.objects(ctx, strings.TrimSuffix(job.Results, "/")+"/")
	return old, err
}

// Send implements retry.Service: the requests stand beside the old input. Where they do
// already, they are used.
func (v vertexBatches) Send(ctx context.Context, digest string, requests io.Reader) (string, error) {
	uri := v.input + "retry-" + digest + ".jsonl"
	_, name, _ := strings.Cut(strings.TrimPrefix(uri, "gs://"), "/")
	_, err := archive.Once(ctx, v.bucket, name, "application/jsonl", v.origin, func(w io.Writer) error {
		_, err := io.Copy(w, requests)
		return err
	})
	return uri, err
}

// Create implements retry.Service.
func (v vertexBatches) Create(ctx context.Context, job retry.Job) (string, error) {
	return v.Client.Create(ctx, job, v.output)
}
