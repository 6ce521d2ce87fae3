package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"example.com/gemini-webhook/internal/archive"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
)

var (
	errRunning = errors.New("the Gemini API says that the batch still runs")
	errNoForm  = errors.New("the job names a file of results in a form that is not files/<id>")
	errOther   = errors.New("what Gemini has now differs from the copy that was worked on and is gone; delete the batch's state to start over, and redrive")

	errInFile = errors.New("the results are in a file") // not for others: it ends a copy
)

// copied gives the copy of what the Gemini API has, and makes it where there is none.
func (f *Finder) copied(ctx context.Context, e *event.Event) (archive.Copy, *Job, error) {
	found, err := f.Archive.Find(ctx, item(e.Key, ""))
	file := f.Files.Name(e.Pointer)
	switch {
	case err == nil, !errors.Is(err, object.ErrNotFound):
		return found, f.job(ctx, e), err
	case file != "":
		found, err = f.copyFile(ctx, e.Key, file)
		return found, f.job(ctx, e), err
	}
	found, job, err := f.copyJob(ctx, e)
	if missing := errors.Is(err, object.ErrNotFound); missing && e.Pointer != "" {
		err = object.ErrUnknownPointer
	}
	return found, job, err
}

// copyJob copies what an event's job has, or names.
func (f *Finder) copyJob(ctx context.Context, e *event.Event) (archive.Copy, *Job, error) {
	name := object.BatchName(e.ResourceID)
	if name == "" {
		return archive.Copy{}, nil, fmt.Errorf("the event has no pointer and no batch's id: %w", object.ErrNotFound)
	}
	found, job, err := f.copyList(ctx, e.Key, name)
	switch {
	case err == nil && job == nil: // another was faster
		return found, f.job(ctx, e), nil
	case job == nil && errors.Is(err, object.ErrNotFound):
		found, err = f.copyFile(ctx, e.Key, "files/batch-"+strings.TrimPrefix(name, "batches/"))
		if errors.Is(err, object.ErrDenied) { // the same key was let ask for the job
			err = errors.Join(err, object.ErrNotFound)
		}
		return found, nil, err
	case job == nil:
		return archive.Copy{}, nil, err
	case errors.Is(err, errInFile):
		if file := f.Files.Name(job.ResponsesFile); file != "" {
			found, err = f.copyFile(ctx, e.Key, file)
		} else {
			err = errNoForm
		}
	}
	return found, job, err
}

// copyList copies the inline results of a job, and gives the job where it was read. The
// error is errInFile where they are in a file.
func (f *Finder) copyList(ctx context.Context, key, name string) (copied archive.Copy, job *Job, err error) {
	copied, err = f.Archive.Keep(ctx, item(key, name), func(w io.Writer) error {
		read, err := f.Jobs.Read(ctx, name, w)
		if err != nil {
			return err
		}
		job = &read
		return read.listed()
	})
	return copied, job, err
}

// listed is nil where a job has a list of results. A job that ended otherwise than by
// success has the results that it has: the event says that there are some.
func (j *Job) listed() error {
	switch {
	case !j.ended():
		return errRunning
	case j.ResponsesFile != "":
		return errInFile
	case !j.Inline:
		return &object.Unreadable{Code: object.ErrNoResults.Code, Message: strings.TrimSpace(object.ErrNoResults.Message + "; " + j.State)}
	}
	return nil
}

// ended reports whether there are no more results to come.
func (j *Job) ended() bool {
	return event.TypeOf(j.State) != "" || j.Done || j.State == "" && (j.Inline || j.ResponsesFile != "")
}

// copyFile copies a file of the Gemini API.
func (f *Finder) copyFile(ctx context.Context, key, name string) (archive.Copy, error) {
	return f.Archive.Keep(ctx, item(key, name), func(w io.Writer) error {
		body, err := f.Files.Open(ctx, name)
		if err != nil {
			return err
		}
		defer body.Close()
		if _, err := io.Copy(w, body); err != nil {
			return fmt.Errorf("copy %s: %w", name, err)
		}
		return nil
	})
}

// CopyAgain gives the copy that a plan was made of, under whatever generation, where
// the one that the plan names is gone. Where there is none it is made again, while
// Gemini has it: else the error is object.ErrNotFound, as where it has other content.
func (f *Finder) CopyAgain(ctx context.Context, key string, o object.Object) (object.Object, error) {
	var found archive.Copy
	var err error
	switch {
	case f.Jobs == nil:
		found, err = f.Archive.Find(ctx, item(key, ""))
	case strings.HasPrefix(o.Origin, "batches/"):
		found, _, err = f.copyList(ctx, key, o.Origin)
	default:
		found, err = f.copyFile(ctx, key, o.Origin)
	}
	var none *object.Unreadable
	switch {
	case errors.Is(err, object.ErrDenied), errors.As(err, &none):
		return object.Object{}, fmt.Errorf("%w: %w", err, object.ErrNotFound)
	case err != nil:
		return object.Object{}, err
	}
	if found.Origin != o.Origin || found.Size != o.Size || found.CRC32C != o.CRC32C {
		return object.Object{}, fmt.Errorf("read %s: %w: %w", o.URI(), errOther, object.ErrNotFound)
	}
	return found.Object, nil
}

func item(key, origin string) archive.Item {
	return archive.Item{Key: key, File: archive.Results, Origin: origin, ContentType: "application/jsonl"}
}
