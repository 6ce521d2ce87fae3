package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"example.com/gemini-webhook/internal/deadletter"
)

type dlqDrop struct {
	IDs []string `arg:"" placeholder:"ID…" name:"id" help:"Ids of dead letters, of dlq list."`
	Yes bool     `short:"y" help:"Do not ask."`
	dlqFlags
}

// Help is kong's, for details.
func (dlqDrop) Help() string {
	return `What they ask for is not done any more, and nothing brings them back.

--json prints {result: "dropped", id, kind, event_type, resource_id, event_key} of
each.

Needed is roles/pubsub.subscriber on the subscription.

` + codesHelp
}

// Run drops dead letters.
func (c dlqDrop) Run(ctx context.Context, s streams) error {
	d, err := c.connect(ctx, s)
	if err != nil {
		return err
	}
	defer d.Close()
	if !c.Yes {
		if err := s.confirm("drop", count(len(c.IDs))+" for good"); err != nil {
			return err
		}
	}
	var printing error
	absent, err := d.Drop(ctx, c.IDs, func(i deadletter.Item) {
		if printing != nil {
			return
		}
		if c.JSON {
			printing = printLine(s.out, settledOf("dropped", i))
			return
		}
		_, printing = fmt.Fprintf(s.out, "dropped %s: %s %s %s\n", i.ID, cmp.Or(kindOf(i), "-"), cmp.Or(i.EventType, "-"), cmp.Or(i.ResourceID, "-"))
	})
	return errors.Join(err, printing, missing(absent))
}
