package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/reconcile"
	"example.com/gemini-webhook/internal/source"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

const (
	lookback = 24 * time.Hour
	grace    = 30 * time.Minute
)

// bucket is a state bucket in memory.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
	lists   int
	fail    error // of lists
}

func (b *bucket) Create(_ context.Context, name string, data []byte, _ map[string]string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.objects[name]; ok {
		return batch.ErrExists
	}
	b.objects[name] = slices.Clone(data)
	return nil
}

func (b *bucket) Read(_ context.Context, name string) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if data, ok := b.objects[name]; ok {
		return data, nil
	}
	return nil, batch.ErrNotFound
}

func (b *bucket) List(_ context.Context, prefix, from, to string) (all []batch.Entry, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lists++
	for name := range b.objects {
		if strings.HasPrefix(name, prefix) && name >= from && (to == "" || name < to) {
			all = append(all, batch.Entry{Name: name})
		}
	}
	slices.SortFunc(all, func(x, y batch.Entry) int { return strings.Compare(x.Name, y.Name) })
	return all, b.fail
}

// own makes an owner, as the tasks door does.
func (b *bucket) own(origin, name string) {
	b.objects["v1/jobs/"+event.JobKey(origin, name)] = []byte("{}")
}

// queue keeps what is queued.
type queue struct {
	calls   int
	largest int // messages of a call
	events  []*event.Event
	fail    func(call int) error
}

func (q *queue) Enqueue(ctx context.Context, kind string, messages ...[]byte) error {
	q.calls++
	q.largest = max(q.largest, len(messages))
	if q.fail != nil {
		if err := q.fail(q.calls); err != nil {
			return err
		}
	}
	if kind != event.Kind || ctx.Err() != nil {
		return fmt.Errorf("kind %q, %v", kind, ctx.Err())
	}
	for _, data := range messages {
		e, err := event.Decode(data)
		if err != nil {
			return err
		}
		q.events = append(q.events, e)
	}
	return nil
}

func (q *queue) ids() (ids []string) {
	for _, e := range q.events {
		ids = append(ids, e.ResourceID)
	}
	slices.Sort(ids)
	return ids
}

// rig is a Reconciler in memory.
type rig struct {
	reconcile.Reconciler
	t      *testing.T
	bucket *bucket
	queue  *queue
	log    strings.Builder
}

func newRig(t *testing.T, sources ...reconcile.Source) *rig {
	t.Helper()
	r := &rig{t: t, bucket: &bucket{objects: map[string][]byte{}}, queue: &queue{}}
	r.Reconciler = reconcile.Reconciler{
		Sources: sources, State: batch.NewState(r.bucket), Queue: r.queue, Lookback: lookback, Grace: grace,
		Now: func() time.Time { return now }, Log: slog.New(slog.NewJSONHandler(&r.log, nil)),
	}
	return r
}

// run is a run; its report is the stored one.
func (r *rig) run() (report reconcile.Report, err error) {
	r.t.Helper()
	given, err := r.Run(r.t.Context())
	data, missing := r.bucket.Read(r.t.Context(), batch.RunsFolder+"2026-11-30T12:00:00.000000000Z")
	if missing != nil || json.Unmarshal(data, &report) != nil {
		r.t.Fatalf("no report: %v", missing)
	}
	if diff := cmp.Diff(*given, report); diff != "" {
		r.t.Errorf("the stored report differs (-given +stored):\n%s", diff)
	}
	delete(r.bucket.objects, batch.RunsFolder+"2026-11-30T12:00:00.000000000Z") // the clock stands still
	return report, err
}

// api gives these jobs, and then an error.
func api(origin string, err error, jobs ...source.Job) reconcile.Source {
	return reconcile.Source{Origin: origin, List: func(_ context.Context, since time.Time, visit func(source.Job) error) error {
		if want := now.Add(-lookback); !since.Equal(want) {
			return fmt.Errorf("jobs since %v, want %v", since, want)
		}
		for _, job := range jobs {
			if err := visit(job); err != nil {
				return err
			}
		}
		return err
	}}
}

func job(name, state string, ago time.Duration) source.Job {
	return source.Job{Batch: outcome.Batch{Name: name, State: state, Ended: now.Add(-ago).Format(time.RFC3339Nano)}}
}

func numbered(n int) (jobs []source.Job) {
	for i := range n {
		jobs = append(jobs, job(fmt.Sprintf("batches/%05d", i), "BATCH_STATE_SUCCEEDED", time.Hour))
	}
	return jobs
}

// TestWindow: which jobs are taken, by when they ended.
func TestWindow(t *testing.T) {
	t.Parallel()
	ended := func(ended, updated string) source.Job {
		return source.Job{Batch: outcome.Batch{Name: "batches/a", State: "BATCH_STATE_SUCCEEDED", Ended: ended}, Updated: updated}
	}
	at := func(ago time.Duration) string { return now.Add(-ago).Format(time.RFC3339Nano) }
	for name, test := range map[string]struct {
		job  source.Job
		want bool
	}{
		"within the grace":             {ended(at(grace-1), ""), false},
		"at its end":                   {ended(at(grace), ""), false},
		"behind it":                    {ended(at(grace+1), ""), true},
		"at the end of the lookback":   {ended(at(lookback), ""), true},
		"behind that":                  {ended(at(lookback+1), ""), false},
		"in the future":                {ended(at(-time.Hour), ""), false},
		"in another zone":              {ended("2026-11-30T12:29:59+01:00", ""), true},
		"updated within the grace":     {ended("", at(grace)), false},
		"updated behind it":            {ended("", at(grace+1)), true},
		"ended counts before updated":  {ended(at(grace+1), at(0)), true},
		"ended before, updated within": {ended(at(lookback+1), at(time.Hour)), false},
		"no time":                      {ended("", ""), true},
		"no time that can be read":     {ended("yesterday", "-"), true},
		"ended cannot be read":         {ended("yesterday", at(grace)), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, api(event.OriginGeminiAPI, nil, test.job))
			report, err := r.run()
			want := 0
			if test.want {
				want = 1
			}
			if err != nil || report.Queued != want || report.EndedJobs != want || len(r.queue.events) != want || report.LookedAt[event.OriginGeminiAPI] != 1 {
				t.Errorf("%+v, %v, want %d queued", report, err, want)
			}
		})
	}
}

// TestStates: which event each end of a job gets.
func TestStates(t *testing.T) {
	t.Parallel()
	why := &event.Error{Code: "13", Message: "m"}
	for name, test := range map[string]struct {
		state string
		done  bool
		err   *event.Error
		want  string
	}{
		"succeeded":             {"BATCH_STATE_SUCCEEDED", true, nil, "batch.succeeded"},
		"failed":                {"BATCH_STATE_FAILED", true, why, "batch.failed"},
		"cancelled":             {"BATCH_STATE_CANCELLED", true, nil, "batch.cancelled"},
		"cancelled, says why":   {"BATCH_STATE_CANCELLED", true, why, "batch.cancelled"},
		"expired":               {"BATCH_STATE_EXPIRED", true, nil, "batch.expired"},
		"of Vertex AI":          {"JOB_STATE_SUCCEEDED", false, nil, "batch.succeeded"},
		"in part":               {"JOB_STATE_PARTIALLY_SUCCEEDED", false, nil, "batch.succeeded"},
		"failed there":          {"JOB_STATE_FAILED", false, nil, "batch.failed"},
		"cancelled there":       {"JOB_STATE_CANCELLED", false, nil, "batch.cancelled"},
		"expired there":         {"JOB_STATE_EXPIRED", false, nil, "batch.expired"},
		"running":               {"BATCH_STATE_RUNNING", false, nil, ""},
		"waiting":               {"JOB_STATE_PENDING", false, nil, ""},
		"paused":                {"JOB_STATE_PAUSED", false, nil, ""},
		"being cancelled":       {"JOB_STATE_CANCELLING", false, nil, ""},
		"running with an error": {"BATCH_STATE_RUNNING", false, why, ""},
		"no state":              {"", false, nil, ""},
		"no state, done":        {"", true, nil, "batch.succeeded"},
		"no state, done badly":  {"", true, why, "batch.failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := job("batches/a", test.state, time.Hour)
			j.Done, j.Error = test.done, test.err
			r := newRig(t, api(event.OriginGeminiAPI, nil, j))
			_, err := r.run()
			must(t, err)
			got := ""
			for _, e := range r.queue.events {
				got += e.Type
			}
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// TestWhatIsQueued: all that the API said is in the event, whose id is always the same.
func TestWhatIsQueued(t *testing.T) {
	t.Parallel()
	const name = "projects/1/locations/l/batchPredictionJobs/7"
	j := source.Job{
		Batch:   outcome.Batch{Name: name, DisplayName: "d", Model: "m", State: "JOB_STATE_FAILED", Requested: 3, HasRequested: true},
		Updated: "2026-11-30T11:00:00Z", Error: &event.Error{Code: "3", Message: "m"}, ResponsesFile: "gs://b/out/", UserMetadata: `{"job":42}`,
	}
	r := newRig(t, api(event.OriginVertexAPI, nil, j))
	_, err := r.run()
	must(t, err)
	e := r.queue.events[0]
	if e.Mode != "reconciled" || e.Origin != "vertex_api" || e.Scheme != "" || e.ResourceID != name || e.Time != j.Updated || e.Pointer != "gs://b/out/" ||
		!e.ReceivedAt.Equal(now) || string(e.UserMetadata["job"]) != "42" || e.ID != "reconciled_"+event.JobKey("vertex_api", name) {
		t.Errorf("%+v", e)
	}
	if diff := cmp.Diff(event.Batch(j.Batch), *e.Batch) + cmp.Diff(j.Error, e.Error); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestOwnersAndDuplicates: what has an owner, or was found before, is left alone; the
// same name at another API is another job.
func TestOwnersAndDuplicates(t *testing.T) {
	t.Parallel()
	jobs := append(numbered(10), numbered(5)...)
	r := newRig(t, api(event.OriginGeminiAPI, nil, append(jobs, source.Job{})...), api(event.OriginVertexAPI, nil, numbered(1)...))
	for i := range 3 {
		r.bucket.own(event.OriginGeminiAPI, fmt.Sprintf("batches/%05d", i))
	}
	report, err := r.run()
	must(t, err)
	want := reconcile.Report{
		Started: now, Ended: now, Canary: "off", LookedAt: map[string]int{"gemini_api": 16, "vertex_api": 1}, RunningJobs: 1, EndedJobs: 16, Queued: 8, Errors: []string{},
	}
	if diff := cmp.Diff(want, report); diff != "" || len(r.queue.events) != 8 {
		t.Errorf("%q (-want +got):\n%s", r.queue.ids(), diff)
	}
	var line map[string]any
	must(t, json.Unmarshal([]byte(r.log.String()), &line))
	wantLine := map[string]any{
		"level": "INFO", "msg": "reconciled", "time": line["time"], "started": "2026-11-30T12:00:00Z", "ended": "2026-11-30T12:00:00Z",
		"looked_at": map[string]any{"gemini_api": 16.0, "vertex_api": 1.0}, "running_jobs": 1.0, "ended_jobs": 16.0, "queued": 8.0, "webhooks_enabled": 0.0, "canary": "off", "errors": []any{},
	}
	if diff := cmp.Diff(wantLine, line); diff != "" {
		t.Errorf("the log line (-want +got):\n%s", diff)
	}
}

// TestManyJobs: calls are few and of bounded size, however many jobs there are.
func TestManyJobs(t *testing.T) {
	t.Parallel()
	r := newRig(t, api(event.OriginGeminiAPI, nil, numbered(10_000)...))
	report, err := r.run()
	must(t, err)
	if ids := r.queue.ids(); report.Queued != 10_000 || len(slices.Compact(ids)) != 10_000 {
		t.Errorf("%d queued, want 10000", report.Queued)
	}
	if r.queue.calls > 40 || r.queue.largest > 500 || r.bucket.lists != 16 {
		t.Errorf("%d calls of the queue, of up to %d messages, and %d lists of the state", r.queue.calls, r.queue.largest, r.bucket.lists)
	}
	large := numbered(100)
	for i := range large {
		large[i].DisplayName = strings.Repeat("x", 100<<10)
	}
	r = newRig(t, api(event.OriginGeminiAPI, nil, large...))
	_, err = r.run()
	must(t, err)
	if r.queue.largest != 3 {
		t.Errorf("%d messages of 100 KiB in a call, want 3", r.queue.largest)
	}
}

// TestWhatBreaks: all else is looked at, what was found before is queued, and the error
// comes back where trying again soon may help.
func TestWhatBreaks(t *testing.T) {
	t.Parallel()
	outage, denied := errors.New("outage"), fmt.Errorf("read: %w", object.ErrDenied)
	lasting := fmt.Errorf("list: %w", reconcile.ErrLasting)
	others := []source.Job{job("projects/1/x", "JOB_STATE_SUCCEEDED", time.Hour)}
	for name, test := range map[string]struct {
		gemini, vertex, state error
		queue                 func(call int) error
		queued, errors        int
		again                 bool
	}{
		"nothing":                  {nil, nil, nil, nil, 701, 0, false},
		"half a list":              {outage, nil, nil, nil, 701, 1, true},
		"both lists":               {outage, denied, nil, nil, 701, 2, true},
		"the key is denied":        {denied, nil, nil, nil, 701, 1, false},
		"one that will be as long": {denied, lasting, nil, nil, 701, 2, false},
		"the state":                {nil, nil, outage, nil, 0, 1, true},
		"the queue, first": {nil, nil, nil, func(call int) error {
			if call == 1 {
				return outage
			}
			return nil
		}, 1, 1, true},
		"the queue, at the end": {denied, nil, nil, func(call int) error {
			if call == 2 {
				return outage
			}
			return nil
		}, 501, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, api(event.OriginGeminiAPI, test.gemini, numbered(700)...), api(event.OriginVertexAPI, test.vertex, others...))
			r.bucket.fail, r.queue.fail = test.state, test.queue
			report, err := r.run()
			if report.Queued != test.queued || len(report.Errors) != test.errors || (err != nil) != test.again || len(r.queue.events) != test.queued {
				t.Errorf("%+v, %v", report, err)
			}
			level := map[bool]string{true: "WARN", false: "ERROR"}[test.again]
			if test.errors == 0 {
				level = "INFO"
			}
			if !strings.Contains(r.log.String(), `"level":"`+level+`","msg":"reconciled"`) {
				t.Errorf("level is not %s: %s", level, r.log.String())
			}
		})
	}
}

// TestToldToStop: what was found is queued, and the report is stored.
func TestToldToStop(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	endless := reconcile.Source{Origin: event.OriginGeminiAPI, List: func(ctx context.Context, _ time.Time, visit func(source.Job) error) error {
		for _, job := range numbered(3) {
			must(t, visit(job))
		}
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}}
	r := newRig(t, endless)
	report, err := r.Run(ctx)
	if !errors.Is(err, context.Canceled) || report.Queued != 3 || len(r.bucket.objects) != 1 {
		t.Errorf("%+v, %v, %d objects", report, err, len(r.bucket.objects))
	}
}

// TestReportsAreBounded: whatever errors say.
func TestReportsAreBounded(t *testing.T) {
	t.Parallel()
	var sources []reconcile.Source
	for range 50 {
		sources = append(sources, api(event.OriginVertexAPI, errors.New(strings.Repeat("é", 10_000))))
	}
	report, err := newRig(t, sources...).run()
	if err == nil || len(report.Errors) != 20 || len(report.Errors[0]) > 510 {
		t.Errorf("%d errors, the first of %d bytes", len(report.Errors), len(report.Errors[0]))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
