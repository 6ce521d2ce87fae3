// Package work does what is queued, one message at a time: it reads a message,
// once, hands what is a batch's to batch.Worker, and publishes the one outcome of
// every other event. For that it asks the Gemini API for interactions and videos, and
// keeps what would be deleted there.
//
// It verifies nothing: who may publish to the queue is trusted. It acknowledges
// nothing: its caller does, when Do returns no error.
package work

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/archive"
	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/trace"
)

// workShare of a task's time is for work; the rest is for acknowledgements,
// markers and handing on.
const workShare = 0.6

// ErrWaiting is Do's error where nothing failed: the message is to be delivered
// again, later.
var ErrWaiting = batch.ErrWaiting

// Message is one message of the queue.
type Message struct {
	Kind    string // event.Kind or batch.KindRange
	Data    []byte
	ID      string
	Attempt int // counts from 1; 0 where it is not known

	Published time.Time // zero where it is not known
}

// Batches works on the events and ranges of succeeded batches.
type Batches interface {
	Do(ctx context.Context, t batch.Task) error
	// Settle publishes what all rounds of a batch came to, where no more are made.
	Settle(ctx context.Context, key string, settled *outcome.Settled) error
}

// Retries makes batches of lines that failed.
type Retries interface {
	// Retry retries those of the batch that an event key is of. Where none is made, for
	// good, it gives what all rounds came to, as far as that is known, else nil.
	Retry(ctx context.Context, key string) (*outcome.Settled, error)
}

// Jobs says what the Gemini API knows of batches.
type Jobs interface {
	// Batch gives what it says of an event's job, nil where it says nothing.
	Batch(ctx context.Context, e *event.Event) *outcome.Batch
}

// About is what a message is about, as far as that is known.
type About struct {
	Key   string        // of its event
	Trace trace.Context // of the delivery
}

// Worker does queued work. It may do several messages at a time.
type Worker struct {
	Batches     Batches
	Retries     Retries
	Jobs        Jobs
	Outcomes    batch.Topic
	State       *batch.State
	Factory     *outcome.Factory
	Gemini      *Gemini // nil without an API key
	Archive     *archive.Store
	MaxAttempts int // the subscription's: before the last, an outcome goes without what cannot be read
	Now         func() time.Time
	Log         *slog.Logger
}

// Do does one message, and says what it is about, once that is known. Without an
// error the work is finished or handed on.
func (w *Worker) Do(ctx context.Context, m Message) (about About, err error) {
	ctx, cancel := context.WithTimeout(ctx, batch.MaxTaskTime)
	defer cancel()
	t := batch.Task{MessageID: m.ID, Published: m.Published, Attempt: m.Attempt, Cutoff: w.cutoff(ctx)}
	switch m.Kind {
	case event.Kind:
		if t.Event, err = event.Decode(m.Data); err != nil {
			return About{}, err
		}
		t.Key, about.Trace = t.Event.Key, trace.Parse(t.Event.Traceparent)
	case batch.KindRange:
		if t.Range, err = batch.DecodeRange(m.Data); err != nil {
			return About{}, err
		}
		t.Key, about.Trace = t.Range.Key, trace.Parse(t.Range.Traceparent)
	default:
		return About{}, fmt.Errorf("message of unknown kind %.40q; only this program may publish to the queue", m.Kind)
	}
	about.Key = t.Key
	ctx = trace.With(ctx, about.Trace)
	switch {
	case t.Event != nil && t.Event.Type != event.TypeBatchSucceeded:
		return about, w.single(ctx, t)
	case t.Range != nil && t.Range.Retry:
		return about, w.retry(ctx, t.Key)
	}
	return about, w.Batches.Do(ctx, t)
}

// retry is of what was queued while RETRY_FAILED was set. It ends once: what is delivered
// again after that makes no batch after all.
func (w *Worker) retry(ctx context.Context, key string) error {
	return w.State.Once(ctx, key, batch.Retried, func() error {
		settled, err := w.Retries.Retry(ctx, key)
		if err != nil || settled == nil {
			return err
		}
		return w.Batches.Settle(ctx, key, settled)
	})
}

// cutoff is when what is left is handed on.
func (w *Worker) cutoff(ctx context.Context) time.Time {
	deadline, _ := ctx.Deadline() // Do has set one
	now := w.Now()
	return now.Add(time.Duration(float64(deadline.Sub(now)) * workShare))
}

// single publishes the one outcome of an event that is no succeeded batch's,
// unless that is done.
func (w *Worker) single(ctx context.Context, t batch.Task) error {
	err := w.State.Once(ctx, t.Key, batch.Published, func() error {
		switch t.Event.Type {
		case event.TypeBatchFailed, event.TypeBatchExpired, event.TypeBatchCancelled:
			return w.ended(ctx, t)
		}
		m, err := w.outcome(ctx, t)
		if err != nil {
			return err
		}
		return w.publish(ctx, t.Event, m)
	})
	if err != nil || !t.Event.MayBePing() {
		return err
	}
	// Also of a repeat: nobody says that two pings differ. An error repeats nothing.
	if err := w.State.SaveArrival(ctx, w.Now()); err != nil {
		w.Log.WarnContext(ctx, "that a delivery arrived could not be recorded: if it was a ping, the canary takes it for missing", "event_id", t.Event.ID, "error", err.Error())
	}
	return nil
}

func (w *Worker) publish(ctx context.Context, e *event.Event, m outcome.Message) error {
	if err := w.Outcomes.Publish(ctx, m); err != nil {
		return err
	}
	batch.LogOutcome(ctx, w.Log, w.Now(), e, m)
	return nil
}

// ended publishes that a batch came to another end than success, unless an event of the
// other kind did so.
func (w *Worker) ended(ctx context.Context, t batch.Task) error {
	job := w.job(ctx, t)
	owner, err := w.State.Claim(ctx, t.Event, t.Event.Origin != event.OriginOpen || saysTheSame(job, t.Event.Type))
	if err != nil || owner.Excludes(t.Event) {
		return err
	}
	return w.publish(ctx, t.Event, w.Factory.ForBatch(t.Event, job).Simple())
}

// job is what is known of an event's job at the task's cutoff.
func (w *Worker) job(ctx context.Context, t batch.Task) *outcome.Batch {
	ctx, cancel := context.WithDeadline(ctx, t.Cutoff)
	defer cancel()
	return w.Jobs.Batch(ctx, t.Event)
}

// saysTheSame reports whether a job is in the state that an event tells of.
func saysTheSame(job *outcome.Batch, eventType string) bool {
	end := strings.ToUpper(strings.TrimPrefix(eventType, "batch.")) // FAILED of batch.failed
	return job != nil && strings.HasSuffix(job.State, "_STATE_"+end)
}

// outcome makes the one outcome of an event, with what the Gemini API says until the
// task's cutoff.
func (w *Worker) outcome(ctx context.Context, t batch.Task) (outcome.Message, error) {
	ctx, cancel := context.WithDeadline(ctx, t.Cutoff)
	defer cancel()
	switch t.Event.Type {
	case event.TypeVideoGenerated:
		return w.videos(ctx, t)
	case event.TypeInteractionCompleted, event.TypeInteractionRequiresAction, event.TypeInteractionFailed, event.TypeInteractionCancelled:
		if w.Gemini != nil {
			return w.interaction(ctx, t)
		}
	}
	return w.Factory.For(t.Event).Simple(), nil
}
