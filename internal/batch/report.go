package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
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
	reason := reasonOf(cause)
	m := w.Factory.ForBatch(e, plan.Batch).Incomplete(reason, now.sum.done, now.sum.missing)
	if err := w.Outcomes.Publish(ctx, m); err != nil {
		return err
	}
	LogOutcome(ctx, w.Log, w.Now(), e, m, slog.Bool("in_time", false)) // whatever comes after it
	return w.State.set(ctx, name, map[string]string{
		reportedAt:  w.Now().Format(time.RFC3339Nano),
		reportCode:  reason.Code,
		reportCause: clip(reason.Message),
	})
}

// Codes of a batch.incomplete.
const (
	CodeNotFound   = "not_found"  // a result object is not there, or was replaced
	CodeDenied     = "denied"     // Cloud Storage or the Gemini API refuses
	CodeUnfinished = "unfinished" // anything else
)

func reasonOf(cause error) outcome.Error {
	reason := outcome.Error{Code: CodeUnfinished, Message: cause.Error()}
	switch {
	case errors.Is(cause, object.ErrNotFound):
		reason.Code = CodeNotFound
	case errors.Is(cause, object.ErrForbidden), errors.Is(cause, object.ErrDenied):
		reason.Code = CodeDenied
	}
	return reason
}

const claimed = "-claimed" // behind the name of a report: who publishes it

// Metadata of a report's flag.
const (
	reportedAt  = "reported-at"
	reportCode  = "error-code"
	reportCause = "error-message"
)

// maxCause bounds a message in metadata, of which Cloud Storage takes 8 KiB in all.
const maxCause = 4 << 10 // bytes

func clip(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxCause)], "")
}

// Report is a batch.incomplete that was published.
type Report struct {
	At            time.Time
	Code, Message string // "" of one by a former version
}

// reportOf reads a report's flag. Claims, and reports of the first versions, have no
// time, and are none.
func reportOf(e Entry) (Report, bool) {
	at, err := time.Parse(time.RFC3339Nano, e.Metadata[reportedAt])
	return Report{at, e.Metadata[reportCode], e.Metadata[reportCause]}, err == nil
}

// reports lists when a batch.incomplete was published for an event, in any order.
func (s *State) reports(ctx context.Context, key string) (all []time.Time, err error) {
	entries, err := s.store.List(ctx, folder(key)+"flag/"+incomplete, "", "")
	if err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	for _, e := range entries {
		if report, ok := reportOf(e); ok {
			all = append(all, report.At)
		}
	}
	return all, nil
}

// reportedSince reports whether a batch.incomplete was published after a time.
func (s *State) reportedSince(ctx context.Context, key string, t time.Time) (bool, error) {
	reports, err := s.reports(ctx, key)
	return slices.ContainsFunc(reports, t.Before), err
}
