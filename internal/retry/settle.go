package retry

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
)

// MaxRounds is the most rounds that may be configured.
const MaxRounds = 5

// passing are the codes of errors that a second try may not meet: HTTP's 429, 500 and
// 503, and what lines have in their place, google.rpc's RESOURCE_EXHAUSTED, INTERNAL and
// UNAVAILABLE.
var passing = []string{"429", "500", "503", "8", "13", "14"}

// passed are those of a batch's codes that are worth a retry.
func passed(codes outcome.Names) (found []string) {
	for _, code := range passing {
		if codes[code] > 0 {
			found = append(found, code)
		}
	}
	return found
}

// RetryOf is the member of a new batch's user_metadata that names the old one.
const RetryOf = "retry_of"

// Metadata is the user_metadata of an event, for a new batch.
func Metadata(e *event.Event) map[string]any {
	metadata := make(map[string]any, len(e.UserMetadata)+1)
	for name, value := range e.UserMetadata {
		metadata[name] = json.RawMessage(value)
	}
	return metadata
}

// round is one of a chain of batches, each but the first made by the receiver of failed
// lines of the one before.
type round struct {
	plan   *batch.Plan
	event  *event.Event // the plan's
	name   string       // of the batch
	jobKey string
}

// errGone: a batch is a round, and of those before it the state knows no more.
var errGone = errors.New("what the earlier rounds came to is not in the state bucket")

// After implements batch.Rounds.
func (r *Rounds) After(ctx context.Context, plan *batch.Plan, counts outcome.Counts) (again bool, settled *outcome.Settled, err error) {
	worth := r.Max > 0 && len(passed(counts.ErrorCodes)) > 0
	e, err := plan.Decoded()
	if err != nil || !worth && e.UserMetadata[RetryOf].Str() == "" {
		return false, nil, err // nearly all batches: nothing is read for them
	}
	chain, err := r.chain(ctx, plan)
	switch {
	case errors.Is(err, errGone):
		return false, nil, nil
	case err != nil || len(chain) == 0:
		return false, nil, err
	case worth && len(chain) <= r.Max:
		return true, nil, nil
	case len(chain) == 1:
		return false, nil, nil
	}
	settled, err = r.settled(ctx, chain, counts)
	return false, settled, err
}

// settled is what the rounds of a chain came to; counts are the newest one's. It is nil
// where the state does not know of all lines any more.
func (r *Rounds) settled(ctx context.Context, chain []round, counts outcome.Counts) (*outcome.Settled, error) {
	all := []outcome.Counts{counts}
	for _, earlier := range chain[1:] {
		counts, whole, err := r.State.Counts(ctx, earlier.event.Key, earlier.plan)
		if err != nil || !whole {
			return nil, err
		}
		all = append(all, counts)
	}
	return settle(chain[len(chain)-1].plan.Batch, all), nil
}

// settle sums up rounds, the first last. job is the first's; nil where it is not known.
func settle(job *outcome.Batch, all []outcome.Counts) *outcome.Settled {
	s := &outcome.Settled{Total: all[len(all)-1].Total, Rounds: len(all) - 1}
	if job != nil && job.HasRequested {
		s.Total = max(s.Total, job.Requested)
	}
	for _, counts := range all {
		s.Succeeded += counts.Succeeded
		s.Invalid += counts.Invalid
	}
	s.Failed = max(0, s.Total-s.Succeeded-s.Invalid)
	return s
}

// chain gives the rounds that ended with a plan's batch, the newest first. It is empty
// where the plan's event is not its job's, or the job none of the Gemini API.
func (r *Rounds) chain(ctx context.Context, plan *batch.Plan) (chain []round, err error) {
	for plan != nil {
		next, own, err := r.round(ctx, plan)
		switch {
		case err != nil:
			return nil, err
		case !own && len(chain) == 0:
			return nil, nil
		case !own, len(chain) > MaxRounds:
			return nil, errGone
		}
		chain = append(chain, next)
		if plan, err = r.before(ctx, next); err != nil {
			return nil, err
		}
	}
	return chain, nil
}

// round reads a plan. own: its event owns its job, which is the Gemini API's.
func (r *Rounds) round(ctx context.Context, plan *batch.Plan) (next round, own bool, err error) {
	e, err := plan.Decoded()
	if err != nil {
		return round{}, false, err
	}
	next = round{plan: plan, event: e, name: object.BatchName(e.ResourceID), jobKey: e.JobKey()}
	if next.name == "" || e.Origin == event.OriginVertexAPI || !plan.Proven {
		return round{}, false, nil
	}
	owner, err := r.State.Owner(ctx, next.jobKey)
	return next, owner.Key == e.Key, err
}

// before gives the plan of the batch that one is a retry of; nil where it is none of the
// receiver's. What the event says of it counts for nothing unless the state says the same:
// anybody may write it.
func (r *Rounds) before(ctx context.Context, of round) (*batch.Plan, error) {
	old := object.BatchName(of.event.UserMetadata[RetryOf].Str())
	if old == "" {
		return nil, nil
	}
	job := event.JobKey(event.OriginGeminiAPI, old)
	attempts, err := (&Maker{State: r.Claims, Key: job}).attempts(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range attempts {
		if a.makes(of) {
			owner, err := r.State.Owner(ctx, job)
			if err != nil {
				return nil, err
			}
			plan, err := r.State.Stored(ctx, owner.Key)
			if errors.Is(err, batch.ErrNotFound) {
				err = errGone
			}
			return plan, err
		}
	}
	return nil, nil
}

// byReceiver is what By of the receiver's claims begins with.
const byReceiver = "receiver "

// makes reports whether an attempt of the receiver's made a batch. One that could not
// note which it made has the name that the API has of it.
func (a attempt) makes(of round) bool {
	switch {
	case a.refused || !strings.HasPrefix(a.By, byReceiver):
		return false
	case a.made != nil:
		return object.BatchName(a.made.Batch) == of.name
	}
	return of.plan.Batch != nil && of.plan.Batch.DisplayName == a.DisplayName
}
