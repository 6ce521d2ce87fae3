package batch

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
)

// counted is a topic that counts.
type counted struct{ n *int }

func (c counted) Publish(context.Context, outcome.Message) error { *c.n++; return nil }

// A plan that was made anew meanwhile is the one to complete: of the former one's
// generations the totals would be old.
func TestASupersededPlanIsNotCompleted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stored int64 // generation of the stored plan; 0: none is stored
		want   int
	}{
		"the same plan": {7, 1}, "no plan": {0, 1}, "another generation": {8, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			published := 0
			w := NewWorker(Config{
				Outcomes: counted{&published}, State: NewState(&memory{}), Factory: outcome.NewFactory("test", time.Now),
				Now: time.Now, Log: slog.New(slog.DiscardHandler),
			})
			plan := func(generation int64) *Plan {
				return &Plan{
					Mode: Lines, Event: event.Encode(event.Delivery{ID: "msg_1"}, []byte(`{"type":"batch.succeeded"}`)),
					Objects: []Planned{{object.Object{Bucket: "b", Name: "o", Generation: generation, Size: 10}, 10}},
				}
			}
			worked := plan(7)
			worked.id = worked.identity()
			if test.stored != 0 {
				if _, err := w.State.create(t.Context(), "k", plan(test.stored)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.State.mark(t.Context(), "k", worked.id, 0, Interval{0, 10}, outcome.Counts{Total: 1}); err != nil {
				t.Fatal(err)
			}
			now, err := w.complete(t.Context(), "k", "range 0/10", worked)
			if err != nil || published != test.want || now.completed != (test.want == 1) {
				t.Errorf("batch.completed %d times, %v, %v, want %d", published, now.completed, err, test.want)
			}
		})
	}
}
