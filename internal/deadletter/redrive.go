package deadletter

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// Choice is what to redrive: one of All, Class and IDs.
type Choice struct {
	All   bool // but for foreign messages
	Class Class
	IDs   []string
	Force bool // also foreign messages, of IDs
}

// Plan is what a redrive is going to do.
type Plan struct {
	Chosen  []Item // with the mates, the oldest first
	Mates   int    // of the chosen, those that are there because others of their batch are
	Missing []string
	Foreign []Item // that stay where they are
}

// Choose looks at the dead letters, and finds what a redrive is to publish. With
// ErrMore the plan is good for those that were seen.
func (b *Box) Choose(ctx context.Context, c Choice) (Plan, error) {
	items, more := b.survey(ctx)
	if more != nil && !errors.Is(more, ErrMore) {
		return Plan{}, more
	}
	if c.Class != "" {
		if err := b.classify(ctx, items); err != nil {
			return Plan{}, err
		}
	}
	return c.of(items), more
}

// of sorts what a choice means of all there is.
func (c Choice) of(items []Item) (p Plan) {
	named, keys := setOf(c.IDs), make(map[string]bool)
	direct := func(i Item) bool { return c.All || c.Class != "" && i.Class == c.Class || named[i.ID] }
	for _, i := range items {
		if direct(i) && i.EventKey != "" {
			keys[i.EventKey] = true
		}
	}
	for _, i := range items {
		switch {
		case direct(i) && i.Class == Foreign && !(c.Force && named[i.ID]):
			p.Foreign = append(p.Foreign, i)
		case direct(i):
			p.Chosen = append(p.Chosen, i)
		case keys[i.EventKey]:
			p.Chosen = append(p.Chosen, i)
			p.Mates++
		}
		delete(named, i.ID)
	}
	p.Missing = sorted(named)
	return p
}

// Redrive publishes the chosen messages to the queue again, as they are, and takes each
// away when the queue has it; a batch's keeper comes after the others of its batch. It
// tells of each. What it leaves with an error is still there; at worst a message is in
// both.
func (b *Box) Redrive(ctx context.Context, chosen []Item, redriven func(Item)) error {
	want, keepers := make(map[string]Item), make(map[string]Item)
	for _, i := range chosen {
		if i.Keeper {
			keepers[i.ID] = i
		} else {
			want[i.ID] = i
		}
	}
	if err := b.publish(ctx, want, redriven); err != nil {
		return err
	}
	left, waiting := len(want) > 0, make(map[string]bool) // batches of which some are left
	for _, i := range want {
		waiting[i.EventKey] = true
	}
	maps.DeleteFunc(keepers, func(_ string, k Item) bool { return waiting[k.EventKey] })
	if err := b.publish(ctx, keepers, redriven); err != nil {
		return err
	}
	if left || len(keepers) > 0 {
		return ErrLeft
	}
	return nil
}

// publish redrives what is wanted, and deletes it from there.
func (b *Box) publish(ctx context.Context, want map[string]Item, redriven func(Item)) error {
	if len(want) == 0 {
		return nil
	}
	see := func(ctx context.Context, messages []Message) (away []string, more bool, err error) {
		byKind := make(map[string][]Message)
		for _, m := range messages {
			if _, ok := want[m.ID]; ok {
				byKind[m.Attributes["kind"]] = append(byKind[m.Attributes["kind"]], m)
			}
		}
		for kind, of := range byKind {
			data := make([][]byte, 0, len(of))
			for _, m := range of {
				data = append(data, m.Data)
			}
			if err := b.Queue.Enqueue(ctx, kind, data...); err != nil {
				return away, false, err
			}
			for _, m := range of {
				away = append(away, m.ID)
			}
		}
		return away, len(want) > len(away), nil
	}
	return b.walk(ctx, long, visitor{see, func(id string) {
		redriven(want[id])
		delete(want, id)
	}})
}

func setOf(ids []string) map[string]bool {
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
