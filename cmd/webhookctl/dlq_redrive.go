package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"example.com/gemini-webhook/internal/deadletter"
)

type dlqRedrive struct {
	IDs   []string `arg:"" optional:"" placeholder:"ID…" name:"id" help:"Ids of dead letters, of dlq list."`
	All   bool     `help:"All but foreign ones."`
	Class string   `placeholder:"C" help:"All of a class."`
	Force bool     `help:"Also foreign messages, which are named by their ids: what they ask for is done as if they were ours."`
	dlqFlags
}

// Help is kong's, for details.
func (dlqRedrive) Help() string {
	return `Give one of --all, --class and ids. A message leaves the dead letters when the queue
has acknowledged it: interrupted anywhere, at worst a message is in both, and what is
done twice has the same outcome ids. With a message all others of its batch are
redriven that are in the dead letters, its keeper last.

--json prints {result: "redriven", id, kind, event_type, resource_id, event_key} of
each.

Needed are roles/pubsub.subscriber on the subscription, roles/pubsub.publisher on the
queue topic for that time, and with --class roles/storage.objectViewer on the state
bucket.

` + codesHelp
}

// choice is what the command line names.
func (r dlqRedrive) choice() (deadletter.Choice, error) {
	given := 0
	for _, is := range []bool{r.All, r.Class != "", len(r.IDs) > 0} {
		if is {
			given++
		}
	}
	class := deadletter.Class(r.Class)
	switch {
	case given != 1:
		return deadletter.Choice{}, usage("give one of --all, --class and ids")
	case r.Force && len(r.IDs) == 0:
		return deadletter.Choice{}, usage("--force wants the ids of foreign messages")
	case class == deadletter.Foreign:
		return deadletter.Choice{}, usage("foreign messages are redriven by their ids, with --force: somebody else has published them")
	case class != "" && !slices.Contains(deadletter.Classes, class):
		return deadletter.Choice{}, usage("there is no class %q; there are %s", r.Class, strings.Trim(fmt.Sprint(deadletter.Classes), "[]"))
	case class != "" && r.StateBucket == "":
		return deadletter.Choice{}, usage("classes are read from the state bucket: give --state-bucket")
	}
	return deadletter.Choice{All: r.All, Class: class, IDs: r.IDs, Force: r.Force}, nil
}

// Run redrives what the command line names.
func (r dlqRedrive) Run(ctx context.Context, s streams) error {
	choice, err := r.choice()
	if err != nil {
		return err
	}
	d, err := r.connect(ctx, s)
	if err != nil {
		return err
	}
	defer d.Close()
	plan, more := d.Choose(ctx, choice)
	if more != nil && !errors.Is(more, deadletter.ErrMore) {
		return d.explain(more)
	}
	announce(s.messages, plan)
	p := progress{s: s, of: len(plan.Chosen)}
	var printing error
	err = d.Redrive(ctx, plan.Chosen, func(i deadletter.Item) {
		if r.JSON && printing == nil {
			printing = printLine(s.out, settledOf("redriven", i))
		}
		p.step()
	})
	p.end(r.JSON)
	if err != nil {
		return again(fmt.Errorf("%d of %d were redriven, the others are in the dead letters: %w", p.done, p.of, err))
	}
	if more != nil {
		more = again(more)
	}
	var foreign error
	if len(r.IDs) > 0 && len(plan.Foreign) > 0 {
		foreign = fmt.Errorf("%s foreign: --force redrives what is not ours", stay(len(plan.Foreign)))
	}
	return errors.Join(printing, missing(plan.Missing), foreign, more)
}

func stay(n int) string {
	if n == 1 {
		return "1 message stays, it is"
	}
	return fmt.Sprintf("%d messages stay, they are", n)
}

// announce says what a redrive will do that was not asked for, or will not do that was.
func announce(out io.Writer, plan deadletter.Plan) {
	if plan.Mates > 0 {
		fmt.Fprintf(out, "%s more of the same batches are redriven, too: a batch is redriven with all of its messages, or not at all\n", count(plan.Mates))
	}
	if len(plan.Foreign) > 0 {
		fmt.Fprintf(out, "%s foreign; see the runbook\n", stay(len(plan.Foreign)))
	}
	for _, i := range plan.Chosen {
		if i.Class == deadletter.Foreign && i.Kind != "event" && i.Kind != "range" {
			fmt.Fprintf(out, "%s has the kind %q, which no subscription of the queue delivers\n", i.ID, i.Kind)
		}
	}
}

// progress tells how many messages are redriven: on a terminal in one line that
// changes, else in a line for each thousand.
type progress struct {
	s        streams
	done, of int
}

func (p *progress) step() {
	p.done++
	switch {
	case p.s.live:
		fmt.Fprintf(p.s.messages, "\rredriven %d of %d", p.done, p.of)
	case p.done%1000 == 0 && p.done < p.of:
		fmt.Fprintf(p.s.messages, "redriven %d of %d\n", p.done, p.of)
	}
}

// end says how many there were.
func (p *progress) end(json bool) {
	if p.s.live && p.done > 0 {
		fmt.Fprintln(p.s.messages)
	}
	out := p.s.out
	if json {
		out = p.s.messages
	}
	fmt.Fprintf(out, "redriven: %s\n", count(p.done))
}
