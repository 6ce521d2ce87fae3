package work

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/outcome"
)

// flags is a state bucket for flags alone.
type flags struct {
	batch.Store
	set map[string][]byte
}

func (f flags) Create(_ context.Context, name string, data []byte, _ map[string]string) error {
	if _, ok := f.set[name]; ok {
		return batch.ErrExists
	}
	f.set[name] = data
	return nil
}

func (f flags) Read(_ context.Context, name string) ([]byte, error) {
	data, ok := f.set[name]
	if !ok {
		return nil, batch.ErrNotFound
	}
	return data, nil
}

// topic keeps what is published; the types with the batch's name, where it is known.
type topic struct {
	types    []string
	messages []outcome.Message
	err      error
}

func (t *topic) Publish(_ context.Context, m outcome.Message) error {
	if t.err == nil {
		t.types = append(t.types, strings.TrimSpace(m.Attributes["type"]+" "+m.Attributes["display_name"]))
		t.messages = append(t.messages, m)
	}
	return t.err
}

// jobs knows every batch.
type jobs struct{}

func (jobs) Batch(context.Context, *event.Event) *outcome.Batch {
	return &outcome.Batch{DisplayName: "nightly"}
}

// batches keeps the tasks that it is given, and what was settled.
type batches struct {
	tasks   []batch.Task
	settled []*outcome.Settled
	err     error // of settling
}

func (b *batches) Do(_ context.Context, t batch.Task) error {
	b.tasks = append(b.tasks, t)
	return nil
}

func (b *batches) Settle(_ context.Context, _ string, s *outcome.Settled) error {
	b.settled = append(b.settled, s)
	return b.err
}

// retries says what comes of each attempt.
type retries []func() (*outcome.Settled, error)

func (r *retries) Retry(context.Context, string) (*outcome.Settled, error) {
	next := (*r)[0]
	*r = (*r)[1:]
	return next()
}

var start = time.Now()

func newWorker() (*Worker, *topic, *batches) {
	outcomes, tasks := &topic{}, &batches{}
	return &Worker{
		Batches: tasks, Jobs: jobs{}, Outcomes: outcomes, State: batch.NewState(flags{set: map[string][]byte{}}),
		Factory: outcome.NewFactory("test", time.Now), Now: func() time.Time { return start },
		Log: slog.New(slog.DiscardHandler),
	}, outcomes, tasks
}

func queued(id, kind string) []byte {
	body := fmt.Sprintf(`{"type":%q,"data":{"id":"1","output_file_uri":"gs://b/o"}}`, kind)
	return event.Encode(event.Delivery{ID: id, ReceivedAt: start}, []byte(body))
}

func TestBatchesGoToTheirWorker(t *testing.T) {
	t.Parallel()
	w, outcomes, tasks := newWorker()
	e, err := event.Decode(queued("msg_1", "batch.succeeded"))
	if err != nil {
		t.Fatal(err)
	}
	older, err := event.Decode(queued("msg_1", "batch.completed"))
	if err != nil {
		t.Fatal(err)
	}
	r := batch.Range{Key: e.Key, Plan: "2c3d", Object: 1, Interval: batch.Interval{End: 9}}
	for _, m := range []Message{
		{Kind: "event", Data: queued("msg_1", "batch.succeeded"), ID: "7", Published: start, Attempt: 2},
		{Kind: "range", Data: r.Encode(), ID: "8", Attempt: 3},
		{Kind: "event", Data: queued("msg_1", "batch.completed"), ID: "9"}, // an older name
	} {
		if about, err := w.Do(t.Context(), m); about.Key != e.Key || err != nil {
			t.Errorf("%s: %+v, %v, want key %q", m.Kind, about, err, e.Key)
		}
	}
	cutoff := start.Add(360 * time.Second) // 60% of Pub/Sub's longest deadline
	for i := range tasks.tasks {
		if off := tasks.tasks[i].Cutoff.Sub(cutoff).Abs(); off > 30*time.Second {
			t.Errorf("task %d hands on %v from where it should", i, off)
		}
		tasks.tasks[i].Cutoff = time.Time{}
	}
	r.Format = 2
	want := []batch.Task{{Key: e.Key, Event: e, MessageID: "7", Published: start, Attempt: 2}, {Key: e.Key, Range: &r, MessageID: "8", Attempt: 3}, {Key: e.Key, Event: older, MessageID: "9"}}
	if diff := cmp.Diff(want, tasks.tasks); diff != "" || len(outcomes.types) != 0 {
		t.Errorf("published %v; tasks (-want +got):\n%s", outcomes.types, diff)
	}
}

// An event that is no batch's has one outcome, whoever delivers it, however often.
func TestOneOutcomeForOtherEvents(t *testing.T) {
	t.Parallel()
	w, outcomes, tasks := newWorker()
	message := func(id, kind string) Message { return Message{Kind: "event", Data: queued(id, kind), ID: id} }
	outcomes.err = errors.New("Pub/Sub is down")
	if _, err := w.Do(t.Context(), message("msg_1", "batch.failed")); !errors.Is(err, outcomes.err) {
		t.Errorf("got %v, want the topic's error", err)
	}
	outcomes.err = nil
	for _, m := range []Message{
		message("msg_1", "batch.failed"), message("msg_1", "batch.failed"), message("msg_2", "batch.failed"),
		message("msg_6", "batch.expired"), message("msg_7", "batch.cancelled"), message("msg_3", "interaction.completed"), message("msg_4", "video.generated"), message("msg_5", "of.tomorrow"),
	} {
		if about, err := w.Do(t.Context(), m); len(about.Key) != 64 || err != nil {
			t.Errorf("%s: %+v, %v", m.ID, about, err)
		}
	}
	want := []string{"batch.failed nightly", "batch.expired nightly", "batch.cancelled nightly", "interaction.completed", "video.generated", "of.tomorrow"}
	if diff := cmp.Diff(want, outcomes.types); diff != "" || len(tasks.tasks) != 0 {
		t.Errorf("%d tasks; published (-want +got):\n%s", len(tasks.tasks), diff)
	}
}

func TestWhatIsNotQueuedByUs(t *testing.T) {
	t.Parallel()
	w, _, _ := newWorker()
	for name, m := range map[string]Message{
		"no kind":             {Data: queued("msg_1", "batch.failed")},
		"another kind":        {Kind: "secret", Data: queued("msg_1", "batch.failed")},
		"no event":            {Kind: "event", Data: []byte("{}")},
		"no range":            {Kind: "range", Data: []byte("{}")},
		"an event as a range": {Kind: "range", Data: queued("msg_1", "batch.failed")},
	} {
		if about, err := w.Do(t.Context(), m); about != (About{}) || err == nil {
			t.Errorf("%s is done, %+v", name, about)
		}
	}
}

// TestArrivals: what may be a ping is recorded after its outcome is published, each time,
// and nothing else is; an error there repeats nothing.
func TestArrivals(t *testing.T) {
	t.Parallel()
	store := flags{set: map[string][]byte{}}
	w, outcomes, _ := newWorker()
	w.State = batch.NewState(store)
	at := start
	w.Now = func() time.Time { at = at.Add(time.Second); return at }
	send := func(mode, body string) error {
		data := event.Encode(event.Delivery{ID: "msg_" + body, Mode: mode, ReceivedAt: start}, []byte(body))
		_, err := w.Do(t.Context(), Message{Kind: "event", Data: data})
		return err
	}
	arrivals := func() (n int) {
		for name := range store.set {
			if strings.HasPrefix(name, "v1/canary/arrivals/") {
				n++
			}
		}
		return n
	}
	for _, test := range []struct {
		mode, body string
		want       int
	}{
		{"static", `{"type":"batch.failed","data":{"id":"1"}}`, 0}, {"static", `{"type":"interaction.completed","data":{"id":"1"}}`, 0},
		{"dynamic", `{"type":"webhook.ping"}`, 0}, {"dynamic", `?`, 0}, {"reconciled", `{}`, 0},
		{"static", `{"type":"webhook.ping"}`, 1}, {"static", `{"type":"webhook.ping"}`, 2}, {"static", `{}`, 3}, {"static", ``, 4},
	} {
		if err := send(test.mode, test.body); err != nil || arrivals() != test.want {
			t.Errorf("%+v: %d arrivals, %v", test, arrivals(), err)
		}
	}
	published := len(outcomes.types)
	outcomes.err = errors.New("Pub/Sub is down")
	if err := send("static", `{"type":"ping"}`); err == nil || arrivals() != 4 || len(outcomes.types) != published {
		t.Errorf("what is not published has arrived: %v", err)
	}
}

// TestARetryEndsOnce: an error is tried again, what all rounds came to is published, and
// nothing is done of what is delivered after that.
func TestARetryEndsOnce(t *testing.T) {
	t.Parallel()
	w, _, tasks := newWorker()
	outage, end := errors.New("outage"), &outcome.Settled{Total: 3, Failed: 3}
	fails := func() (*outcome.Settled, error) { return nil, outage }
	ends := func() (*outcome.Settled, error) { return end, nil }
	left := &retries{fails, ends, ends}
	w.Retries, tasks.err = left, outage
	again := func(key string) error {
		_, err := w.Do(t.Context(), Message{Kind: batch.KindRange, Data: batch.Range{Key: key, Retry: true}.Encode(), ID: "1"})
		return err
	}
	for _, what := range []string{"the retry", "the end"} {
		if err := again("a"); !errors.Is(err, outage) {
			t.Errorf("%s: %v", what, err)
		}
	}
	tasks.err = nil
	for range 2 {
		if err := again("a"); err != nil {
			t.Error(err)
		}
	}
	if len(*left) != 0 || len(tasks.settled) != 2 || tasks.settled[1] != end {
		t.Errorf("%d attempts left, settled %v", len(*left), tasks.settled)
	}
	*left = retries{func() (*outcome.Settled, error) { return nil, nil }}
	if err := again("b"); err != nil || len(tasks.settled) != 2 {
		t.Errorf("where a batch is made: %v, settled %v", err, tasks.settled)
	}
}
