package outcomes

import (
	"encoding/json"
	"slices"
	"strings"
)

// Standing is what a consumer has of one batch.
type Standing struct {
	// Lines by Status of the distinct outcome_ids of batch.result, and their sum.
	Results, Succeeded, Failed, Invalid int64
	// Completed is nil until batch.completed has come. Of two, the one that is final.
	Completed *BatchCompleted
	// End is the outcome of a batch that has no lines, of type batch.failed, batch.expired,
	// batch.cancelled or batch.unreadable; nil where none has come.
	End Outcome
	// RetryOf is the name of the batch whose failed lines this one was made of, by the
	// receiver (RETRY_FAILED) or by hand; "" where it is none.
	RetryOf string
}

// Complete says whether all lines of the batch are there: as many distinct outcome_ids
// of batch.result have come as results.total of batch.completed says. Who keeps outcomes
// in a database counts them there, and asks
//
//	outcomes.Standing{Results: n, Completed: completed}.Complete()
//
// It is never true of a batch that has no batch.completed (batch.failed, batch.expired,
// batch.cancelled, batch.unreadable), nor with BATCH_RESULTS=summary, which publishes no
// lines: there batch.completed is all that comes.
func (s Standing) Complete() bool {
	return s.Completed != nil && s.Results >= s.Completed.Results.Total
}

// Final says whether no round follows this batch, of a receiver with RETRY_FAILED. Where
// one follows, and then cannot be made, batch.completed comes again, with Settled.
func (c *BatchCompleted) Final() bool { return !c.Retrying }

// Progress says of many batches which are complete, whatever the order of their outcomes
// and however often they come. The zero value is ready for use. It is in memory, some 100
// bytes for a line until Forget, so a process that starts anew adds what it has kept; and
// it is for one goroutine at a time.
type Progress struct {
	batches map[string]*batch
}

type batch struct {
	Standing
	seen map[string]bool // by outcome_id
}

// Add takes an outcome into account. first is false where one with its id was added
// before; completes says that it was the last that its batch waited for, which is true
// once for a batch. Outcomes that are not of a batch's lines or its end are not looked at:
// first is true of them, always.
func (p *Progress) Add(o Outcome) (first, completes bool) {
	switch o.(type) {
	case *BatchResult, *BatchCompleted, *BatchFailed, *BatchExpired, *BatchCancelled, *BatchUnreadable:
	default:
		return true, false
	}
	b := p.batch(o.Base())
	if b.seen[o.Base().OutcomeID] {
		return false, false
	}
	b.seen[o.Base().OutcomeID] = true
	before := b.Complete()
	switch o := o.(type) {
	case *BatchResult:
		b.count(o.Status)
	case *BatchCompleted:
		if b.Completed == nil || !b.Completed.Final() {
			b.Completed = o
		}
	default:
		b.End = o
	}
	return true, !before && b.Complete()
}

func (s *Standing) count(line Status) {
	s.Results++
	switch line {
	case Succeeded:
		s.Succeeded++
	case Invalid:
		s.Invalid++
	default:
		s.Failed++
	}
}

// Batch is what has come of the batch that an outcome is about.
func (p *Progress) Batch(o Outcome) Standing {
	if b := p.batches[batchKey(o.Base())]; b != nil {
		return b.Standing
	}
	return Standing{}
}

// Forget frees what is kept of the batch that an outcome is about. A repeat that comes
// later is taken for the first of its kind.
func (p *Progress) Forget(o Outcome) { delete(p.batches, batchKey(o.Base())) }

// Settled gives what all rounds of a chain of batches came to (RETRY_FAILED), by an
// outcome of any of them. It is nil until the last round's batch.completed has come and
// each batch of the chain is complete, and after one of them was forgotten. Of several the
// one of the most rounds counts.
func (p *Progress) Settled(o Outcome) (settled *Settled) {
	key := batchKey(o.Base())
	for last, b := range p.batches {
		if b.Completed == nil || b.Completed.Settled == nil {
			continue
		}
		if s := b.Completed.Settled; slices.Contains(p.complete(last, s.Rounds+1), key) && (settled == nil || s.Rounds > settled.Rounds) {
			settled = s
		}
	}
	return settled
}

// maxRounds is the most that RETRY_FAILED may say.
const maxRounds = 5

// Over says whether all has come of the batch that an outcome is about and of the rounds
// that follow it: it is complete, or has ended without lines, and so is what was made of
// its failed lines, if batch.completed says that they are retried (contract, "Rounds").
func (p *Progress) Over(o Outcome) bool { return p.over(batchKey(o.Base()), maxRounds) }

func (p *Progress) over(key string, rounds int) bool {
	b := p.batches[key]
	switch {
	case b == nil || rounds < 0:
		return false
	case b.End != nil:
		return true
	case !b.Complete():
		return false
	case b.Completed.Final():
		return true
	}
	for next, made := range p.batches {
		if nameKey(made.RetryOf) == key && p.over(next, rounds-1) {
			return true
		}
	}
	return false
}

// complete are the keys of a chain of n batches, of which key is the newest; none where one
// of them is not complete.
func (p *Progress) complete(key string, n int64) (chain []string) {
	for ; int64(len(chain)) < n; key = nameKey(p.batches[key].RetryOf) {
		if b := p.batches[key]; b == nil || !b.Complete() || slices.Contains(chain, key) {
			return nil
		}
		chain = append(chain, key)
	}
	return chain
}

func (p *Progress) batch(c *Common) *batch {
	key := batchKey(c)
	b := p.batches[key]
	if b == nil {
		b = &batch{seen: make(map[string]bool)}
		// Where it is no text it is none of the receiver's, and stays "".
		_ = json.Unmarshal(c.UserMetadata["retry_of"], &b.RetryOf)
		if p.batches == nil {
			p.batches = make(map[string]*batch)
		}
		p.batches[key] = b
	}
	return b
}

// batchKey tells batches apart: by their id or, where an event has none, by the event's.
func batchKey(c *Common) string {
	if c.ResourceID == "" {
		return "event " + c.EventID
	}
	return nameKey(c.ResourceID)
}

// nameKey makes one of X, batch_X and batches/X, which are the same batch.
func nameKey(name string) string {
	if id, is := strings.CutPrefix(name, "batches/"); is {
		return id
	}
	return strings.TrimPrefix(name, "batch_")
}
