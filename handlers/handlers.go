// Package handlers is what the two doors do: the public door verifies
// deliveries and queues them (Receiver), the private door works on what is
// queued (Processor), and Doors routes between them (SPEC.md).
//
// It knows no cloud client: the interfaces here are what it needs of them.
package handlers

import (
	"context"
	"io"

	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/progress"
)

// Kinds of queued work, the attribute that the queue's subscriptions filter by.
const (
	kindEvent = "event"
	kindRange = "range"
)

// Queue is the work queue.
type Queue interface {
	// Enqueue returns when all messages are acknowledged; an error means that
	// some may not be queued.
	Enqueue(ctx context.Context, kind string, messages ...[]byte) error
}

// Topic publishes single outcomes.
type Topic interface {
	// Publish returns when m is acknowledged.
	Publish(ctx context.Context, m outcome.Message) error
}

// Stream publishes many outcomes.
type Stream interface {
	// Publish hands m over, waiting while too much is under way; what it
	// returns waits for the acknowledgement.
	Publish(ctx context.Context, m outcome.Message) func(context.Context) error
}

// Objects are the result objects in Cloud Storage.
type Objects interface {
	// Stat describes an object as it is now, or progress.ErrNotFound.
	Stat(ctx context.Context, bucket, name string) (progress.Object, error)
	// List describes, in name order, at most limit of the objects under
	// prefix that want lets through.
	List(ctx context.Context, bucket, prefix string, want func(progress.Object) bool, limit int) ([]progress.Object, error)
	// Open reads length bytes (-1: to the end) of a pinned generation from
	// offset on, as they are stored; progress.ErrNotFound if it is gone.
	Open(ctx context.Context, o progress.Object, offset, length int64) (io.ReadCloser, error)
}

// Files are result files of the Gemini API's Files service.
type Files interface {
	// Open reads a file ("files/<id>") from its start, or progress.ErrNotFound.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
}
