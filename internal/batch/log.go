package batch

import (
	"context"
	"log/slog"
	"time"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/outcome"
)

// A batch is to be completed within so long of its delivery: its plan, and what its
// lines may take. docs/monitoring.md promises it.
const (
	timeForAny  = 15 * time.Minute
	timeForMany = time.Minute // for each manyLines
	manyLines   = 100_000
)

// timeFor is what a batch of so many lines may take.
func timeFor(lines int64) time.Duration {
	return timeForAny + time.Duration(lines)*(timeForMany/manyLines)
}

// LogOutcome writes the one line of an outcome that is published and no line's. Its
// names stay: metrics are made of them.
func LogOutcome(ctx context.Context, log *slog.Logger, now time.Time, e *event.Event, m outcome.Message, more ...slog.Attr) {
	log.LogAttrs(ctx, slog.LevelInfo, "outcome published", append([]slog.Attr{
		slog.String("type", m.Attributes["type"]),
		slog.String("event_id", e.ID),
		slog.String("event_key", e.Key),
		slog.String("mode", e.Mode),
		slog.Float64("age_s", max(0, now.Sub(e.ReceivedAt)).Seconds()), // since the delivery
	}, more...)...)
}
