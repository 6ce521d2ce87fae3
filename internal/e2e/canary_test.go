package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/localcloud"
)

// canaries are what the runs of the reconciliation said of the canary, in order.
func (r *rig) canaries() (all []string) {
	r.t.Helper()
	for _, o := range r.cloud.Storage.List(localcloud.StateBucket, "v1/reconcile/runs/") {
		stored, _ := r.cloud.Storage.Get(localcloud.StateBucket, o.Name)
		var report struct {
			Canary  string
			Seconds float64 `json:"canary_seconds"`
		}
		must(r.t, json.Unmarshal(stored.Data, &report))
		if (report.Seconds > 0) != (report.Canary == "ok") {
			r.t.Errorf("%s", stored.Data)
		}
		all = append(all, report.Canary)
	}
	return all
}

// TestCanary: a ping goes through Gemini, the public door, the queue and the tasks door,
// has an outcome as any event of an unknown type, and the run after it says that it
// arrived. One that is lost is missed.
func TestCanary(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.startReconciler("CANARY_WEBHOOK=e2e", "VERTEX_LOCATIONS=")
	arrived := func(n int) func() bool {
		return func() bool {
			return len(r.cloud.Storage.List(localcloud.StateBucket, "v1/canary/arrivals/")) == n && r.seen.idle()
		}
	}
	for n := 1; n <= 2; n++ {
		if report := r.reconcile(); len(report.Errors) > 0 {
			t.Fatalf("%+v", report)
		}
		r.wait("the ping", arrived(n))
	}
	if n := len(r.seen.ofType(t, "webhook.ping")); n == 0 { // two of one second are one event
		t.Error("no outcome of a ping")
	}
	r.front.set("") // no delivery arrives from here on
	r.reconcile()   // the second one arrived; the third is lost
	r.reconcile()   // and may still come
	if got := strings.Join(r.canaries(), " "); got != "pending ok ok pending" {
		t.Errorf("the runs say %s", got)
	}
}
