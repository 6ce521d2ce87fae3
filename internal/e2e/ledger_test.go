package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// rule says what a line of the ledger wants.
type rule int

const (
	equal   rule = iota
	atLeast      // so that a fault that never struck is no proof
	figure       // nothing: a figure to know
)

// entry is a line of the ledger.
type entry struct {
	what      string
	rule      rule
	want, got int
	note      string
}

func (e entry) balances() bool {
	switch e.rule {
	case atLeast:
		return e.got >= e.want
	case figure:
		return true
	default:
		return e.got == e.want
	}
}

func (e entry) String() string {
	want := map[rule]string{equal: fmt.Sprint(e.want), atLeast: fmt.Sprint("at least ", e.want), figure: "-"}[e.rule]
	line := fmt.Sprintf("%-50s %16s %10d", e.what, want, e.got)
	if !e.balances() {
		line += "  DOES NOT BALANCE"
	}
	if e.note != "" {
		line += "  " + e.note
	}
	return line
}

// ledger is printed at the end.
type ledger []entry

func (l ledger) String() string {
	lines := []string{fmt.Sprintf("%-50s %16s %10s", "what", "wanted", "got")}
	for _, e := range l {
		lines = append(lines, e.String())
	}
	return strings.Join(lines, "\n")
}

// broken are the lines that do not balance.
func (l ledger) broken() []string {
	var broken []string
	for _, e := range l {
		if !e.balances() {
			broken = append(broken, e.what)
		}
	}
	return broken
}

// balance compares what was announced with what came out.
func (b *books) balance() ledger {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Concat(b.balanceEvents(), b.balanceLines(), b.balanceDeliveries(), b.balanceForged(), b.balanceTasks())
}

// balanceEvents has a line for each kind of event in each mode.
func (b *books) balanceEvents() (l ledger) {
	type group struct{ kind, mode string }
	want, got, repeats := map[group]int{}, map[group]int{}, map[group]int{}
	nobodys, unexplained, reconciled := 0, 0, 0
	_, mayRepeat := b.mayRepeat()
	for resource, c := range b.came {
		a := b.announced[resource]
		if a == nil {
			nobodys++
			continue
		}
		g := group{a.kind, a.mode}
		for _, n := range c.ids {
			repeats[g] += n - 1
			// Two ranges that end at once may both complete their batch.
			if n-1 > mayRepeat[resource] && a.batch == nil && !b.tasks.forgotten[resource] {
				unexplained++
			}
		}
		m := modes[a.mode]
		if a.job && c.mode == byJobs {
			m = modes[byJobs]
			reconciled++
		}
		if len(c.types) == 1 && c.types[a.outcome] && len(c.ids) == 1 && c.mode == m.mode && c.scheme == m.scheme {
			got[g]++
		}
	}
	for _, a := range b.announced {
		want[group{a.kind, a.mode}]++
	}
	for _, g := range slices.SortedFunc(maps.Keys(want), func(x, y group) int { return strings.Compare(x.kind+x.mode, y.kind+y.mode) }) {
		l = append(l, entry{what: g.kind + ", " + g.mode, want: want[g], got: got[g], note: fmt.Sprintf("(%d repeated)", repeats[g])})
	}
	return append(l,
		entry{what: "outcomes of what nobody announced", got: nobodys},
		entry{what: "events repeated with no task that broke or doubled", got: unexplained},
		entry{what: "jobs with results that were reconciled", rule: figure, got: reconciled},
		entry{what: "batch.incomplete before it", rule: figure, got: b.incomplete},
	)
}

func (b *books) balanceLines() ledger {
	wrongTotals, batches, bound, unexplained := 0, 0, 0, 0
	var repeats struct{ tasks, state int }
	mayRepeat, _ := b.mayRepeat()
	for resource, a := range b.announced {
		if a.batch == nil {
			continue
		}
		batches++
		c, w := b.came[resource], a.batch
		if c == nil || c.results != w.want || w.made && (c.tokens != w.tokens || c.bytes != w.bytes) {
			wrongTotals++
		}
		switch {
		case b.tasks.forgotten[resource]:
			repeats.state += w.repeats
		case w.repeats > mayRepeat[resource]:
			unexplained++
		default:
			repeats.tasks += w.repeats
			bound += mayRepeat[resource]
		}
	}
	return ledger{
		{what: "lines of results", want: b.lines, got: b.linesCame},
		{what: "lines under two ids", got: b.conflicts},
		{what: "ids of two things", got: b.sharedIDs()},
		{what: "lines with another status or answer", got: b.wrong},
		{what: "lines of nothing", got: b.strays},
		{what: "lines repeated by tasks that broke or doubled", rule: figure, got: repeats.tasks, note: fmt.Sprintf("(they explain %d)", bound)},
		{what: "lines repeated where state was deleted", rule: figure, got: repeats.state, note: fmt.Sprintf("(of %d events)", len(b.tasks.forgotten))},
		{what: "batches with more repeats than such tasks explain", got: unexplained},
		{what: "batches", want: len(b.batches), got: batches},
		{what: "batches with wrong totals", got: wrongTotals},
	}
}

// sharedIDs are ids that stand for more than one line or outcome.
func (b *books) sharedIDs() (n int) {
	ids := make([]uint64, 0, b.lines+len(b.came))
	for _, batch := range b.batches {
		ids = append(ids, batch.ids...)
	}
	for _, c := range b.came {
		ids = slices.AppendSeq(ids, maps.Keys(c.ids))
	}
	slices.Sort(ids)
	for i := 1; i < len(ids); i++ {
		if ids[i] == ids[i-1] && ids[i] != 0 { // 0 has not come
			n++
		}
	}
	return n
}

func (b *books) balanceDeliveries() ledger {
	attempts, accepted, out := 0, 0, 0
	for _, d := range b.deliveries {
		attempts += d.attempts
		if d.accepted {
			accepted++
			if b.came[d.resource] != nil {
				out++
			}
		}
	}
	return ledger{
		{what: "attempts to deliver", rule: figure, got: attempts},
		{what: "deliveries answered 200 in the end", want: len(b.deliveries), got: accepted},
		{what: "deliveries answered 200 that came out", want: accepted, got: out},
		{what: "accepted with a timestamp out of tolerance", got: b.stamps.acceptedOutside},
		{what: "refused for a timestamp within tolerance", got: b.stamps.refusedInside},
		{what: "refused for a timestamp out of tolerance", rule: figure, got: b.stamps.outside},
		{what: "accepted in the last minute of tolerance", rule: figure, got: b.stamps.edge},
	}
}

func (b *books) balanceForged() (l ledger) {
	accepted, out := 0, 0
	for _, kind := range slices.Sorted(maps.Keys(b.forged)) {
		f := b.forged[kind]
		l = append(l, entry{what: "refused: " + kind, want: f.sent, got: len(f.refused)})
		accepted += len(f.accepted)
		out += f.out
	}
	return append(l, entry{what: "forged and accepted", got: accepted}, entry{what: "forged and in some message", got: out})
}

func (b *books) balanceTasks() ledger {
	unexplained := 0
	for _, resource := range b.letters {
		if resource != lateBatch {
			unexplained++
		}
	}
	return ledger{
		{what: "tasks queued that are done with", want: len(b.tasks.queued), got: len(b.tasks.done)},
		{what: "ranges handed on", rule: figure, got: b.tasks.handedOn},
		{what: "dead letters of results that came late", rule: figure, got: len(b.letters) - unexplained, note: "(redriven)"},
		{what: "dead letters not explained", got: unexplained},
	}
}
