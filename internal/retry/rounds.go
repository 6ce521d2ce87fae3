package retry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/archive"
	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/source"
)

// Jobs are the batches of the Gemini API.
type Jobs interface {
	source.Jobs
	// Requests writes the inline requests of a batch, a line each, in their order; none
	// where the API does not show them.
	Requests(ctx context.Context, name string, lines io.Writer) error
}

// Rounds retries the failed lines of the Gemini API's batches, as the receiver does it by
// itself (contract, "Rounds").
type Rounds struct {
	Max     int // of retries after a batch; 0: none is made
	State   *batch.State
	Claims  batch.Store // the same bucket
	Objects *object.Store
	Archive *archive.Store
	Version string // of the receiver
	MaxLine int64  // bytes
	Now     func() time.Time
	Log     *slog.Logger

	// Nil without an API key, and then Max is 0:
	Jobs    Jobs
	Files   source.Files
	Service Service
}

// Why nothing is made, for good.
var (
	errSpent      = errors.New("RETRY_FAILED allows no further round any more")
	errNoPlan     = errors.New("the batch's plan is not in the state bucket any more")
	errNoRequests = errors.New("the failed lines say too little to know their requests by")
	errUnshown    = errors.New("its requests are where the Gemini API does not give them back")
	errNoModel    = errors.New("nobody knows its model any more")
)

// lasting are the errors that a later attempt meets again. What is in the way of the
// requests alone is errUnshown.
var lasting = []error{
	errSpent, errNoPlan, errNoRequests, errUnshown, errNoModel, ErrLasting,
	ErrAmbiguous, ErrMissing, ErrLong, ErrOpenAI, object.ErrNotFound, object.ErrDenied, object.ErrRefused,
}

// Retry makes the next round of the batch that an event key is of. It makes one, however
// often it is called. Where none can be made, or somebody has made one by hand, it says so
// in the log, with the command that does it by hand, and gives what all rounds came to;
// there is no error then: an error may pass. It gives nil where the next round will tell,
// and where the state does not know of all rounds any more.
func (r *Rounds) Retry(ctx context.Context, key string) (*outcome.Settled, error) {
	old := &oldRound{Rounds: r, round: round{name: "the batch"}}
	made, err := old.retry(ctx, key)
	log := r.Log.With("event_key", key, "batch", old.name)
	switch {
	case errors.Is(err, ErrAlready):
		log.InfoContext(ctx, "failed lines have been retried", "reason", err.Error())
		if ours, err := old.byReceiver(ctx); ours || err != nil {
			return nil, err
		}
		return old.end(ctx)
	case errors.Is(err, ErrClaimed):
		return nil, fmt.Errorf("%w: %w", batch.ErrWaiting, err)
	}
	for _, is := range lasting {
		if errors.Is(err, is) {
			log.WarnContext(ctx, "failed lines are not retried", "reason", err.Error(),
				"command", fmt.Sprintf("webhookctl batch retry %s --codes %s --input FILE", old.name, strings.Join(passing, ",")))
			return old.end(ctx)
		}
	}
	if err == nil && made != "" {
		log.InfoContext(ctx, "failed lines are retried", "new_batch", made)
	}
	return nil, err
}

// oldRound is the batch whose failed lines are retried.
type oldRound struct {
	*Rounds
	round
	job   source.Job
	chain []round // it and those before it
}

// retry makes a batch and gives its name; "" where no more are to be made.
func (o *oldRound) retry(ctx context.Context, key string) (name string, err error) {
	plan, err := o.State.Stored(ctx, key)
	if errors.Is(err, batch.ErrNotFound) {
		return "", errNoPlan
	}
	if err != nil {
		return "", err
	}
	chain, err := o.Rounds.chain(ctx, plan)
	if errors.Is(err, errGone) || err == nil && len(chain) == 0 {
		return "", nil // the state is another since it was queued
	}
	if err != nil {
		return "", err
	}
	o.round, o.chain = chain[0], chain
	if len(chain) > o.Max {
		return "", errSpent
	}
	if o.job, err = o.Jobs.Read(ctx, o.name, nil); err != nil && !errors.Is(err, object.ErrNotFound) {
		return "", err
	}
	kept, selection, err := o.keep(ctx)
	if err != nil {
		return "", err
	}
	requests, _, err := o.Objects.Open(ctx, kept.Object, 0, kept.Size)
	if err != nil {
		return "", err
	}
	defer requests.Close()
	return o.make(ctx, selection, requests)
}

// end is what all rounds came to, where no more of them are made.
func (o *oldRound) end(ctx context.Context) (*outcome.Settled, error) {
	if len(o.chain) == 0 {
		return nil, nil
	}
	counts, whole, err := o.State.Counts(ctx, o.event.Key, o.plan)
	if err != nil || !whole {
		return nil, err
	}
	return o.settled(ctx, o.chain, counts)
}

// byReceiver reports whether a receiver has made the retry, or may have: its batch goes on
// with the rounds.
func (o *oldRound) byReceiver(ctx context.Context) (bool, error) {
	attempts, err := (&Maker{State: o.Claims, Key: o.jobKey}).attempts(ctx)
	return slices.ContainsFunc(attempts, func(a attempt) bool { return !a.refused && strings.HasPrefix(a.By, byReceiver) }), err
}

// keep stores the requests that are sent: from there they are sent again where the next
// round fails, for Gemini does not give them back.
func (o *oldRound) keep(ctx context.Context) (kept archive.Copy, s *Selection, err error) {
	item := archive.Item{Key: o.event.Key, File: archive.Requests, Origin: o.name, ContentType: "application/jsonl"}
	kept, err = o.Archive.Keep(ctx, item, func(w io.Writer) (err error) {
		s, err = o.choose(ctx, w)
		return err
	})
	if err == nil && s == nil { // they are there
		s, err = o.choose(ctx, io.Discard)
	}
	return kept, s, err
}

// choose writes the requests of failed lines, as they come.
func (o *oldRound) choose(ctx context.Context, to io.Writer) (*Selection, error) {
	s := NewSelection(passing, to)
	s.MaxLine = o.MaxLine
	for _, planned := range o.plan.Objects {
		body, size, err := o.Objects.Open(ctx, planned.Object, 0, planned.Size)
		if err != nil {
			return nil, err
		}
		err = s.Results(body, cmp.Or(planned.Origin, planned.URI()), size, o.plan.Listed())
		body.Close()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", planned.URI(), err)
		}
	}
	if s.NeedsInput() {
		if err := o.input(ctx, s); err != nil {
			return nil, err
		}
	}
	if err := s.Finish(nil); err != nil {
		return nil, err
	}
	if s.Report().Requests == 0 {
		return nil, errNoRequests
	}
	return s, nil
}

// input reads the requests: what was sent for this round, a file, or the job's list.
func (o *oldRound) input(ctx context.Context, s *Selection) error {
	switch {
	case len(o.chain) > 1:
		kept, err := o.Archive.Find(ctx, archive.Item{Key: o.chain[1].event.Key, File: archive.Requests})
		if err != nil {
			return err
		}
		body, size, err := o.Objects.Open(ctx, kept.Object, 0, kept.Size)
		if err != nil {
			return err
		}
		defer body.Close()
		return s.Input(body, size)
	case o.job.InputFile != "":
		body, err := o.Files.Open(ctx, o.job.InputFile)
		if errors.Is(err, object.ErrNotFound) || errors.Is(err, object.ErrDenied) || errors.Is(err, object.ErrRefused) || errors.Is(err, object.ErrName) {
			return fmt.Errorf("%w: %w", errUnshown, err)
		}
		if err != nil {
			return err
		}
		defer body.Close()
		return s.Input(body, -1)
	case !o.plan.Listed():
		return errUnshown
	}
	return o.listed(ctx, s)
}

// listed reads inline requests.
func (o *oldRound) listed(ctx context.Context, s *Selection) error {
	read, write := io.Pipe()
	counted := &tally{Writer: write}
	asked := make(chan error, 1)
	go func() {
		err := o.Jobs.Requests(ctx, o.name, counted)
		write.CloseWithError(err)
		asked <- err
	}()
	err := s.Input(read, -1)
	read.CloseWithError(err) // or the other side waits for ever
	if failed := <-asked; failed != nil && err == nil {
		err = failed
	}
	if err == nil && counted.bytes == 0 {
		return errUnshown
	}
	return err
}

type tally struct {
	io.Writer
	bytes int
}

func (c *tally) Write(p []byte) (int, error) {
	c.bytes += len(p)
	return c.Writer.Write(p)
}

// make makes the new batch.
func (o *oldRound) make(ctx context.Context, s *Selection, requests io.Reader) (name string, err error) {
	said := o.job.Batch
	if o.plan.Batch != nil {
		said = outcome.Batch{
			DisplayName: cmp.Or(o.plan.Batch.DisplayName, said.DisplayName),
			Model:       cmp.Or(o.plan.Batch.Model, said.Model),
		}
	}
	if said.Model == "" {
		return "", errNoModel
	}
	title := cmp.Or(said.DisplayName, strings.TrimPrefix(o.name, "batches/"))
	job := Job{
		DisplayName: DisplayName(title, s.Digest()), Model: said.Model,
		Embeddings: s.Embeddings(), Metadata: Metadata(o.event),
	}
	job.Metadata[RetryOf] = o.name
	maker := &Maker{
		State: o.Claims, Service: o.Service, Key: o.jobKey, By: byReceiver + o.Version,
		Now: o.Now, Lease: batch.MaxTaskTime,
	}
	name, _, err = maker.Make(ctx, job, s.Digest(), s.Report().ChosenCodes, requests, false)
	return name, err
}
