package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/gcp/storage"
	"example.com/gemini-webhook/internal/geminiapi"
	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/retry"
	"example.com/gemini-webhook/internal/secret"
)

// retries sends the requests again whose lines failed in an old batch.
func (d *demo) retries(ctx context.Context, old outcome) error {
	d.screen.title(fmt.Sprintf("5. The lines that failed in the batch of %d, sent again", d.requests))
	d.mu.Lock()
	var failed []string
	for _, o := range d.lines {
		if o.ResourceID == old.ResourceID && o.Status == "failed" {
			failed = append(failed, o.Key)
		}
	}
	d.mu.Unlock()
	if len(failed) == 0 { // as it may be with few requests
		d.screen.say("no line failed")
		return nil
	}
	name, err := retryFailed(ctx, old.ResourceID, localcloud.RequestFile(d.requests))
	if err != nil {
		return err
	}
	d.screen.say("as webhookctl batch retry does, results and requests were joined by key, and %s made", name)
	done, lines, err := d.completed(ctx, name, len(failed))
	if err != nil {
		return err
	}
	var sent []string
	of := map[string]bool{}
	for _, o := range lines {
		sent = append(sent, o.Key)
		of[o.Attributes["meta_retry_of"]] = true
	}
	of[done.Attributes["meta_retry_of"]] = true
	slices.Sort(failed)
	slices.Sort(sent)
	d.screen.check("retry: its lines have the keys that failed", sameKeys(len(failed), true), sameKeys(len(sent), slices.Equal(sent, failed)))
	d.screen.check("retry: retry_of of all its outcomes", fmt.Sprint([]string{old.ResourceID}), fmt.Sprint(slices.Collect(maps.Keys(of))))

	_, err = retryFailed(ctx, old.ResourceID, localcloud.RequestFile(d.requests))
	said := fmt.Sprint(err)
	if errors.Is(err, retry.ErrAlready) {
		d.screen.say("%.120s…", said)
		said = retry.ErrAlready.Error()
	}
	d.screen.check("retry: once more", retry.ErrAlready, said)
	return nil
}

func sameKeys(n int, same bool) string { return fmt.Sprintf("%d keys, the same: %t", n, same) }

// retryFailed makes a batch of those requests of an old one whose lines failed, and
// gives its name. It is what webhookctl does for results that are a file at Gemini.
func retryFailed(ctx context.Context, old string, requests io.Reader) (name string, err error) {
	key := func(context.Context) (secret.Value, error) { return secret.NewValue([]byte(localcloud.APIKey)), nil }
	api := geminiapi.New(key)
	batches := geminiapi.Batches{API: api}
	job, err := batches.Read(ctx, old, nil)
	if err != nil {
		return "", err
	}
	results, err := geminiapi.Files{API: api}.Open(ctx, job.ResponsesFile)
	if err != nil {
		return "", err
	}
	defer results.Close()
	var failed bytes.Buffer
	selection := retry.NewSelection(nil, &failed)
	err = errors.Join(selection.Results(results, job.ResponsesFile, -1, false), selection.Input(requests, -1), selection.Finish(nil))
	if err != nil {
		return "", err
	}
	gcs, err := storage.NewClient(ctx)
	if err != nil {
		return "", err
	}
	defer gcs.Close()
	maker := retry.Maker{
		State: gcs.State(localcloud.StateBucket), Service: batches.NewBatches(geminiapi.WebhooksConfig{Key: key}),
		Key: event.JobKey(event.OriginGeminiAPI, old), By: "demo", Now: time.Now,
	}
	digest := selection.Digest()
	name, _, err = maker.Make(ctx, retry.Job{
		DisplayName: retry.DisplayName(job.DisplayName, digest), Model: job.Model, Metadata: map[string]any{retry.RetryOf: old},
	}, digest, selection.Report().ChosenCodes, &failed, false)
	return name, err
}
