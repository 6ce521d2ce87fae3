package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/reconcile"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// pinger is a WebhookService whose pings are counted.
type pinger struct {
	service
	err   error
	asked []string
}

func (p *pinger) Ping(_ context.Context, id string) error {
	if p.err != nil {
		return p.err
	}
	p.asked = append(p.asked, id)
	return nil
}

// canaryRig has a canary and a clock that moves.
func canaryRig(t *testing.T) (*rig, *pinger, *time.Time) {
	t.Helper()
	r, clock := newRig(t), now
	p := &pinger{service: service{hooks: []webhookadmin.Webhook{{ID: "wh0", Name: "another"}, {ID: "wh1", Name: "gemini-webhook", State: webhookadmin.StateEnabled}}}}
	r.Canary, r.Now = &reconcile.Canary{Webhooks: p, Webhook: "gemini-webhook"}, func() time.Time { return clock }
	return r, p, &clock
}

// TestCanary: each run says how the ping of the one before did, and asks for another.
func TestCanary(t *testing.T) {
	t.Parallel()
	r, p, clock := canaryRig(t)
	for i, step := range []struct {
		after   time.Duration // the run before
		arrived time.Duration // after the run before; 0: nothing
		want    string
		seconds float64
		pings   int // until then
	}{
		{0, 0, "pending", 0, 1},                              // the first one
		{15 * time.Minute, 2 * time.Second, "ok", 2, 2},      // it arrived
		{15 * time.Minute, 0, "missing", 0, 3},               // it did not
		{time.Minute, 0, "pending", 0, 3},                    // a run by hand: it may still come,
		{time.Minute, 0, "pending", 0, 3},                    // and is not forgotten for one that is younger
		{15 * time.Minute, 0, "missing", 0, 4},               //
		{15 * time.Minute, 14 * time.Minute, "ok", 840, 5},   // late
		{time.Minute, 30 * time.Second, "ok", 30, 6},         // soon
		{7*24*time.Hour + 1, 1500 * 1e6, "ok", 1.5, 7},       // weekly
		{9 * 24 * time.Hour, time.Second, "pending", 0, 8},   // forgotten
		{5 * time.Minute, 4 * time.Minute, "ok", 240, 9},     //
		{5 * time.Minute, 0, "missing", 0, 10},               //
		{24 * time.Hour, 23 * time.Hour, "ok", 82800, 11},    // daily
		{24 * time.Hour, 500 * 1e6, "ok", 0.5, 12},           //
		{24 * time.Hour, 24*time.Hour + 1, "missing", 0, 13}, // what comes later is not its
	} {
		before := *clock
		*clock = before.Add(step.after)
		arrives := step.arrived > 0 && step.arrived <= step.after
		if arrives {
			must(t, r.State.SaveArrival(t.Context(), before.Add(step.arrived)))
		}
		r.log.Reset()
		report, err := r.Run(t.Context())
		must(t, err)
		if report.Canary != step.want || report.CanarySeconds != step.seconds || len(p.asked) != step.pings {
			t.Errorf("step %d: %s, %v s, %d pings, want %+v", i, report.Canary, report.CanarySeconds, len(p.asked), step)
		}
		if warned := strings.Contains(r.log.String(), "docs/runbooks/canary-missing.md"); warned != (step.want == "missing") {
			t.Errorf("step %d: %s", i, r.log.String())
		}
		lines := strings.Split(strings.TrimSpace(r.log.String()), "\n")
		var line struct {
			Canary  string
			Seconds *float64 `json:"canary_seconds"`
		}
		must(t, json.Unmarshal([]byte(lines[len(lines)-1]), &line))
		if line.Canary != step.want || (line.Seconds != nil) != (step.want == "ok") || line.Seconds != nil && *line.Seconds != step.seconds {
			t.Errorf("step %d: %s", i, lines[len(lines)-1])
		}
	}
	if p.asked[0] != "wh1" {
		t.Errorf("%s was pinged", p.asked[0])
	}
}

// TestCanaryThatIsNotSent: why, and that jobs are looked at all the same.
func TestCanaryThatIsNotSent(t *testing.T) {
	t.Parallel()
	outage := errors.New("outage")
	for name, test := range map[string]struct {
		change func(*rig, *pinger)
		want   string
		errors int
		again  bool
	}{
		"by its id":       {func(r *rig, _ *pinger) { r.Canary.Webhook = "wh1" }, "pending", 0, false},
		"on purpose":      {func(_ *rig, p *pinger) { p.hooks[1].State = webhookadmin.StateDisabled }, "off", 0, false},
		"off":             {func(r *rig, _ *pinger) { r.Canary = nil }, "off", 0, false},
		"by Gemini":       {func(_ *rig, p *pinger) { p.hooks[1].State = webhookadmin.StateFailed }, "pending", 0, false},
		"no such webhook": {func(_ *rig, p *pinger) { p.hooks = p.hooks[:1] }, "unsent", 1, false},
		"two of the name": {func(_ *rig, p *pinger) { p.hooks[0].Name = "gemini-webhook" }, "unsent", 1, false},
		"no list":         {func(_ *rig, p *pinger) { p.list = outage }, "unsent", 1, true},
		"no ping":         {func(_ *rig, p *pinger) { p.err = outage }, "unsent", 1, true},
		"refused":         {func(_ *rig, p *pinger) { p.err = fmt.Errorf("ping: %w", webhookadmin.ErrRefused) }, "unsent", 1, false},
		"deleted":         {func(_ *rig, p *pinger) { p.err = fmt.Errorf("ping: %w", webhookadmin.ErrWebhookNotFound) }, "unsent", 1, false},
		"the state":       {func(r *rig, _ *pinger) { r.bucket.fail = outage }, "unsent", 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, p, _ := canaryRig(t)
			r.Sources = append(r.Sources, api("gemini_api", nil, numbered(3)...))
			test.change(r, p)
			report, err := r.run()
			if report.Canary != test.want || len(report.Errors) != test.errors || (err != nil) != test.again || name != "the state" && report.Queued != 3 {
				t.Errorf("%+v, %v", report, err)
			}
		})
	}
}
