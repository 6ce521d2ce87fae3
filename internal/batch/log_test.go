package batch

import (
	"testing"
	"time"
)

// TestTimeForABatch: 15 minutes, and one more for each 100,000 lines.
func TestTimeForABatch(t *testing.T) {
	t.Parallel()
	for lines, want := range map[int64]time.Duration{
		0: 15 * time.Minute, 1: 15*time.Minute + 600*time.Microsecond, 100_000: 16 * time.Minute, 50_000_000: 515 * time.Minute,
	} {
		if got := timeFor(lines); got != want {
			t.Errorf("%d lines: %v, want %v", lines, got, want)
		}
	}
}
