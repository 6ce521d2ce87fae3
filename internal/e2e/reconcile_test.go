package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// startReconciler runs the function Reconcile against r's cloud, which brings it the
// messages of its schedule.
func (r *rig) startReconciler(env ...string) *child {
	r.t.Helper()
	program := command(r.t, append(append(r.cloud.Env(), "FUNCTION_TARGET=Reconcile", "RECONCILE_GRACE=0s", "LOCAL_ONLY=true"), env...)...)
	c := launch(r.t, program, (*child).listens)
	must(r.t, r.cloud.Trigger(r.t.Context(), localcloud.ReconcileTopic, c.url(), nil))
	return c
}

// run is a report of a reconciliation.
type run struct {
	LookedAt        map[string]int `json:"looked_at"`
	Ended           int            `json:"ended_jobs"`
	Queued          int
	WebhooksEnabled int `json:"webhooks_enabled"`
	Errors          []string
}

// reports are those that are stored, in order.
func (r *rig) reports() (all []run) {
	r.t.Helper()
	for _, o := range r.cloud.Storage.List(localcloud.StateBucket, "v1/reconcile/runs/") {
		stored, ok := r.cloud.Storage.Get(localcloud.StateBucket, o.Name)
		if !ok {
			r.t.Fatalf("no object %s", o.Name)
		}
		var report run
		must(r.t, json.Unmarshal(stored.Data, &report))
		all = append(all, report)
	}
	return all
}

// reconcile has the schedule run once, and gives the report.
func (r *rig) reconcile() run {
	r.t.Helper()
	before := len(r.reports())
	must(r.t, r.cloud.RunSchedule(r.t.Context(), localcloud.ReconcileTopic))
	r.wait("a run", func() bool { return len(r.reports()) > before })
	return r.reports()[before]
}

// TestReconciliation: of jobs of either API whose events are lost, whatever their end,
// one outcome each is published, and none when the event comes after all; the webhook
// that Gemini disabled is enabled again.
func TestReconciliation(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{cloud: localcloud.Options{Gemini: gemini.Options{BatchFor: func(name string) gemini.BatchOptions {
		return gemini.BatchOptions{End: map[string]gemini.End{"cancelled": gemini.EndCancelled}[name]}
	}}}})
	r.cloud.Gemini.Lose(func(o gemini.Outgoing) bool { return strings.HasPrefix(o.EventType, "batch.") })
	lost, err := r.operator.RunInline(t.Context(), "lost", 3)
	must(t, err)
	dynamic, err := r.operator.RunBatchTo(t.Context(), "dynamic", strings.NewReader(requests(4)), r.url()+"/dynamic/x", map[string]any{"job": 42})
	must(t, err)
	cancelled, err := r.operator.RunInline(t.Context(), "cancelled", 1)
	must(t, err)
	vertex, err := r.operator.RunVertex(t.Context(), "vertex", strings.NewReader(requests(5)))
	must(t, err)
	must(t, r.cloud.Gemini.Disable(r.webhook))

	r.startReconciler()
	queued, enabled := 0, 0
	for queued < 4 {
		report := r.reconcile()
		queued, enabled = queued+report.Queued, enabled+report.WebhooksEnabled
		if len(report.Errors) > 0 || report.LookedAt["gemini_api"] != 3 || report.LookedAt["vertex_api"] != 1 {
			t.Fatalf("%+v", report)
		}
		r.wait("that all is done", r.seen.idle)
	}
	if hook, err := r.operator.Admin.Get(t.Context(), localcloud.SigningSecret); err != nil || enabled != 1 || hook.State != webhookadmin.StateEnabled {
		t.Errorf("%d webhooks enabled, state %s, %v", enabled, hook.State, err)
	}
	if report := r.reconcile(); report.Queued != 0 || report.Ended != 4 {
		t.Errorf("a run more: %+v, want that nothing is queued", report)
	}
	r.cloud.Gemini.Lose(nil)
	r.emit("batch.cancelled", map[string]any{"id": cancelled})
	r.emit("batch.succeeded", map[string]any{"id": lost})
	r.emit("interaction.completed", map[string]any{"id": "later"})
	r.wait("events that come later", func() bool { return r.seen.has("interaction.completed") && r.seen.idle() })

	var got []string
	for _, o := range r.seen.outcomes(t, localcloud.OutcomesTopic) {
		if strings.HasPrefix(o.Type, "batch.") {
			got = append(got, fmt.Sprint(o.ResourceID, " ", o.Type, " ", o.Attributes["mode"], " ", o.Attributes["origin"], o.Attributes["scheme"], " ", o.Attributes["meta_job"], " ", o.Results.Succeeded))
		}
	}
	want := []string{
		lost + " batch.completed reconciled gemini_api  3", dynamic + " batch.completed reconciled gemini_api 42 4",
		cancelled + " batch.cancelled reconciled gemini_api  0", vertex + " batch.completed reconciled vertex_api  5",
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestReconciliationInAnOutage: the message is answered with an error while it is young,
// and what can be looked at is; a stop ends the process.
func TestReconciliationInAnOutage(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	c := r.startReconciler()
	must(t, r.cloud.Gemini.Close())
	if status := notify(t, c, message("", "", time.Now())); status/100 == 2 {
		t.Errorf("the Gemini API is down: %d", status)
	}
	if all := r.reports(); len(all) != 1 || len(all[0].Errors) != 2 {
		t.Errorf("%+v", all)
	}
	if status := send(t, http.MethodPost, c.url()+"/", eventHeader(time.Now().Add(-time.Hour)), message("", "", time.Now())).status; status/100 != 2 {
		t.Errorf("a message that is an hour old: %d", status)
	}
	if strings.Contains(c.logs.String(), localcloud.APIKey) || !strings.Contains(c.logs.String(), `"message":"reconciled"`) {
		t.Error(c.logs.tail())
	}
	c.terminate(t)
	if code := c.exitCode(t); code != 0 {
		t.Errorf("exit status %d after SIGTERM, want 0", code)
	}
}

// TestReconciliationOfManyJobs: 10,000 jobs whose inline results are 20 kB each are
// queued by few requests and in bounded memory.
func TestReconciliationOfManyJobs(t *testing.T) {
	t.Parallel()
	notShort(t)
	const jobs, perPage = 10_000, 100
	cloud, err := localcloud.Start(t.Context(), localcloud.Options{})
	must(t, err)
	r := &rig{t: t, cloud: cloud, seen: &seen{topics: make(map[string][]outcome)}}
	t.Cleanup(func() { must(t, cloud.Close()) })
	must(t, cloud.Watch(t.Context(), localcloud.QueueTopic, r.seen.message(localcloud.QueueTopic)))
	results, ended, pages := strings.Repeat("x", 20_000), time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), atomic.Int64{}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != "/v1beta/batches" {
			_, _ = io.WriteString(w, "{}") // no webhooks
			return
		}
		page := pages.Add(1)
		next := map[bool]string{false: fmt.Sprint(page)}[page == jobs/perPage]
		fmt.Fprintf(w, `{"nextPageToken":%q,"operations":[`, next)
		for i := range perPage {
			fmt.Fprintf(w, `%.*s{"name":"batches/%d-%d","metadata":{"state":"BATCH_STATE_SUCCEEDED","endTime":%q,"output":{"inlinedResponses":[%q]}}}`,
				min(i, 1), ",", page, i, ended, results)
		}
		_, _ = io.WriteString(w, "]}")
	}))
	t.Cleanup(api.Close)
	c := r.startReconciler("GOOGLE_GEMINI_BASE_URL="+api.URL, "VERTEX_LOCATIONS=")
	report := r.reconcile()
	if want := (run{map[string]int{"gemini_api": jobs, "vertex_api": 0}, jobs, jobs, 0, []string{}}); !cmp.Equal(want, report) || pages.Load() != jobs/perPage {
		t.Errorf("%+v of %d pages, want %+v", report, pages.Load(), want)
	}
	r.wait("all messages", func() bool { return r.seen.count(localcloud.QueueTopic) >= jobs })
	peak := c.peakMemory(t)
	t.Logf("peak memory %d MiB", peak>>20)
	if peak > mostMemory {
		t.Errorf("peak memory %d MiB, want at most %d", peak>>20, mostMemory>>20)
	}
}
