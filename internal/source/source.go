// Package source finds the results of a succeeded batch (contract, "Where results
// are"): the event's pointer, the job that the Gemini API has, the file that it names
// or its list. What Gemini would delete it copies into the archive, as it streams.
//
// It works once for a batch, before its plan is made, and again where a copy was
// deleted. It does not look into lines.
package source

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"example.com/gemini-webhook/internal/archive"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
)

// Job is what the Gemini API says of a batch. What it does not say is empty.
type Job struct {
	outcome.Batch
	Updated string // RFC 3339
	Done    bool
	Error   *event.Error // why it failed

	UserMetadata string // of its webhook_config, a JSON object, verbatim

	ResponsesFile string // where the results are: "files/<id>", of Vertex AI's jobs "gs://…/" or "bq://…"
	Inline        bool   // there was a list of results, perhaps an empty one
	Items         int    // of that list

	InputFile string // "files/<id>": where its requests are, if they are in a file
}

// Jobs are the batches of the Gemini API.
type Jobs interface {
	// Read reads a batch ("batches/<id>"), or object.ErrNotFound. Inline results go to
	// lines, as they come; nil: nobody wants them.
	Read(ctx context.Context, name string, lines io.Writer) (Job, error)
}

// Files is the Files service of the Gemini API.
type Files interface {
	// Name gives "files/<id>" of a file's name or address, "" of anything else.
	Name(text string) string
	// Open reads a file from its start; one that is not there is object.ErrNotFound or,
	// for the API does not say which, object.ErrDenied.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
}

// Finder finds results.
type Finder struct {
	Objects *object.Store
	Archive *archive.Store
	Jobs    Jobs  // nil without an API key, as Files
	Files   Files // nil without an API key
	Log     *slog.Logger
}

// Results are where the results of a batch stand.
type Results struct {
	URI     string // of a copy its own, else the event's pointer
	Origin  string // of a copy: what it was made of
	Objects []object.Object
	Batch   *outcome.Batch // what the API says of the job; nil where it was not asked, or did not say
	OfJob   bool           // the API says that they are the job's: the event may be anybody's word
}

// Find finds the results that an event announces, and copies them where Gemini would
// delete them; a copy that exists is used. The error is an *object.Unreadable where
// they are never to be read; others may pass. Batch is given with an error, too.
func (f *Finder) Find(ctx context.Context, e *event.Event) (Results, error) {
	switch {
	case object.InStorage(e.Pointer):
		objects, err := f.Objects.Find(ctx, e.Pointer)
		return Results{URI: e.Pointer, Objects: objects, Batch: f.Batch(ctx, e)}, err
	case e.Origin == event.OriginVertexAPI: // it has no results but in Cloud Storage
		if e.Pointer == "" {
			return Results{Batch: f.Batch(ctx, e)}, object.ErrNoResults
		}
		return Results{Batch: f.Batch(ctx, e)}, object.ErrUnknownPointer
	case f.Jobs != nil:
	case e.Pointer == "" || object.FileName(e.Pointer) != "":
		return Results{}, object.ErrNoAPIKey
	default:
		return Results{}, object.ErrUnknownPointer
	}
	copied, job, err := f.copied(ctx, e)
	found := Results{Batch: batchOf(e, job)}
	if err == nil {
		found.URI, found.Origin, found.Objects = copied.URI(), copied.Origin, []object.Object{copied.Object}
		found.OfJob = job != nil && (copied.Origin == object.BatchName(e.ResourceID) || copied.Origin == f.Files.Name(job.ResponsesFile))
	}
	return found, err
}

// Batch gives what is known of an event's job: what the Gemini API says or, of one that
// was reconciled, said. It is nil where there is no API key, where the event's id is none
// that is asked for, or the job cannot be read: the outcomes are published without. Its
// inline results are not kept.
func (f *Finder) Batch(ctx context.Context, e *event.Event) *outcome.Batch {
	return batchOf(e, f.job(ctx, e))
}

// batchOf prefers what a job that was read says.
func batchOf(e *event.Event, job *Job) *outcome.Batch {
	if job != nil {
		return &job.Batch
	}
	return (*outcome.Batch)(e.Batch)
}

// job reads an event's job, nil where it cannot be read.
func (f *Finder) job(ctx context.Context, e *event.Event) *Job {
	name := object.BatchName(e.ResourceID)
	if f.Jobs == nil || name == "" {
		return nil
	}
	job, err := f.Jobs.Read(ctx, name, nil)
	if err == nil {
		return &job
	}
	if !errors.Is(err, object.ErrNotFound) && ctx.Err() == nil {
		f.Log.WarnContext(ctx, "outcomes are without batch, for its job could not be read", "event_id", e.ID, "error", err.Error())
	}
	return nil
}
