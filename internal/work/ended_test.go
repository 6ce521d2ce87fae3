package work

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/outcome"
)

// known is what there is to know of every batch; nil: nothing.
type known struct{ batch *outcome.Batch }

func (k known) Batch(context.Context, *event.Event) *outcome.Batch { return k.batch }

// TestEndedJobs: a job that came to another end than success has one outcome, by its
// event or by reconciliation; what only claims to be its event counts for nothing.
func TestEndedJobs(t *testing.T) {
	t.Parallel()
	deliver := func(id, origin, kind string) Message {
		body := `{"type":"` + kind + `","data":{"id":"batches/1"}}`
		return Message{Kind: event.Kind, Data: event.Encode(event.Delivery{ID: id, ReceivedAt: start, Mode: "static", Origin: origin}, []byte(body))}
	}
	find := func(kind string) Message {
		job := event.Ended{Origin: event.OriginGeminiAPI, Type: kind, Batch: event.Batch{Name: "batches/1"}}
		return Message{Kind: event.Kind, Data: job.Encode(start)}
	}
	const failed, cancelled = event.TypeBatchFailed, event.TypeBatchCancelled
	for title, test := range map[string]struct {
		state    string
		messages []Message
		want     string
	}{
		"a delivery comes first":      {"", []Message{deliver("1", "signing_secret", failed), find(failed)}, "batch.failed static"},
		"it is reconciled first":      {"", []Message{find(cancelled), deliver("1", "path_token", cancelled), find(cancelled)}, "batch.cancelled reconciled"},
		"two deliveries":              {"", []Message{deliver("1", "signing_secret", failed), deliver("2", "signing_secret", failed)}, "batch.failed static"},
		"of another type":             {"", []Message{deliver("1", "signing_secret", event.TypeBatchExpired), find(failed)}, "batch.expired static"},
		"anybody's, nobody knows":     {"", []Message{deliver("1", event.OriginOpen, failed), find(failed)}, "batch.failed static, batch.failed reconciled"},
		"anybody's, as the API says":  {"BATCH_STATE_FAILED", []Message{deliver("1", event.OriginOpen, failed), find(failed)}, "batch.failed static"},
		"anybody's, against the API":  {"BATCH_STATE_CANCELLED", []Message{deliver("1", event.OriginOpen, failed), find(cancelled)}, "batch.failed static, batch.cancelled reconciled"},
		"anybody's, of one that runs": {"BATCH_STATE_RUNNING", []Message{deliver("1", event.OriginOpen, failed), find(failed)}, "batch.failed static, batch.failed reconciled"},
		"anybody's, too late":         {"", []Message{find(failed), deliver("1", event.OriginOpen, failed)}, "batch.failed reconciled"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w, topic, _ := newWorker()
			w.Jobs = known{}
			if test.state != "" {
				w.Jobs = known{&outcome.Batch{State: test.state}}
			}
			for _, m := range test.messages {
				if _, err := w.Do(t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for _, m := range topic.messages {
				got = append(got, m.Attributes["type"]+" "+m.Attributes["mode"])
			}
			if diff := cmp.Diff(test.want, strings.Join(got, ", ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
