package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/genai"
	"google.golang.org/genai/interactions/models/operations"

	"example.com/gemini-webhook/internal/localcloud"
)

const (
	displayName    = "demo" // of the batches
	inlineRequests = 200
)

// file runs a batch whose results are a file at Gemini.
func (d *demo) file(ctx context.Context) (outcome, error) {
	d.screen.title(fmt.Sprintf("2. A batch of %d requests, whose results Gemini keeps as a file for two days", d.requests))
	name, err := d.operator.RunBatch(ctx, displayName, localcloud.RequestFile(d.requests))
	if err != nil {
		return outcome{}, err
	}
	d.screen.say("the SDK uploaded the requests and created %s; nobody polls it", name)
	if err := d.wait(ctx, "the webhook", func() bool { return len(d.cloud.Gemini.Deliveries()) > 0 }); err != nil {
		return outcome{}, err
	}
	first := d.cloud.Gemini.Deliveries()[0]
	d.screen.say("Gemini delivered %s as %s: answered %d in %d ms (verified and on the queue)",
		first.EventType, first.ID, first.Status, first.Duration.Milliseconds())
	d.screen.check("delivery of batch.succeeded", 200, first.Status)
	done, err := d.results(ctx, "file batch", name, "files/batch-", d.requests)
	if err != nil {
		return outcome{}, err
	}
	d.mu.Lock()
	d.screen.say("%d ranges of the copy, %d tokens", d.ranges, done.Usage.TotalTokens)
	d.mu.Unlock()
	return done, d.copied(ctx, "file batch", done.Source.Origin, done.Source.URI)
}

// others runs a batch with inline requests, a video and an interaction.
func (d *demo) others(ctx context.Context) error {
	d.screen.title("3. An inline batch, a video and an interaction, which events only name")
	batch, err := d.operator.RunInline(ctx, displayName, inlineRequests)
	if err != nil {
		return err
	}
	video, err := d.operator.GenerateVideos(ctx, 1)
	if err != nil {
		return err
	}
	interaction, err := d.operator.Interact(ctx, nil)
	if err != nil {
		return err
	}
	d.screen.say("the SDK created %s, %s and %s", batch, video, interaction)
	if _, err := d.results(ctx, "inline batch", batch, "batches/", inlineRequests); err != nil {
		return err
	}
	return errors.Join(d.video(ctx, video), d.interaction(ctx, interaction))
}

func (d *demo) video(ctx context.Context, name string) error {
	made, err := d.outcome(ctx, "video.generated", name)
	if err != nil {
		return err
	}
	d.screen.say("the video is kept as %s", made.Video.Archived.URI)
	d.screen.check("video: confirmed by the API", "true", made.Attributes["confirmed"])
	return d.copied(ctx, "video", made.Video.File, made.Video.Archived.URI)
}

func (d *demo) interaction(ctx context.Context, id string) error {
	said, err := d.outcome(ctx, "interaction.completed", id)
	if err != nil {
		return err
	}
	answer, err := d.operator.AI.Interactions.Get(ctx, operations.GetInteractionByIDRequest{ID: id})
	if err != nil {
		return err
	}
	d.screen.say("the interaction's outcome has the answer: %.50q", said.Interaction.Text)
	d.screen.check("interaction: confirmed by the API", "true", said.Attributes["confirmed"])
	want := *answer.Interaction.OutputText
	d.screen.check("interaction: its text, as the SDK reads it", equal(len(want), true), equal(len(said.Interaction.Text), said.Interaction.Text == want))
	return nil
}

// completed waits for batch.completed of a batch of n requests, and all its lines.
func (d *demo) completed(ctx context.Context, name string, n int) (done outcome, lines []outcome, err error) {
	err = d.wait(ctx, "batch.completed and its lines", func() bool {
		lines = nil
		for _, o := range d.lines {
			if o.ResourceID == name {
				lines = append(lines, o)
			}
		}
		d.screen.progress("ranges done %d, lines published %d of %d", d.ranges, len(lines), n)
		done = d.find("batch.completed", name)
		return done.ID != "" && len(lines) >= done.Results.Total
	})
	return done, lines, err
}

// results waits for all outcomes of a batch, and checks them.
func (d *demo) results(ctx context.Context, what, name, place string, n int) (outcome, error) {
	done, lines, err := d.completed(ctx, name, n)
	if err != nil {
		return done, err
	}
	status := map[string]int{}
	from := map[string]bool{} // what the lines say of the place of the results
	for _, o := range lines {
		status[o.Status]++
		from[o.Source.Origin] = true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.screen.say("results found in %s, copied to %s", done.Source.Origin, done.Source.URI)
	d.screen.check(what+": lines published, by outcome_id", n, status["succeeded"]+status["failed"])
	d.screen.check(what+": lines published twice", 0, d.repeats)
	d.screen.check(what+": totals of batch.completed",
		fmt.Sprintf("%d succeeded, %d failed, 0 invalid", status["succeeded"], status["failed"]),
		fmt.Sprintf("%d succeeded, %d failed, %d invalid", done.Results.Succeeded, done.Results.Failed, done.Results.Invalid))
	id := strings.TrimPrefix(name, "batches/")
	d.screen.check(what+": display_name, confirmed",
		displayName+" true", done.Attributes["display_name"]+" "+done.Attributes["confirmed"])
	d.screen.check(what+": source.origin of its lines", "["+place+"<id>]",
		strings.ReplaceAll(fmt.Sprint(slices.Collect(maps.Keys(from))), id, "<id>"))
	return done, nil
}

// copied checks that the copy at uri is the file of the Files API.
func (d *demo) copied(ctx context.Context, what, file, uri string) error {
	want, err := d.operator.AI.Files.Download(ctx, genai.NewDownloadURIFromFile(&genai.File{DownloadURI: file}), nil)
	if err != nil {
		return err
	}
	got, _ := d.cloud.Storage.Get(localcloud.ArchiveBucket, strings.TrimPrefix(uri, "gs://"+localcloud.ArchiveBucket+"/"))
	d.screen.check(what+": the copy is Gemini's file", equal(len(want), true), equal(len(got.Data), bytes.Equal(got.Data, want)))
	return nil
}

// equal is what a check says of n bytes.
func equal(n int, same bool) string { return fmt.Sprintf("%d bytes, the same: %t", n, same) }

// outcome waits for the outcome of that type about a resource.
func (d *demo) outcome(ctx context.Context, kind, resource string) (found outcome, err error) {
	err = d.wait(ctx, kind+" of "+resource, func() bool {
		found = d.find(kind, resource)
		return found.ID != ""
	})
	return found, err
}
