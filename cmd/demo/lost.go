package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/reconcile"
)

const (
	lostRequests = 50
	cancelled    = "cancelled" // display name of the batch of which Gemini sends no event

	// grace is the default half an hour of the function Reconcile.
	grace = 30 * time.Minute / timeScale
)

// untold are jobs whose events do not come.
type untold struct{ lost, cancelled, vertex string }

// unannounced has the function Reconcile find jobs of which no event tells.
func (d *demo) unannounced(ctx context.Context) error {
	d.screen.title("4. Batches of which no event comes, found by the function Reconcile")
	url, err := d.startReconcile(ctx)
	if err != nil {
		return err
	}
	if err := d.cloud.Trigger(ctx, localcloud.ReconcileTopic, url, nil); err != nil {
		return err
	}
	before := d.published()
	jobs, err := d.endUntold(ctx)
	if err != nil {
		return err
	}
	d.screen.check("outcomes of them before Reconcile runs", 0, d.published()-before)
	report, err := d.reconcile(ctx)
	if err != nil {
		return err
	}
	d.screen.say("Reconcile looked at %d jobs of the Gemini API and %d of Vertex AI", report.LookedAt["gemini_api"], report.LookedAt["vertex_api"])
	d.screen.check("Reconcile: jobs without an owner, queued", 3, report.Queued)
	if err := d.found(ctx, jobs); err != nil {
		return err
	}
	return d.late(ctx, jobs.lost)
}

// endUntold runs the jobs to their ends, and until Reconcile may look at them.
func (d *demo) endUntold(ctx context.Context) (jobs untold, err error) {
	missed := false
	d.cloud.Gemini.Lose(func(o gemini.Outgoing) bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		lost := o.EventType == "batch.succeeded"
		missed = missed || lost
		return lost
	})
	defer d.cloud.Gemini.Lose(nil)
	if jobs.vertex, err = d.operator.RunVertex(ctx, displayName, localcloud.RequestFile(lostRequests)); err != nil {
		return jobs, err
	}
	if jobs.lost, err = d.operator.RunBatch(ctx, displayName, localcloud.RequestFile(lostRequests)); err != nil {
		return jobs, err
	}
	if jobs.cancelled, err = d.operator.RunInline(ctx, cancelled, 1); err != nil {
		return jobs, err
	}
	if err := d.operator.AI.Batches.Cancel(ctx, jobs.cancelled, nil); err != nil {
		return jobs, err
	}
	d.screen.say("the event of %s gets lost on its way", jobs.lost)
	d.screen.say("%s is cancelled, of which Gemini sends no event", jobs.cancelled)
	d.screen.say("%s is a job of Vertex AI, which sends none", jobs.vertex)
	if err := d.wait(ctx, "the event that gets lost", func() bool { return missed }); err != nil {
		return jobs, err
	}
	for {
		job, err := d.operator.Vertex.Batches.Get(ctx, jobs.vertex, nil)
		if err != nil {
			return jobs, err
		}
		if job.State == genai.JobStateSucceeded {
			return jobs, pause(ctx, grace+20*time.Millisecond)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return jobs, err
		}
	}
}

// reconcile has the schedule run once, and gives the report of that run.
func (d *demo) reconcile(ctx context.Context) (report reconcile.Report, err error) {
	reports := func() []string {
		var names []string
		for _, o := range d.cloud.Storage.List(localcloud.StateBucket, batch.RunsFolder) {
			names = append(names, o.Name)
		}
		return names
	}
	before := len(reports())
	if err := d.cloud.RunSchedule(ctx, localcloud.ReconcileTopic); err != nil {
		return report, err
	}
	if err := d.wait(ctx, "a run of Reconcile", func() bool { return len(reports()) > before }); err != nil {
		return report, err
	}
	stored, _ := d.cloud.Storage.Get(localcloud.StateBucket, reports()[before])
	if err := json.Unmarshal(stored.Data, &report); err != nil {
		return report, err
	}
	if len(report.Errors) > 0 {
		return report, errors.New("Reconcile: " + report.Errors[0])
	}
	return report, nil
}

// found checks what is published of jobs that Reconcile has queued.
func (d *demo) found(ctx context.Context, jobs untold) error {
	if _, err := d.foundLines(ctx, "lost event", jobs.lost, "gemini_api"); err != nil {
		return err
	}
	gone, err := d.outcome(ctx, "batch.cancelled", jobs.cancelled)
	if err != nil {
		return err
	}
	d.screen.check("cancelled: its outcome", "batch.cancelled, reconciled gemini_api", fmt.Sprintf("%s, %s %s", gone.Type, gone.Mode, gone.Origin))
	lines, err := d.foundLines(ctx, "Vertex AI", jobs.vertex, "vertex_api")
	if err != nil {
		return err
	}
	const bucket = "gs://" + localcloud.ResultBucket + "/"
	uri := lines[0].Source.URI
	d.screen.say("Vertex AI wrote its result to %s", uri)
	result, _ := d.cloud.Storage.Get(localcloud.ResultBucket, strings.TrimPrefix(uri, bucket))
	d.screen.check("Vertex AI: rows of its result, and where", fmt.Sprintf("%d in %s", len(lines), bucket),
		fmt.Sprintf("%d in %.*s", bytes.Count(result.Data, []byte("\n")), len(bucket), uri))
	return nil
}

// foundLines waits for all lines of a batch, and checks how it came.
func (d *demo) foundLines(ctx context.Context, what, name, origin string) ([]outcome, error) {
	done, lines, err := d.completed(ctx, name, lostRequests)
	if err != nil {
		return nil, err
	}
	came := map[string]bool{}
	for _, o := range append(lines, done) {
		came[o.Mode+" "+o.Origin] = true
	}
	d.screen.check(what+": its lines, and how all of them came", fmt.Sprintf("%d, [reconciled %s]", lostRequests, origin),
		fmt.Sprintf("%d, %v", len(lines), slices.Collect(maps.Keys(came))))
	return lines, nil
}

// late has the event come that was lost, and Reconcile look once more.
func (d *demo) late(ctx context.Context, name string) error {
	before := d.published()
	ids, err := d.cloud.Gemini.Emit("batch.succeeded", map[string]any{"id": name}, gemini.EmitOptions{})
	if err != nil {
		return err
	}
	status, err := d.answered(ctx, ids[0])
	if err != nil {
		return err
	}
	d.screen.check("lost event: when it comes after all", 200, status)
	if err := d.wait(ctx, "the work on it", func() bool { return d.queued == 0 }); err != nil {
		return err
	}
	d.screen.check("lost event: published a second time", 0, d.published()-before)
	report, err := d.reconcile(ctx)
	if err == nil {
		d.screen.check("Reconcile: queued by the next run", 0, report.Queued)
	}
	return err
}
