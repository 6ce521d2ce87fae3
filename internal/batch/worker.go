package batch

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/source"
)

// MaxTaskTime is Pub/Sub's longest acknowledgement deadline: after that a
// message is delivered again, whatever we do.
const MaxTaskTime = 600 * time.Second

// grace is what recording, handing on and reporting get after the time for work
// is over.
const grace = 20 * time.Second

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

// Rounds says what follows of a batch of which all lines are published.
type Rounds interface {
	// After says whether lines that failed are to be retried, for which a Range with Retry
	// is queued, and what all rounds came to if this was the last of several, else nil.
	After(ctx context.Context, plan *Plan, counts outcome.Counts) (again bool, settled *outcome.Settled, err error)
}

// Config is what a Worker needs.
type Config struct {
	Queue    Queue
	Outcomes Topic          // outcomes of batches
	Results  Stream         // outcomes of lines
	Source   *source.Finder // of results
	State    *State
	Factory  *outcome.Factory
	Rounds   Rounds // nil: a batch is done with its lines

	Mode         string // Lines or Summary
	ChunkBytes   int64
	MaxLineBytes int64
	MaxAttempts  int // the subscription's: before the last, what fails is reported as batch.incomplete

	Stopping <-chan struct{} // closed when the instance stops
	Now      func() time.Time
	Log      *slog.Logger
}

// Worker does tasks. It may do several at a time.
type Worker struct {
	Config
	// both does two things at the same time: each operation on the state is a round
	// trip, and a batch's start and end are little else. The simulation in the tests
	// has them one after the other.
	both func(a, b func() error) error
}

// NewWorker gives a Worker.
func NewWorker(c Config) *Worker {
	return &Worker{c, func(a, b func() error) error {
		var g errgroup.Group
		g.Go(a)
		g.Go(b)
		return g.Wait()
	}}
}

// Do does one task. Without an error it is finished or handed on; with one it is
// to be done again. No error is permanent, because a redrive after a repair must
// find the message; what the configuration can never read is no error but an
// outcome, batch.unreadable.
func (w *Worker) Do(ctx context.Context, t Task) error {
	switch r := t.Range; {
	case r == nil:
		return w.doEvent(ctx, t)
	case r.Keeper != nil && r.Keeper.Waiting:
		if ready, err := w.wait(ctx, t); err != nil || ready {
			return err
		}
	}
	return w.doRange(ctx, t)
}

// lastChance reports whether this is the last attempt but one or later: what
// fails now is reported, while there is an attempt left to report it again.
func (w *Worker) lastChance(t Task) bool { return t.Attempt >= w.MaxAttempts-1 }

// outOfTime reports whether what is left of a task is to be handed on.
func (w *Worker) outOfTime(t Task) bool {
	select {
	case <-w.Stopping:
		return true
	default:
		return w.Now().After(t.Cutoff)
	}
}

// untilStopped gives a context that ends when the instance stops, for what may take
// longer than is left then: a read, a copy.
func (w *Worker) untilStopped(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-w.Stopping:
			cancel(errStopping)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// withGrace gives a context of its own for what remains to be said, which the
// end of ctx does not end.
func withGrace(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), grace)
}
