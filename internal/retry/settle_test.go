package retry

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/outcome"
)

func TestSettle(t *testing.T) {
	t.Parallel()
	requested := func(n int64) *outcome.Batch { return &outcome.Batch{Requested: n, HasRequested: true} }
	for name, test := range map[string]struct {
		job  *outcome.Batch
		all  []outcome.Counts // the newest first
		want outcome.Settled
	}{
		"all succeed in the end": {nil, []outcome.Counts{{Total: 3, Succeeded: 3}, {Total: 10, Succeeded: 7, Failed: 3}},
			outcome.Settled{Total: 10, Succeeded: 10, Rounds: 1}},
		"some fail for good": {requested(10), []outcome.Counts{{Total: 1, Failed: 1}, {Total: 3, Succeeded: 2, Failed: 1}, {Total: 10, Succeeded: 6, Failed: 4}},
			outcome.Settled{Total: 10, Succeeded: 8, Failed: 2, Rounds: 2}},
		"invalid ones are not retried": {nil, []outcome.Counts{{Total: 2, Succeeded: 1, Invalid: 1}, {Total: 10, Succeeded: 7, Failed: 2, Invalid: 1}},
			outcome.Settled{Total: 10, Succeeded: 8, Invalid: 2, Rounds: 1}},
		"requests without a line": {requested(12), []outcome.Counts{{Total: 3, Succeeded: 3}, {Total: 10, Succeeded: 7, Failed: 3}},
			outcome.Settled{Total: 12, Succeeded: 10, Failed: 2, Rounds: 1}},
		"more lines than requests": {requested(9), []outcome.Counts{{Total: 3, Succeeded: 3}, {Total: 10, Succeeded: 7, Failed: 3}},
			outcome.Settled{Total: 10, Succeeded: 10, Rounds: 1}},
		"more answers than were asked for": {nil, []outcome.Counts{{Total: 5, Succeeded: 5}, {Total: 10, Succeeded: 7, Failed: 3}},
			outcome.Settled{Total: 10, Succeeded: 12, Rounds: 1}},
	} {
		if diff := cmp.Diff(&test.want, settle(test.job, test.all)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// believer is a state bucket with the plans of two batches, the second of which says that
// it is a retry of the first.
type believer struct {
	*cloud
	*Rounds
	second *batch.Plan
}

const (
	firstName  = "batches/first"
	secondName = "batches/second"
)

func newBeliever(t *testing.T, change func(*batch.Plan)) *believer {
	t.Helper()
	b := &believer{cloud: newCloud()}
	store := &run{cloud: b.cloud}
	b.Rounds = &Rounds{Max: 1, State: batch.NewState(store), Claims: store}
	b.plan(t, firstName, "", func(*batch.Plan) {})
	b.second = b.plan(t, secondName, firstName, change)
	return b
}

func (b *believer) plan(t *testing.T, name, of string, change func(*batch.Plan)) *batch.Plan {
	t.Helper()
	d := event.Delivery{ID: "msg", ReceivedAt: time.Unix(1_800_000_000, 0), Mode: "static", Scheme: "hmac-sha256", Origin: "signing_secret", Path: "/"}
	body := fmt.Sprintf(`{"type":"batch.succeeded","data":{"id":%q},"user_metadata":{"retry_of":%q}}`, name, of)
	p := &batch.Plan{Format: 1, Mode: batch.Lines, Event: event.Encode(d, []byte(body)), Proven: true, Batch: &outcome.Batch{Name: name, DisplayName: "name of " + name}}
	change(p)
	e, err := event.Decode(p.Event)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	b.objects["v1/"+e.Key+"/plan"] = string(data)
	b.objects["v1/jobs/"+event.JobKey(event.OriginGeminiAPI, name)] = fmt.Sprintf(`{"kind":"event","key":%q}`, e.Key)
	return p
}

// TestWhoIsARound: a batch is a round if the state says that the receiver made it, and its
// event is its own. What an event says proves nothing.
func TestWhoIsARound(t *testing.T) {
	t.Parallel()
	folder := "v1/retries/" + event.JobKey(event.OriginGeminiAPI, firstName) + "/"
	said := func(by, name string) string {
		return fmt.Sprintf(`{"display_name":%q,"codes":{"429":1},"by":%q,"since":"2026-01-01T00:00:00Z"}`, name, by)
	}
	for name, test := range map[string]struct {
		objects map[string]string // of the folder of retries; "-" is gone
		change  func(*batch.Plan)
		rounds  int // 0: the batch is none of ours
		err     error
	}{
		"made by the receiver":       {objects: map[string]string{one: said("receiver v1", "x"), one + "-made": `{"batch":"batches/second"}`}, rounds: 2},
		"the API's older form":       {objects: map[string]string{one: said("receiver v1", "x"), one + "-made": `{"batch":"batch_second"}`}, rounds: 2},
		"killed before it said so":   {objects: map[string]string{one: said("receiver v1", "name of "+secondName)}, rounds: 2},
		"of several attempts":        {objects: map[string]string{one: said("receiver v1", "x"), one + "-refused": "", one + "-2": said("receiver v1", "x"), one + "-2-made": `{"batch":"batches/second"}`}, rounds: 2},
		"made by hand":               {objects: map[string]string{one: said("webhookctl v1", "x"), one + "-made": `{"batch":"batches/second"}`}, rounds: 1},
		"another was made":           {objects: map[string]string{one: said("receiver v1", "name of "+secondName), one + "-made": `{"batch":"batches/other"}`}, rounds: 1},
		"of another name":            {objects: map[string]string{one: said("receiver v1", "x")}, rounds: 1},
		"refused":                    {objects: map[string]string{one: said("receiver v1", "name of "+secondName), one + "-refused": ""}, rounds: 1},
		"a name that nobody told us": {objects: map[string]string{one: said("receiver v1", "")}, change: func(p *batch.Plan) { p.Batch = nil }, rounds: 1},
		"nothing was made":           {rounds: 1},
		"an event that anybody may have sent": {
			objects: map[string]string{one: said("receiver v1", "x"), one + "-made": `{"batch":"batches/second"}`},
			change:  func(p *batch.Plan) { p.Proven = false },
		},
		"of Vertex AI": {change: func(p *batch.Plan) {
			p.Event = event.Ended{Origin: event.OriginVertexAPI, Type: event.TypeBatchSucceeded, Batch: event.Batch{Name: secondName}}.Encode(time.Unix(1, 0))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.change == nil {
				test.change = func(*batch.Plan) {}
			}
			b := newBeliever(t, test.change)
			for name, data := range test.objects {
				b.objects[folder+name] = data
			}
			chain, err := b.chain(t.Context(), b.second)
			if len(chain) != test.rounds || !errors.Is(err, test.err) {
				t.Errorf("%d rounds, %v; want %d", len(chain), err, test.rounds)
			}
		})
	}
}

// TestRoundsWithoutState: where the state does not know an earlier round any more, there
// are no sums and no further round; another event's job is left alone.
func TestRoundsWithoutState(t *testing.T) {
	t.Parallel()
	counts := outcome.Counts{Total: 1, Failed: 1, ErrorCodes: outcome.Names{"429": 1}}
	b := newBeliever(t, func(*batch.Plan) {})
	folder := "v1/retries/" + event.JobKey(event.OriginGeminiAPI, firstName) + "/"
	b.objects[folder+one] = `{"by":"receiver v1","since":"2026-01-01T00:00:00Z"}`
	b.objects[folder+one+"-made"] = `{"batch":"batches/second"}`
	after := func() string {
		again, settled, err := b.After(t.Context(), b.second, counts)
		return fmt.Sprint(again, settled != nil, err)
	}
	b.Max = 2
	if got := after(); got != "true false <nil>" {
		t.Errorf("with a round left: %s", got)
	}
	delete(b.objects, "v1/jobs/"+event.JobKey(event.OriginGeminiAPI, firstName))
	if got := after(); got != "false false <nil>" {
		t.Errorf("without the first batch: %s", got)
	}
	b.objects["v1/jobs/"+event.JobKey(event.OriginGeminiAPI, secondName)] = `{"kind":"reconciled","key":"0"}`
	if got := after(); got != "false false <nil>" {
		t.Errorf("of another's job: %s", got)
	}
}

// TestNoFurtherRound: where the configuration allows no more of them, or somebody retried
// the batch by hand, what all rounds came to is known; what a receiver has begun goes on.
func TestNoFurtherRound(t *testing.T) {
	t.Parallel()
	b := newBeliever(t, func(*batch.Plan) {})
	b.Log = slog.New(slog.DiscardHandler)
	folder := "v1/retries/" + event.JobKey(event.OriginGeminiAPI, firstName) + "/"
	b.objects[folder+one] = `{"by":"receiver v1","since":"2026-01-01T00:00:00Z"}`
	b.objects[folder+one+"-made"] = `{"batch":"batches/second"}`
	e, err := b.second.Decoded()
	if err != nil {
		t.Fatal(err)
	}
	settled, err := b.Retry(t.Context(), e.Key)
	if diff := cmp.Diff(&outcome.Settled{Rounds: 1}, settled); diff != "" || err != nil { // its plans have no lines
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	old := &oldRound{Rounds: b.Rounds, round: round{jobKey: event.JobKey(event.OriginGeminiAPI, secondName)}}
	folder = "v1/retries/" + old.jobKey + "/"
	for _, test := range []struct {
		by, suffix string
		want       bool
	}{{"webhookctl v1", "-made", false}, {"receiver v1", "-refused", false}, {"receiver v1", "-made", true}, {"receiver v1", "", true}} {
		b.objects[folder+one] = fmt.Sprintf(`{"by":%q,"since":"2026-01-01T00:00:00Z"}`, test.by)
		b.objects[folder+one+test.suffix] = b.objects[folder+one]
		if got, err := old.byReceiver(t.Context()); got != test.want || err != nil {
			t.Errorf("by %s%s: %t, %v", test.by, test.suffix, got, err)
		}
		delete(b.objects, folder+one+test.suffix)
	}
}

// TestGivenUp: a claim that no batch came of keeps nobody back for ever, where it is known
// how long its run may have been at work.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	c := newCloud()
	now := time.Unix(1_800_000_000, 0)
	try := func(at time.Duration, r *run) error {
		m := Maker{State: r, Service: service{r}, Key: "job", By: "test", Lease: time.Minute, Now: func() time.Time { return now.Add(at) }}
		_, _, err := m.Make(t.Context(), Job{DisplayName: DisplayName("old", one)}, one, outcome.Names{"429": 1}, nil, false)
		return err
	}
	for at := 1; len(c.objects) == 0; at++ { // dies when it has claimed
		_ = try(0, &run{cloud: c, dieAt: at, after: true})
	}
	if err := try(30*time.Second, &run{cloud: c}); !errors.Is(err, ErrClaimed) || len(c.batches) != 0 {
		t.Errorf("at once: %v, %d batches", err, len(c.batches))
	}
	if err := try(2*time.Minute, &run{cloud: c}); err != nil || len(c.batches) != 1 {
		t.Errorf("later: %v, %d batches", err, len(c.batches))
	}
	if err := try(time.Hour, &run{cloud: c}); !errors.Is(err, ErrAlready) || len(c.batches) != 1 {
		t.Errorf("once more: %v, %d batches", err, len(c.batches))
	}
}
