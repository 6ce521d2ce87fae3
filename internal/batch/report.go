package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
)

// report publishes batch.incomplete, once for an event: of the tasks that fail
// one reports. What was queued after a report is a redrive or was queued again,
// and may report once more. It tells of an error that the caller returns anyway,
// so its own errors are only logged. Of a plan that is not stored no ranges are known.
func (w *Worker) report(ctx context.Context, t Task, e *event.Event, cause error, plan *Plan) {
	// The cause may be that ctx is over.
	ctx, cancel := withGrace(ctx)
	defer cancel()
	if err := w.tryReport(ctx, t, e, cause, plan); err != nil {
		w.Log.ErrorContext(ctx, "batch.incomplete could not be published", "event_id", e.ID, "error", err.Error())
	}
}

func (w *Worker) tryReport(ctx context.Context, t Task, e *event.Event, cause error, plan *Plan) error {
	reports, err := w.State.reports(ctx, e.Key)
	if err != nil {
		return err
	}
	before := 0 // how many are older than the message
	for _, at := range reports {
		if at.Before(t.Published) {
			before++
		}
	}
	if before < len(reports) {
		return nil
	}
	name := fmt.Sprintf("%sflag/%s%d", folder(e.Key), incomplete, before)
	mine, err := w.State.claim(ctx, name+claimed, t.MessageID, w.Now())
	if err != nil || !mine {
		return err
	}
	var now standing
	if plan.id != "" {
		if now, err = w.State.standing(ctx, e.Key, plan); err != nil {
			return err
		}
	}
	reason := outcome.Error{Code: "unfinished", Message: cause.Error()}
	if errors.Is(cause, object.ErrNotFound) {
		reason.Code = "not_found"
	}
	m := w.Factory.ForBatch(e, plan.Batch).Incomplete(reason, now.sum.done, now.sum.missing)
	if err := w.Outcomes.Publish(ctx, m); err != nil {
		return err
	}
	LogOutcome(ctx, w.Log, w.Now(), e, m, slog.Bool("in_time", false)) // whatever comes after it
	return w.State.set(ctx, name, map[string]string{reportedAt: w.Now().Format(time.RFC3339Nano)})
}

const (
	claimed    = "-claimed"    // behind the name of a report: who publishes it
	reportedAt = "reported-at" // metadata of a report's flag
)

// reports lists when a batch.incomplete was published for an event, in any order.
func (s *State) reports(ctx context.Context, key string) (all []time.Time, err error) {
	entries, err := s.store.List(ctx, folder(key)+"flag/"+incomplete, "", "")
	if err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	for _, e := range entries {
		// Claims, and reports of a former version, have no time.
		if at, err := time.Parse(time.RFC3339Nano, e.Metadata[reportedAt]); err == nil {
			all = append(all, at)
		}
	}
	return all, nil
}

// reportedSince reports whether a batch.incomplete was published after a time.
func (s *State) reportedSince(ctx context.Context, key string, t time.Time) (bool, error) {
	reports, err := s.reports(ctx, key)
	return slices.ContainsFunc(reports, t.Before), err
}
