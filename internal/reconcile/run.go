package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/source"
	"example.com/gemini-webhook/internal/webhookadmin"
)

const (
	// runTime bounds a run. Eventarc gives it ten minutes, and Pub/Sub delivers the
	// message again after that.
	runTime    = 8 * time.Minute
	reportTime = 20 * time.Second // to queue or store what there is when the rest is over

	// maxQueued and maxQueuedBytes bound what one call of the queue is given, and a job
	// more. Pub/Sub takes a thousand messages at once.
	maxQueued      = 500
	maxQueuedBytes = 256 << 10
)

// ErrLasting is in an error of a source that will be the same the next time, until
// somebody changes something.
var ErrLasting = errors.New("it will be the same until that is changed")

// Source is an API that has jobs, or one location of it.
type Source struct {
	Origin string // event.OriginGeminiAPI or event.OriginVertexAPI
	// List gives every job that may have ended since a time to visit, in any order,
	// perhaps some twice, and others as well. What an error of visit says is its error.
	List func(ctx context.Context, since time.Time, visit func(source.Job) error) error
}

// Queue is the work queue.
type Queue interface {
	// Enqueue returns when all messages are acknowledged, each with the attribute kind.
	Enqueue(ctx context.Context, kind string, messages ...[]byte) error
}

// Reconciler does runs. All of its fields are required, but for Webhooks and Canary.
type Reconciler struct {
	Sources  []Source
	State    *batch.State
	Queue    Queue
	Webhooks *Healer // nil: none are looked at
	Canary   *Canary // nil: none is pinged
	Lookback time.Duration
	Grace    time.Duration
	Now      func() time.Time
	Log      *slog.Logger
}

// Run looks once, queues what it finds and stores its report, which has all errors: what
// they are not about was looked at. The error is nil where they are all such that trying
// again soon changes nothing.
func (r *Reconciler) Run(ctx context.Context) (*Report, error) {
	ctx, cancel := context.WithTimeout(ctx, runTime)
	defer cancel()
	began := r.Now()
	report := newReport(began)
	var errs []error
	if r.Webhooks != nil {
		enabled, err := r.Webhooks.heal(ctx)
		report.WebhooksEnabled, errs = enabled, append(errs, err)
	}
	if r.Canary != nil { // behind the webhooks: one that was enabled just now is pinged
		errs = append(errs, r.canary(ctx, report))
	}
	if owned, err := r.State.Jobs(ctx); err != nil {
		errs = append(errs, err)
	} else {
		look := look{Reconciler: r, report: report, now: began, owned: owned, found: map[string]bool{}}
		for i, s := range r.Sources {
			errs = append(errs, look.source(ctx, s, len(r.Sources)-i)...)
		}
	}
	return report, r.end(ctx, report, errs)
}

// end stores and logs what a run did.
func (r *Reconciler) end(ctx context.Context, report *Report, errs []error) error {
	report.Ended = r.Now().UTC()
	ctx, cancel := extra(ctx)
	defer cancel()
	for _, err := range errs {
		report.add(err)
	}
	if err := r.State.SaveRun(ctx, report.Started, report.encode()); err != nil {
		errs = append(errs, err)
		report.add(err)
	}
	soon := errors.Join(slices.DeleteFunc(errs, lasting)...)
	level := slog.LevelInfo
	switch {
	case soon != nil:
		level = slog.LevelWarn
	case len(report.Errors) > 0:
		level = slog.LevelError
	}
	report.log(ctx, r.Log, level)
	return soon
}

// extra is a context for what is still to be done when another one is over.
func extra(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), reportTime)
}

// lasting reports whether trying again soon changes nothing.
func lasting(err error) bool {
	if errors.Is(err, webhookadmin.ErrRefused) {
		return !errors.Is(err, webhookadmin.ErrThrottled)
	}
	if secret.Definite(err) { // the API key cannot be read
		return true
	}
	for _, definite := range []error{ErrLasting, webhookadmin.ErrWebhookNotFound, object.ErrDenied, object.ErrRefused, object.ErrNotFound} {
		if errors.Is(err, definite) {
			return true
		}
	}
	return false
}

// look is what one run has seen and found.
type look struct {
	*Reconciler
	report *Report
	now    time.Time
	owned  batch.Jobs
	found  map[string]bool // keys of jobs that were queued, or wait for that

	waiting [][]byte
	size    int // of what waits, in bytes
}

// source looks at one of the n sources that are left, within its share of the time.
func (l *look) source(ctx context.Context, s Source, n int) []error {
	list, cancel := ctx, context.CancelFunc(func() {})
	if deadline, ok := ctx.Deadline(); ok {
		list, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(n))
	}
	defer cancel()
	err := s.List(list, l.now.Add(-l.Lookback), func(job source.Job) error {
		l.report.LookedAt[s.Origin]++
		if _, over := typeOf(job); !over {
			l.report.RunningJobs++
		}
		ended, ok := l.ended(s.Origin, job)
		if !ok {
			return nil
		}
		l.report.EndedJobs++
		key := event.JobKey(s.Origin, ended.Batch.Name)
		if l.owned.Has(key) || l.found[key] {
			return nil
		}
		l.found[key] = true
		message := ended.Encode(l.now)
		l.waiting, l.size = append(l.waiting, message), l.size+len(message)
		if len(l.waiting) < maxQueued && l.size < maxQueuedBytes {
			return nil
		}
		return l.queue(list)
	})
	rest, cancelRest := extra(ctx)
	defer cancelRest()
	return []error{err, l.queue(rest)}
}

// queue queues what waits. After an error nothing waits: the next run finds it again.
func (l *look) queue(ctx context.Context) error {
	if len(l.waiting) == 0 {
		return nil
	}
	messages := l.waiting
	l.waiting, l.size = nil, 0
	if err := l.Queue.Enqueue(ctx, event.Kind, messages...); err != nil {
		return fmt.Errorf("queue %d events: %w", len(messages), err)
	}
	l.report.Queued += len(messages)
	return nil
}

// ended gives the event that a job should have had; false where it runs, or did not end
// in the window, or has no name.
func (l *look) ended(origin string, job source.Job) (event.Ended, bool) {
	kind, ok := typeOf(job)
	if !ok || job.Name == "" {
		return event.Ended{}, false
	}
	at := job.Ended
	ended, err := time.Parse(time.RFC3339, at)
	if err != nil {
		at = job.Updated
		ended, err = time.Parse(time.RFC3339, at)
	}
	if err != nil {
		at = "" // better an event late than never
	} else if age := l.now.Sub(ended); age <= l.Grace || age > l.Lookback {
		return event.Ended{}, false
	}
	e := event.Ended{
		Origin: origin, Type: kind, Batch: event.Batch(job.Batch), At: at, Error: job.Error,
		UserMetadata: json.RawMessage(job.UserMetadata),
	}
	if origin != event.OriginGeminiAPI { // which is asked for the results, in whatever form it has them
		e.Pointer = job.ResponsesFile
	}
	return e, true
}

// typeOf is the type of the event of a job that ended. Where a job that is done has
// another state, or none, its error says how it ended.
func typeOf(job source.Job) (kind string, ok bool) {
	if kind = event.TypeOf(job.State); kind != "" {
		return kind, true
	}
	if job.Error != nil {
		return event.TypeBatchFailed, job.Done
	}
	return event.TypeBatchSucceeded, job.Done
}
