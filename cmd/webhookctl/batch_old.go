package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/endpoint"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/gcp/storage"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/retry"
	"example.com/gemini-webhook/internal/source"
)

// oldBatch is the batch whose requests are to be sent again.
type oldBatch struct {
	name, key   string // key: in the state bucket
	displayName string
	model       string
	requested   int64 // how many requests it had; 0 where that is not known

	metadata        map[string]any
	metadataKnown   bool
	withoutMetadata bool // its API has none

	results []part
	inline  bool   // the results are a list, in the order of the requests
	input   string // files/<id>; "" where it is not known

	service retry.Service
}

// title is what the new batch's name says of the old one.
func (o *oldBatch) title() string {
	return cmp.Or(o.displayName, o.name[strings.LastIndexByte(o.name, '/')+1:])
}

// part is an object of results, or an input. It may be read several times.
type part struct {
	name string // where it was first
	open func(context.Context) (body io.ReadCloser, size int64, err error)
}

// read reads a part to its end.
func (p part) read(ctx context.Context, from func(r io.Reader, size int64) error) error {
	body, size, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := from(body, size); err != nil {
		return fmt.Errorf("read %s: %w", p.name, err)
	}
	return nil
}

// retryClients are what a retry works with.
type retryClients struct {
	*services
	storage *storage.Client
	state   *storage.State // nil: there is no state bucket
	files   []*os.File     // temporary
}

// connect connects. It makes no call yet.
func (b batchRetry) connect(ctx context.Context) (c *retryClients, err error) {
	c = &retryClients{}
	if vertexName.MatchString(b.Batch) {
		c.services, err = b.dial(ctx)
	} else if object.BatchName(b.Batch) == "" {
		return nil, usage("BATCH is batches/ID, or projects/P/locations/L/batchPredictionJobs/N of Vertex AI")
	} else {
		c.services, err = b.geminiFlags.connect(ctx)
	}
	if err != nil {
		return nil, err
	}
	for _, uri := range b.URI {
		if _, err := endpoint.Parse(uri); err != nil {
			return nil, errors.Join(usage("--uri %w", err), c.services.Close())
		}
	}
	if c.storage, err = storage.NewClient(ctx); err != nil {
		return nil, errors.Join(err, c.services.Close())
	}
	if b.StateBucket != "" {
		c.state = c.storage.State(b.StateBucket)
	}
	return c, nil
}

func (c *retryClients) Close() {
	for _, f := range c.files {
		f.Close()
		os.Remove(f.Name())
	}
	c.storage.Close()
	c.services.Close()
}

// temporary makes a file that Close removes.
func (c *retryClients) temporary() (*os.File, error) {
	f, err := os.CreateTemp("", "webhookctl-*.jsonl")
	if err != nil {
		return nil, fmt.Errorf("make a temporary file: %w", err)
	}
	c.files = append(c.files, f)
	return f, nil
}

var vertexName = regexp.MustCompile(`^projects/[a-z0-9:.-]+/locations/[a-z0-9-]+/batchPredictionJobs/[0-9]+$`)

// find finds what is known of the batch: where its results are, in the state bucket or
// with its API.
func (c *retryClients) find(ctx context.Context, b batchRetry) (*oldBatch, error) {
	if vertexName.MatchString(b.Batch) {
		return c.findVertex(ctx, b)
	}
	old := &oldBatch{name: object.BatchName(b.Batch)}
	old.key = event.JobKey(event.OriginGeminiAPI, old.name)
	old.service = c.newBatches
	if err := c.planned(ctx, old); err != nil {
		return nil, err
	}
	var list *os.File
	var lines io.Writer
	if old.results == nil {
		var err error
		if list, err = c.temporary(); err != nil {
			return nil, err
		}
		lines = list
	}
	job, err := c.batches.Read(ctx, old.name, lines)
	if errors.Is(err, object.ErrNotFound) && old.results != nil {
		return old, nil // it is known all the same
	}
	if err != nil {
		return nil, err
	}
	old.describe(job.Batch)
	old.input = job.InputFile
	if !old.metadataKnown && job.UserMetadata != "" {
		if err := json.Unmarshal([]byte(job.UserMetadata), &old.metadata); err != nil {
			return nil, fmt.Errorf("read the user_metadata of %s: %w", old.name, err)
		}
		old.metadataKnown = true
	}
	if old.results != nil {
		return old, nil
	}
	return old, c.resultsOf(old, job, list)
}

// describe takes what an API says of a batch, where it is not known yet.
func (o *oldBatch) describe(b outcome.Batch) {
	o.displayName, o.model = cmp.Or(o.displayName, b.DisplayName), cmp.Or(o.model, b.Model)
	o.requested = cmp.Or(o.requested, b.Requested)
}

// resultsOf finds the results with the Gemini API.
func (c *retryClients) resultsOf(old *oldBatch, job source.Job, list *os.File) error {
	file := c.geminiFiles.Name(job.ResponsesFile)
	old.inline = file == "" && job.Inline
	switch {
	case file != "":
		old.results = []part{{file, func(ctx context.Context) (io.ReadCloser, int64, error) {
			body, err := c.geminiFiles.Open(ctx, file)
			return body, -1, err
		}}}
	case old.inline:
		old.results = []part{{old.name, local(list.Name())}}
	case !job.Done:
		return fmt.Errorf("%s has not ended: %s", old.name, cmp.Or(job.State, "state unknown"))
	default:
		return fmt.Errorf("%s has no results any more, or never had any: %s", old.name, cmp.Or(job.State, "state unknown"))
	}
	return nil
}

// stored opens an object of Cloud Storage, decompressed.
func (c *retryClients) stored(o object.Object) func(context.Context) (io.ReadCloser, int64, error) {
	all := object.Location{Bucket: o.Bucket}
	objects := object.Store{Storage: c.storage, Files: c.geminiFiles, Allowed: object.Allowed{Locations: []object.Location{all}}}
	if o.Origin != "" {
		objects.Allowed = object.Allowed{Archive: all}
	}
	return func(ctx context.Context) (io.ReadCloser, int64, error) { return objects.Open(ctx, o, 0, 0) }
}

// objects are the results under a pointer into Cloud Storage.
func (c *retryClients) objects(ctx context.Context, pointer string) (parts []part, err error) {
	bucket, _, _ := strings.Cut(strings.TrimPrefix(pointer, "gs://"), "/")
	store := object.Store{Storage: c.storage, Allowed: object.Allowed{Locations: []object.Location{{Bucket: bucket}}}}
	found, err := store.Find(ctx, pointer)
	if err != nil {
		return nil, err
	}
	for _, o := range found {
		parts = append(parts, part{o.URI(), c.stored(o)})
	}
	return parts, nil
}

// planned takes what the state bucket knows: the plan of the batch's event. Results
// that are gone count as not known.
func (c *retryClients) planned(ctx context.Context, old *oldBatch) error {
	plan, err := c.plan(ctx, old.key)
	if plan == nil || err != nil {
		return err
	}
	if plan.Batch != nil {
		old.describe(*plan.Batch)
	}
	e, err := plan.Decoded()
	if err != nil {
		return err
	}
	old.metadata, old.metadataKnown = retry.Metadata(e), true
	old.inline = plan.Listed()
	var parts []part
	for _, o := range plan.Objects {
		if ok, err := c.there(ctx, o.Object); err != nil || !ok {
			return err
		}
		parts = append(parts, part{cmp.Or(o.Origin, o.URI()), c.stored(o.Object)})
	}
	old.results = parts
	return nil
}

// there reports whether an object of a plan is still what it was.
func (c *retryClients) there(ctx context.Context, o object.Object) (bool, error) {
	if o.InFilesAPI() {
		return true, nil
	}
	now, err := c.storage.Stat(ctx, o.Bucket, o.Name)
	if errors.Is(err, object.ErrNotFound) {
		return false, nil
	}
	return now.Generation == o.Generation, err
}

// plan is the plan of a job's event; nil where the state bucket does not know it.
func (c *retryClients) plan(ctx context.Context, job string) (*batch.Plan, error) {
	if c.state == nil {
		return nil, nil
	}
	state := batch.NewState(c.state)
	owner, err := state.Owner(ctx, job)
	if owner.Key == "" || err != nil {
		return nil, err
	}
	plan, err := state.Stored(ctx, owner.Key)
	if errors.Is(err, batch.ErrNotFound) {
		return nil, nil
	}
	return plan, err
}
