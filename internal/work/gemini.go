package work

import (
	"context"
	"errors"
	"io"
	"strconv"

	"example.com/gemini-webhook/internal/archive"
	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
)

// Gemini is the Gemini API. Its errors wrap object's where they are definite answers.
type Gemini struct {
	Interactions Interactions
	Operations   Operations
	Files        Files
}

// Interactions reads interactions.
type Interactions interface {
	// Read reads one. An answer of over limit bytes is no Resource but goes to overflow,
	// which need not call write.
	Read(ctx context.Context, id string, limit int, overflow func(write func(io.Writer) error) error) (outcome.Interaction, error)
}

// Operations reads the operations that generate videos.
type Operations interface {
	// Videos gives those of an operation, at least one; its error is an
	// *object.Unreadable where there will be none.
	Videos(ctx context.Context, name string) ([]event.Video, error)
}

// Files downloads files.
type Files interface {
	// Download reads "files/<id>".
	Download(ctx context.Context, name string) (body io.ReadCloser, contentType string, err error)
	// Name gives "files/<id>" of a file's name or address, "" of anything else.
	Name(text string) string
}

// reason is what an outcome says of an error of the Gemini API or the archive. It is
// nil where the message is to be delivered again: an outage may pass, as long as this
// is not the last attempt but one.
func (w *Worker) reason(t batch.Task, err error) *outcome.Error {
	for _, known := range []struct {
		is       error
		code     string
		definite bool
	}{
		{object.ErrNotFound, "not_found", true},
		{object.ErrDenied, "denied", true},
		{object.ErrName, object.ErrUnknownPointer.Code, true},
		{object.ErrRefused, "refused", false},
		{err, "unavailable", false},
	} {
		switch {
		case !errors.Is(err, known.is):
		case known.definite, t.Attempt >= w.MaxAttempts-1:
			return &outcome.Error{Code: known.code, Message: err.Error()}
		}
	}
	return nil
}

// keep gives the copy of an item, and makes it where there is none.
func (w *Worker) keep(ctx context.Context, item archive.Item, write func(io.Writer) error) (*outcome.Archived, error) {
	made, err := w.Archive.Keep(ctx, item, write)
	if err != nil {
		return nil, err
	}
	return archived(made), nil
}

func archived(c archive.Copy) *outcome.Archived {
	return &outcome.Archived{URI: c.URI(), Generation: strconv.FormatInt(c.Generation, 10), Bytes: c.Size, ContentType: c.ContentType}
}
