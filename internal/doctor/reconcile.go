package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/reconcile"
)

const (
	runsWithin     = 31 * day // what is listed; a bucket of ours keeps 60 days
	overdue        = 3        // so many times later than usual
	usuallyAtLeast = 20 * time.Minute
	maxReportBytes = 64 << 10 // 20 errors of 500 bytes, several times
	maxErrorsShown = 3
)

const withoutReconcile = "nothing looks for jobs whose event did not come: an event that Gemini does not deliver is missed"

// reconciliation wants the last run to be as recent as runs are, and to have found no
// obstacle. The schedule itself is not looked at: what counts is that it is kept.
func (d *doctor) reconciliation(ctx context.Context, f *finding) {
	switch {
	case d.WithoutReconcile:
		f.warn("set reconcile to {} (the script: leave out --no-reconcile), unless that is meant", withoutReconcile)
		return
	case !d.reconciles():
		f.warn("set results.files_api to true, or name reconcile.vertex_locations, unless that is meant", "there is no API key, and there are no locations of Vertex AI: "+withoutReconcile)
		return
	}
	runs, err := d.runs(ctx)
	objects := "gs://" + d.StateBucket + "/" + batch.RunsFolder
	if f.trouble(err, objects, "storage.objects.list (roles/storage.objectViewer)", "see what the check of the state bucket says") {
		return
	}
	start := fmt.Sprintf("gcloud scheduler jobs run %s --project=%s --location=REGION; if that leads to no run, look at the log of the function %s",
		d.id("reconcile"), d.Project, d.id("reconcile"))
	if len(runs) == 0 {
		f.warn("wait until it is due, or: "+start, "no run within %d days: %s", int(runsWithin/day), withoutReconcile)
		return
	}
	last := runs[len(runs)-1]
	report, err := d.report(ctx, last)
	if f.trouble(err, objects+last, "storage.objects.get (roles/storage.objectViewer)", "run it again") {
		return
	}
	age := d.Now().Sub(report.Started)
	found := fmt.Sprintf("the last run was %v ago: %s", age.Round(time.Second), summary(report))
	if usual := usually(runs); age > overdue*usual {
		f.warn(start, "%s; runs began %v apart until then", found, usual.Round(time.Second))
	}
	if report.Canary == reconcile.CanaryMissing {
		f.warn("follow docs/runbooks/canary-missing.md", "%s; a ping that Gemini was asked for did not arrive", found)
	}
	if len(report.Errors) > 0 {
		f.warn("repair what it says; the log of the function "+d.id("reconcile")+" has all of it", "%s; %s", found, quoted(report.Errors))
	}
	f.ok("%s", found)
}

// runs are the names of the reports of the last weeks, behind their folder, the oldest
// first. A name is the time at which the run began.
func (d *doctor) runs(ctx context.Context) (names []string, err error) {
	query := &storage.Query{Prefix: batch.RunsFolder, StartOffset: batch.RunsFolder + d.Now().UTC().Add(-runsWithin).Format(time.RFC3339)}
	if err := query.SetAttrSelection([]string{"Name"}); err != nil {
		return nil, err
	}
	objects := d.Storage.Bucket(d.StateBucket).Objects(ctx, query)
	for {
		attrs, err := objects.Next()
		if err == iterator.Done {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(attrs.Name, batch.RunsFolder)
		if _, err := time.Parse(time.RFC3339Nano, name); err == nil {
			names = append(names, name)
		}
	}
}

func (d *doctor) report(ctx context.Context, run string) (*reconcile.Report, error) {
	object, err := d.Storage.Bucket(d.StateBucket).Object(batch.RunsFolder + run).NewReader(ctx)
	if err != nil {
		return nil, err
	}
	defer object.Close()
	report := &reconcile.Report{}
	if err := json.NewDecoder(io.LimitReader(object, maxReportBytes)).Decode(report); err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	return report, nil
}

// usually is how far apart the runs began, mostly. Nobody says what the schedule is, and
// one that is rarer at night or at weekends has its usual distance, too.
func usually(runs []string) time.Duration {
	var apart []time.Duration
	for i := 1; i < len(runs); i++ {
		before, _ := time.Parse(time.RFC3339Nano, runs[i-1]) // runs has checked both
		began, _ := time.Parse(time.RFC3339Nano, runs[i])
		apart = append(apart, began.Sub(before))
	}
	if len(apart) == 0 {
		return usuallyAtLeast
	}
	slices.Sort(apart)
	return max(apart[len(apart)/2], usuallyAtLeast)
}

func summary(r *reconcile.Report) string {
	return fmt.Sprintf("of %d batches of the Gemini API and %d jobs of Vertex AI it looked at %d that had ended, queued %d whose event had not come, and enabled %d webhooks again",
		r.LookedAt[event.OriginGeminiAPI], r.LookedAt[event.OriginVertexAPI], r.EndedJobs, r.Queued, r.WebhooksEnabled)
}

// quoted are the first few of the errors; what is in them is not ours.
func quoted(errs []string) string {
	text := ""
	for _, err := range errs[:min(len(errs), maxErrorsShown)] {
		text = join(text, fmt.Sprintf("%q", err))
	}
	if more := len(errs) - maxErrorsShown; more > 0 {
		text = join(text, fmt.Sprintf("and %d more", more))
	}
	return text
}

// vertex wants jobs in a location to be listed, by whoever looks: what the function may
// is granted on the project, which is not seen here.
func (d *doctor) vertex(ctx context.Context, f *finding, location string) {
	err := d.Vertex(ctx, location)
	if errors.Is(err, reconcile.ErrLasting) {
		f.warn("enable aiplatform.googleapis.com, see that the location is one of Vertex AI's, and grant roles/aiplatform.viewer on the project to "+
			d.ReconcileAccount+" and, to have it checked, to whoever runs this", "batch jobs could not be listed (%s)", oneLine(err))
		return
	}
	if err != nil {
		f.noAnswer(err, "batch jobs")
		return
	}
	f.ok("batch jobs may be listed")
}
