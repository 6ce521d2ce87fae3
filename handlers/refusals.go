package handlers

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"
)

const (
	refusalWindow = time.Minute
	// refusalLines of each kind are logged a window; a stranger can cause a
	// bounded number of lines, and cannot drown the other kinds.
	refusalLines = 5
)

// refusals decides which deliveries that were not accepted get a log line of
// their own: what logs cost is not for strangers to decide.
type refusals struct {
	mu         sync.Mutex
	start      time.Time // of the window
	logged     map[string]int
	suppressed map[string]int
}

// admitOrCount says whether a refusal of this kind gets a line, and logs, under
// the message more, how many did not in the window that has ended.
func (r *refusals) admitOrCount(ctx context.Context, log *slog.Logger, more, kind string, now time.Time) bool {
	ok, summary := r.admit(kind, now)
	if summary != nil {
		log.WarnContext(ctx, more, "not_logged", summary)
	}
	return ok
}

// admit reports whether a refusal of this kind is logged. Summary, where not
// nil, is how many of each kind were not logged in the window that has ended:
// the caller logs it.
func (r *refusals) admit(kind string, now time.Time) (ok bool, summary map[string]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.start) >= refusalWindow {
		if len(r.suppressed) > 0 {
			summary = maps.Clone(r.suppressed)
		}
		r.start, r.logged, r.suppressed = now, map[string]int{}, map[string]int{}
	}
	if r.logged[kind] < refusalLines {
		r.logged[kind]++
		return true, summary
	}
	r.suppressed[kind]++
	return false, summary
}
