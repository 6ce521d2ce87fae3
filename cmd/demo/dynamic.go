package main

import (
	"context"
	"fmt"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
)

// Labels of the two jobs: the last part of their webhooks' URLs.
const (
	labelV1a = "nightly"
	labelJWT = "jwt"
)

const (
	dynamicRequests = 50
	teamFilter      = `attributes.meta_team = "search" AND attributes.type = "batch.completed"`
)

// dynamic runs jobs with webhooks of their own, which Google signs with keys
// that are the same for all its customers, and a stranger's job.
func (d *demo) dynamic(ctx context.Context) error {
	d.screen.title("7. Webhooks given with a request, and a stranger's")
	token, err := d.operator.CreateToken(ctx)
	if err != nil {
		return err
	}
	var routed []string // jobs
	err = d.cloud.Subscribe(ctx, localcloud.OutcomesTopic, "team-search", teamFilter, func(_ []byte, attributes map[string]string) {
		d.mu.Lock()
		defer d.mu.Unlock()
		routed = append(routed, attributes["resource_id"])
	})
	if err != nil {
		return err
	}
	d.screen.say("a path token is in Secret Manager; a subscription has the filter %s", teamFilter)

	jobs := []job{
		{"v1a job, its batch.completed", labelV1a, "search", "ed25519", ""},
		{"JWT job, its batch.completed", labelJWT, "ads", "rs256", ""},
	}
	for i := range jobs {
		j := &jobs[i]
		uri := d.url + "/dynamic/" + token + "/" + j.label
		j.name, err = d.operator.RunBatchTo(ctx, j.label, localcloud.RequestFile(dynamicRequests), uri, map[string]any{"team": j.team})
		if err != nil {
			return err
		}
	}
	for _, j := range jobs {
		if err := d.routed(ctx, j); err != nil {
			return err
		}
	}
	if err := d.wait(ctx, "what the filter lets through", func() bool { return len(routed) > 0 }); err != nil {
		return err
	}
	d.mu.Lock()
	got := fmt.Sprint(routed)
	d.mu.Unlock()
	d.screen.check("routed by meta_team to its subscription", "["+jobs[0].name+"]", got)
	return d.strangers(ctx)
}

// job is a batch with a webhook of its own.
type job struct{ what, label, team, scheme, name string }

// routed waits for the job's batch.completed and checks how it came.
func (d *demo) routed(ctx context.Context, j job) error {
	done, err := d.outcome(ctx, "batch.completed", j.name)
	if err != nil {
		return err
	}
	d.screen.check(j.what,
		fmt.Sprintf("%d lines, dynamic %s path_token /dynamic/%s", dynamicRequests, j.scheme, j.label),
		fmt.Sprintf("%d lines, %s %s %s %s", done.Results.Total, done.Mode, done.Scheme, done.Origin, done.Path))
	return nil
}

// strangers has Google sign and deliver what belongs to somebody else.
func (d *demo) strangers(ctx context.Context) error {
	for _, stranger := range []struct{ what, path string }{
		{"a stranger's job, signed by Google, no token", hookPath},
		{"a stranger's job, signed by Google, wrong token", "/dynamic/0123456789abcdefghijklmnopqrstuvwxyzABCDEFG/x"},
	} {
		id, err := d.cloud.Gemini.EmitTo(d.url+stranger.path, "batch.succeeded",
			map[string]any{"id": "batches/stranger", "output_file_uri": "gs://" + localcloud.ResultBucket + "/x"}, gemini.EmitOptions{})
		if err != nil {
			return err
		}
		status, err := d.answered(ctx, id)
		if err != nil {
			return err
		}
		d.screen.check(stranger.what, 401, status)
	}
	return nil
}
