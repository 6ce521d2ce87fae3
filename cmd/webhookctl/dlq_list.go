package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"example.com/gemini-webhook/internal/deadletter"
)

type dlqList struct{ dlqFlags }

// Help is kong's, for details.
func (dlqList) Help() string { return dlqHelp + "\n\n" + codesHelp }

// aged is a dead letter with its age.
type aged struct {
	deadletter.Item
	AgeSeconds int64 `json:"age_seconds"`
}

func agedOf(i deadletter.Item) aged { return aged{i, int64(time.Since(i.Dead).Seconds())} }

// Run lists the dead letters. What was seen is printed with an error, too.
func (l dlqList) Run(ctx context.Context, s streams) error {
	d, err := l.connect(ctx, s)
	if err != nil {
		return err
	}
	defer d.Close()
	items, failed := d.List(ctx)
	if l.JSON {
		for _, i := range items {
			if err := printLine(s.out, agedOf(i)); err != nil {
				return err
			}
		}
	} else if err := printItems(s.out, items); err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("the list (%s) is not complete: %w", count(len(items)), d.explain(failed))
	}
	fmt.Fprintln(s.messages, count(len(items)))
	return nil
}

// printItems prints a table.
func printItems(out io.Writer, items []deadletter.Item) error {
	if len(items) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tKIND\tCLASS\tATTEMPTS\tAGE\tEVENT TYPE\tRESOURCE\tDONE")
	for _, i := range items {
		attempts, done := "-", "-"
		if i.Attempts > 0 {
			attempts = strconv.Itoa(i.Attempts)
		}
		if i.Progress != nil {
			done = fmt.Sprintf("%d of %d ranges", i.Progress.Done, i.Progress.Done+i.Progress.Missing)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i.ID, kindOf(i), i.Class, attempts, age(i.Dead),
			cmp.Or(i.EventType, "-"), cmp.Or(i.ResourceID, "-"), done)
	}
	return t.Flush()
}

func kindOf(i deadletter.Item) string {
	if i.Keeper {
		return "range (keeper)"
	}
	return cmp.Or(i.Kind, "-")
}

// age is how long ago a time was, in whole seconds, or in hours and minutes.
func age(since time.Time) string {
	d := time.Since(since)
	if d < time.Hour {
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

type dlqShow struct {
	ID string `arg:"" placeholder:"ID" name:"id" help:"Id of the dead letter, of dlq list."`
	dlqFlags
}

// Help is kong's, for details.
func (dlqShow) Help() string {
	return `What is told, and the rights that are needed, are those of dlq list; reported is what
the last batch.incomplete said of its batch since it was queued.

` + codesHelp
}

// Run shows a dead letter.
func (c dlqShow) Run(ctx context.Context, s streams) error {
	d, err := c.connect(ctx, s)
	if err != nil {
		return err
	}
	defer d.Close()
	item, err := d.Find(ctx, c.ID)
	switch {
	case err != nil:
		return d.explain(err)
	case item == nil:
		return missing([]string{c.ID})
	case c.JSON:
		return printLine(s.out, agedOf(*item))
	}
	return printItem(s.out, *item)
}

// printItem prints what is known, a line for each.
func printItem(out io.Writer, i deadletter.Item) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, value)
		}
	}
	at := func(when time.Time) string {
		if when.IsZero() {
			return ""
		}
		return when.Format(time.RFC3339)
	}
	line("id", i.ID)
	line("kind", kindOf(i))
	line("class", string(i.Class))
	line("event type", i.EventType)
	line("resource", i.ResourceID)
	line("event id", i.EventID)
	line("event key", i.EventKey)
	line("attempts", strconv.Itoa(i.Attempts))
	line("queued", at(i.Queued))
	line("dead since", at(i.Dead)+", "+age(i.Dead)+" ago")
	line("size", fmt.Sprintf("%d bytes", i.Bytes))
	if i.Range != nil {
		line("range", fmt.Sprintf("bytes %d to %d of object %d of the plan %s", i.Range.Start, i.Range.End, i.Range.Object, cmp.Or(i.Range.Plan, "that is stored")))
	}
	if i.Progress != nil {
		line("done", fmt.Sprintf("%d of %d ranges of %s", i.Progress.Done, i.Progress.Done+i.Progress.Missing, i.Progress.URI))
	}
	if i.Error != nil {
		line("reported", at(i.Error.At)+" "+i.Error.Code+": "+i.Error.Message)
	}
	return t.Flush()
}
