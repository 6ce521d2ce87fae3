package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/retry"
	"example.com/gemini-webhook/internal/version"
)

// batches works with batches of the Gemini API and of Vertex AI.
type batches struct {
	Retry batchRetry `cmd:"" help:"Make a new batch of the requests of a batch whose lines failed."`
}

// batchRetry is "webhookctl batch retry".
type batchRetry struct {
	Batch string `arg:"" placeholder:"BATCH" help:"Name of the batch: batches/ID, or projects/P/locations/L/batchPredictionJobs/N of Vertex AI."`
	geminiFlags

	Codes       []string `placeholder:"CODE" help:"Retry failed lines with these codes (error.code of their outcomes), comma-separated; none: those without a code. By default all failed lines."`
	DryRun      bool     `help:"Say what would be sent and make nothing."`
	Input       string   `placeholder:"FILE" help:"The batch's input, a local file or gs://BUCKET/OBJECT: JSON lines with the keys of the requests or, of inline ones, in their order. Needed where the lines do not have their requests, for Gemini does not give back what was uploaded."`
	Model       string   `help:"Model of the new batch, in place of the old one's."`
	URI         []string `name:"uri" placeholder:"https://…" help:"Where the new batch's events go, as its webhook_config, in place of the registered webhooks."`
	NoMetadata  bool     `help:"Send no user_metadata, where the API refuses it: the new batch's outcomes do not say retry_of."`
	Again       bool     `help:"Retry what has been retried before, or may have been."`
	StateBucket string   `env:"STATE_BUCKET" placeholder:"BUCKET" help:"Bucket of plans and markers. It keeps two runs apart, and knows the batch's results and user_metadata. Without it the Gemini API is asked."`
}

// Help is kong's, for details.
func (batchRetry) Help() string {
	return `The new batch has exactly the requests whose lines failed, never one whose line
succeeded. A line's request is its own, as Vertex AI writes it, or that of its key
in the batch's input. Its user_metadata is the old batch's, and retry_of, the old
batch's name; its display name is "retry of …" with the first digits of a digest of
the requests. Lines that are no results (invalid), and failed ones of which nobody
knows the request, are counted and left out.

A key that stands twice in the input, or not at all, ends it: nothing is made. What
was retried, or may have been, is not retried again without --again: also where
two runs are at it at once, or one was interrupted, as far as there is a state
bucket. After a retry of some codes the others can be retried.

--json prints {batch, dry_run, lines: {succeeded, failed, invalid, codes}, retry:
{requests, codes, prompt_tokens, token_lines, nameless, answered}, digest,
display_name, file, new_batch}: codes are counts by error code, prompt_tokens is
what token_lines of the lines tell, and absent where none does. Of --dry-run file
and new_batch are absent.

` + codesHelp + `

Here 0 is also that of --dry-run, and 1 that of a retry that was made before.`
}

// Run makes the batch.
func (b batchRetry) Run(ctx context.Context, s streams) (err error) {
	c, err := b.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	old, err := c.find(ctx, b)
	if err != nil {
		return err
	}
	requests, err := c.temporary()
	if err != nil {
		return err
	}
	selection := retry.NewSelection(b.Codes, requests)
	if err := c.read(ctx, old, selection); err != nil {
		return err
	}
	chosen := c.join(ctx, b, old, selection)
	answer := retried{Batch: old.name, DryRun: b.DryRun, report: selection.Report(), requested: old.requested}
	if chosen == nil && answer.report.Requests > 0 {
		answer.Digest = selection.Digest()
		answer.DisplayName = retry.DisplayName(old.title(), answer.Digest)
		if !b.DryRun {
			chosen = b.make(ctx, s, c, old, &answer, selection.Embeddings(), requests)
		}
	}
	return errors.Join(chosen, answer.print(s, b, chosen == nil))
}

// make sends the requests and makes the batch.
func (b batchRetry) make(ctx context.Context, s streams, c *retryClients, old *oldBatch, answer *retried, embeddings bool, requests *os.File) (err error) {
	job := retry.Job{DisplayName: answer.DisplayName, Model: old.model, Embeddings: embeddings, URIs: b.URI}
	if b.Model != "" {
		job.Model = b.Model
	}
	if job.Model == "" {
		return usage("nobody knows the model of %s any more: give --model", old.name)
	}
	if !b.NoMetadata && !old.withoutMetadata {
		job.Metadata = map[string]any{}
		maps.Copy(job.Metadata, old.metadata)
		job.Metadata[retry.RetryOf] = old.name
		if !old.metadataKnown {
			fmt.Fprintf(s.messages, "the user_metadata of %s is not known: the new batch has retry_of alone\n", old.name)
		}
	}
	if _, err := requests.Seek(0, io.SeekStart); err != nil {
		return err
	}
	maker := retry.Maker{Service: old.service, Key: old.key, By: "webhookctl " + version.String(), Now: time.Now}
	if c.state != nil {
		maker.State = c.state
	} else {
		fmt.Fprintln(s.messages, "without --state-bucket two runs at the same time are not kept apart")
	}
	answer.NewBatch, answer.File, err = maker.Make(ctx, job, answer.Digest, answer.report.ChosenCodes, requests, b.Again)
	return err
}

// retried is what the command prints.
type retried struct {
	Batch       string `json:"batch"`
	DryRun      bool   `json:"dry_run"`
	Lines       lines  `json:"lines"`
	Retry       sent   `json:"retry"`
	Digest      string `json:"digest,omitempty"`
	DisplayName string `json:"display_name,omitempty"`
	File        string `json:"file,omitempty"`
	NewBatch    string `json:"new_batch,omitempty"`

	report    retry.Report
	requested int64
}

type lines struct {
	Succeeded int64         `json:"succeeded"`
	Failed    int64         `json:"failed"`
	Invalid   int64         `json:"invalid"`
	Codes     outcome.Names `json:"codes"`
}

type sent struct {
	Requests     int64         `json:"requests"`
	Codes        outcome.Names `json:"codes"`
	PromptTokens *int64        `json:"prompt_tokens,omitempty"`
	TokenLines   int64         `json:"token_lines"`
	Nameless     int64         `json:"nameless"`
	Answered     int64         `json:"answered"`
}

// print writes what was found and done; whole: there is no error to come.
func (r *retried) print(s streams, b batchRetry, whole bool) error {
	report := r.report
	r.leftOut(s)
	if b.JSON {
		if !whole && !b.DryRun {
			return nil // the error says it all
		}
		r.Lines = lines{report.Succeeded, report.Failed, report.Invalid, named(report.Codes)}
		r.Retry = sent{Requests: report.Requests, Codes: named(report.ChosenCodes), TokenLines: report.TokenLines, Nameless: report.Nameless, Answered: report.Answered}
		if report.TokenLines > 0 {
			r.Retry.PromptTokens = &report.PromptTokens
		}
		return printJSON(s.out, r)
	}
	fmt.Fprintf(s.out, "lines       %d succeeded, %d failed, %d invalid\n", report.Succeeded, report.Failed, report.Invalid)
	if report.Failed > 0 {
		fmt.Fprintf(s.out, "failed      %s\n", listCodes(report.Codes))
	}
	if !whole {
		return nil
	}
	if report.Requests == 0 {
		fmt.Fprintln(s.messages, "there is nothing to retry")
		return nil
	}
	fmt.Fprintf(s.out, "to retry    %d requests: %s\ntokens      %s\nname        %s\n", report.Requests, listCodes(report.ChosenCodes), tokens(report), r.DisplayName)
	if r.NewBatch != "" {
		fmt.Fprintf(s.out, "file        %s\nbatch       %s\n", r.File, r.NewBatch)
	}
	return nil
}

// leftOut says which of the chosen lines are not retried.
func (r *retried) leftOut(s streams) {
	if n := r.requested - r.report.Succeeded - r.report.Failed - r.report.Invalid; r.requested > 0 && n > 0 {
		fmt.Fprintf(s.messages, "%d requests have no line at all: they are left out\n", n)
	}
	if n := r.report.Invalid; n > 0 {
		fmt.Fprintf(s.messages, "%d lines are invalid: nobody knows what they answer, they are left out\n", n)
	}
	if n := r.report.Nameless; n > 0 {
		fmt.Fprintf(s.messages, "%d failed lines have neither a request nor a key: they are left out\n", n)
	}
	if n := r.report.Answered; n > 0 {
		fmt.Fprintf(s.messages, "of %d keys another line succeeded: they are left out\n", n)
	}
}

// named is names that are never null in JSON.
func named(n outcome.Names) outcome.Names {
	if n == nil {
		return outcome.Names{}
	}
	return n
}

func listCodes(n outcome.Names) string {
	var texts []string
	for _, code := range n.Sorted() {
		texts = append(texts, fmt.Sprintf("%s (%d)", code, n[code]))
	}
	return strings.Join(texts, ", ")
}

func tokens(r retry.Report) string {
	switch r.TokenLines {
	case 0:
		return "unknown, the lines do not say"
	case r.Chosen:
		return fmt.Sprintf("%d in the prompts", r.PromptTokens)
	}
	return fmt.Sprintf("%d in the prompts of %d lines; the others do not say", r.PromptTokens, r.TokenLines)
}
