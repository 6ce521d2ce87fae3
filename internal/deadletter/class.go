package deadletter

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/event"
)

// Class is why a message is in the dead letters, as far as it and the state bucket
// tell. Messages of one batch have one reason: the last that was reported.
type Class string

// The classes. docs/runbooks/dead-letters.md says what to do about each.
const (
	Foreign         Class = "foreign"          // no message of ours
	Format          Class = "format"           // message or plan of another version
	Excluded        Class = "excluded"         // its job's outcomes are by another event: nothing is left to do
	Done            Class = "done"             // its outcome is published, or another plan has its work
	PlanLost        Class = "plan_lost"        // a range whose plan is not in the state bucket
	UnreadableState Class = "unreadable_state" // what the state bucket has of it is broken
	NotFound        Class = "not_found"        // reported: results are not there, or were replaced
	Denied          Class = "denied"           // reported: the service account or the API key may not
	Unfinished      Class = "unfinished"       // begun, and failed for another reason
	Unknown         Class = "unknown"          // nothing tells
)

// Classes are all there are.
var Classes = []Class{Foreign, Format, Excluded, Done, PlanLost, UnreadableState, NotFound, Denied, Unfinished, Unknown}

// atOnce is how many events the state bucket is asked for at a time.
const atOnce = 16

// classify sets the classes of items and what else the state tells of them. It asks
// once for each event.
func (b *Box) classify(ctx context.Context, items []Item) error {
	byKey := make(map[string][]*Item)
	for n := range items {
		i := &items[n]
		switch {
		case i.Class != "":
		case b.States == nil:
			i.Class = Unknown
		default:
			byKey[i.EventKey] = append(byKey[i.EventKey], i)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for key, of := range byKey {
		group.Go(func() error { return b.ask(ctx, key, of) })
	}
	err := group.Wait()
	for n := range items {
		if items[n].Class == "" { // an error came first
			items[n].Class = Unknown
		}
	}
	return err
}

// ask sets the classes of the items of one event.
func (b *Box) ask(ctx context.Context, key string, items []*Item) error {
	known, err := b.States.Known(ctx, key)
	if err != nil {
		return err
	}
	var owner batch.Owner
	if n := slices.IndexFunc(items, func(i *Item) bool { return i.carries }); n >= 0 && !known.Completed && !known.Published {
		if owner, err = b.States.Owner(ctx, items[n].jobKey); err != nil {
			return err
		}
	}
	for _, i := range items {
		i.learn(known)
		i.Class = classOf(i, known, owner)
	}
	return nil
}

// learn takes what the state tells of an item's event.
func (i *Item) learn(known batch.Known) {
	if i.ResourceID == "" {
		i.ResourceID = printable(known.ResourceID)
	}
	if known.Plan != "" {
		i.Progress = &Progress{known.Done, known.Missing, printable(known.URI)}
	}
	// A report that is older than the message was of what is redriven.
	if r := known.Report; !r.At.IsZero() && !r.At.Before(i.Queued) {
		i.Error = &Failure{r.Code, printable(r.Message), r.At.UTC()}
	}
}

// classOf is the class of an item of which the state is known.
func classOf(i *Item, known batch.Known, owner batch.Owner) Class {
	lost := i.Range != nil && known.Plan == "" && known.Broken == nil
	of := &event.Event{Delivery: event.Delivery{Mode: i.mode}}
	switch {
	case i.retry:
		return Unfinished
	case known.Completed, known.Published:
		return Done
	case i.superseded(known):
		return Done
	case i.carries && (i.Range == nil || lost) && owner.Excludes(of):
		return Excluded
	case errors.Is(known.Broken, batch.ErrUnknownFormat), errors.Is(known.Broken, event.ErrFormat):
		return Format
	case known.Broken != nil:
		return UnreadableState
	case lost:
		return PlanLost
	case i.Error != nil:
		return reported(i.Error.Code)
	case known.Plan != "":
		return Unfinished
	}
	return Unknown
}

// superseded reports whether an item's range is of a plan that is not the stored one:
// whoever made that has queued its ranges.
func (i *Item) superseded(known batch.Known) bool {
	return i.Range != nil && !i.carries && known.Plan != "" && i.Range.Plan != "" && i.Range.Plan != known.Plan
}

func reported(code string) Class {
	switch code {
	case batch.CodeNotFound:
		return NotFound
	case batch.CodeDenied:
		return Denied
	}
	return Unfinished
}
