package outcomes_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"example.com/gemini-webhook/outcomes"
)

func typeOf(o outcomes.Outcome) string { return fmt.Sprintf("%T", o) }

func line(batch string, n int, status outcomes.Status) *outcomes.BatchResult {
	return &outcomes.BatchResult{
		Common: outcomes.Common{ResourceID: batch, OutcomeID: fmt.Sprintf("%s-%d", batch, n)}, Status: status,
	}
}

func completed(batch string, total int64) *outcomes.BatchCompleted {
	return &outcomes.BatchCompleted{
		Common:  outcomes.Common{ResourceID: batch, OutcomeID: batch + "-completed"},
		Results: outcomes.Results{Total: total},
	}
}

// TestProgressInAnyOrder: a batch is complete once, with the last of what it waits for,
// whatever comes when and how often.
func TestProgressInAnyOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		const n = 7
		var all []outcomes.Outcome
		for _, name := range []string{"a", "b"} { // b waits for ever
			all = append(all, completed(name, n))
			for i := range n {
				if name == "a" || i > 0 {
					all = append(all, line(name, i, []outcomes.Status{outcomes.Succeeded, outcomes.Failed, outcomes.Invalid}[i%3]))
				}
			}
		}
		all = append(all, all...)
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		var p outcomes.Progress
		first, complete, seen := 0, 0, map[string]bool{}
		for _, o := range all {
			isFirst, completes := p.Add(o)
			if isFirst {
				first++
			}
			seen[o.Base().OutcomeID] = true
			if completes {
				complete++
				if o.Base().ResourceID != "a" {
					t.Fatalf("seed %d: %s is complete without a line", seed, o.Base().ResourceID)
				}
			}
		}
		if first != len(seen) || complete != 1 {
			t.Fatalf("seed %d: %d of %d were the first of their kind, complete %d times", seed, first, len(seen), complete)
		}
		got := p.Batch(line("a", 0, ""))
		if want := (outcomes.Standing{Results: 7, Succeeded: 3, Failed: 2, Invalid: 2, Completed: got.Completed}); got != want || !got.Complete() {
			t.Fatalf("seed %d: %+v", seed, got)
		}
	}
}

func TestProgressTellsBatchesApart(t *testing.T) {
	t.Parallel()
	var p outcomes.Progress
	p.Add(line("batches/1", 0, outcomes.Succeeded))
	if _, completes := p.Add(completed("batch_1", 1)); !completes {
		t.Error("batches/1 and batch_1 are one batch")
	}
	nameless := completed("", 1)
	nameless.EventID = "msg_1"
	p.Add(nameless)
	other := line("", 0, outcomes.Succeeded)
	other.EventID = "msg_2"
	if _, completes := p.Add(other); completes {
		t.Error("events without an id are different batches")
	}
	failed := new(outcomes.BatchFailed)
	failed.ResourceID, failed.OutcomeID = "failed", "f"
	for _, want := range []bool{true, false} {
		if first, completes := p.Add(failed); first != want || completes || p.Batch(failed).Complete() || p.Batch(failed).End != failed {
			t.Errorf("a batch that failed: first %t, complete %t", first, completes)
		}
	}
	if first, completes := p.Add(new(outcomes.VideoGenerated)); !first || completes {
		t.Error("a video is no batch")
	}
	p.Forget(nameless)
	if p.Batch(nameless).Completed != nil {
		t.Error("it is not forgotten")
	}
	if _, completes := p.Add(completed("empty", 0)); !completes {
		t.Error("a batch without lines is complete at once")
	}
}

// round is a batch of n lines, made of the failed lines of another.
func round(of, name string, n int, settled *outcomes.Settled) (all []outcomes.Outcome) {
	metadata := map[string]json.RawMessage{}
	if of != "" {
		metadata["retry_of"] = fmt.Appendf(nil, "%q", of)
	}
	done := completed(name, int64(n))
	done.UserMetadata, done.Settled = metadata, settled
	all = append(all, done)
	for i := range n {
		l := line(name, i, outcomes.Succeeded)
		l.UserMetadata = metadata
		all = append(all, l)
	}
	return all
}

// TestSettledRounds: the chain is settled when its last line has come, wherever that is,
// and not before; a batch that was the origin of one that was made by hand is not in it.
func TestSettledRounds(t *testing.T) {
	t.Parallel()
	want := &outcomes.Settled{Total: 3, Succeeded: 3, Rounds: 2}
	var all []outcomes.Outcome
	all = append(all, round("batches/by-hand", "batches/1", 3, nil)...)
	all = append(all, round("batches/1", "batches/2", 2, nil)...)
	all = append(all, round("batches/2", "batches/3", 1, want)...)
	for seed := range uint64(100) {
		rand.New(rand.NewPCG(seed, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		var p outcomes.Progress
		for i, o := range all {
			if got := p.Settled(all[0]); got != nil {
				t.Fatalf("seed %d: settled after %d of %d", seed, i, len(all))
			}
			p.Add(o)
		}
		for _, name := range []string{"batches/1", "batch_2", "3"} {
			if got := p.Settled(line(name, 0, "")); got != want {
				t.Fatalf("seed %d: %s came to %v", seed, name, got)
			}
		}
		if got := p.Settled(line("batches/by-hand", 0, "")); got != nil {
			t.Fatalf("seed %d: what was retried by hand came to %v", seed, got)
		}
	}
	var p outcomes.Progress // of batches that name each other there is no end
	for _, o := range append(round("2", "1", 0, nil), round("1", "2", 0, want)...) {
		p.Add(o)
	}
	if got := p.Settled(line("1", 0, "")); got != nil {
		t.Errorf("a circle came to %v", got)
	}
}

// TestARoundThatIsNotMade: batch.completed comes again, in any order, and says what there
// is. It completes nothing a second time; a batch that was made all the same counts more.
func TestARoundThatIsNotMade(t *testing.T) {
	t.Parallel()
	retrying, end := completed("batches/1", 1), completed("batches/1", 1)
	retrying.Retrying = true
	end.OutcomeID, end.Settled = "again", &outcomes.Settled{Total: 1, Failed: 1}
	failed := line("batches/1", 0, outcomes.Failed)
	if retrying.Final() || !end.Final() {
		t.Errorf("final: %t, %t", retrying.Final(), end.Final())
	}
	for _, order := range [][]outcomes.Outcome{{failed, retrying, end}, {end, failed, retrying}, {retrying, end, failed}} {
		var p outcomes.Progress
		complete := 0
		for _, o := range append(order, order...) {
			if _, completes := p.Add(o); completes {
				complete++
			}
		}
		if got := p.Settled(failed); complete != 1 || got != end.Settled || p.Batch(failed).Completed != end {
			t.Errorf("complete %d times, %+v", complete, got)
		}
		want := &outcomes.Settled{Total: 1, Succeeded: 1, Rounds: 1}
		for _, o := range round("batches/1", "batches/2", 1, want) {
			p.Add(o)
		}
		if got := p.Settled(failed); got != want {
			t.Errorf("with a batch that was made all the same: %+v", got)
		}
	}
}

// TestOver: it is over when nothing more comes, whatever a round came to.
func TestOver(t *testing.T) {
	t.Parallel()
	failed := line("batches/1", 0, outcomes.Failed)
	retrying := completed("batches/1", 1)
	retrying.Retrying = true
	again := completed("batches/1", 1)
	again.OutcomeID, again.Settled = "again", &outcomes.Settled{Total: 1, Failed: 1}
	gone := new(outcomes.BatchExpired)
	gone.ResourceID, gone.OutcomeID = "batches/2", "gone"
	gone.UserMetadata = map[string]json.RawMessage{"retry_of": []byte(`"batches/1"`)}
	made := round("batches/1", "batches/2", 1, &outcomes.Settled{Total: 1, Succeeded: 1, Rounds: 1})
	for what, all := range map[string][]outcomes.Outcome{
		"no round":             {failed, completed("batches/1", 1)},
		"a round":              append([]outcomes.Outcome{failed, retrying}, made...),
		"none could be made":   {failed, retrying, again},
		"a round that expired": {failed, retrying, gone},
	} {
		var p outcomes.Progress
		for i, o := range all {
			if p.Over(failed) {
				t.Errorf("%s: over after %d of %d", what, i, len(all))
			}
			p.Add(o)
		}
		if !p.Over(failed) {
			t.Errorf("%s: not over", what)
		}
	}
	var p outcomes.Progress // of batches that name each other there is no end
	for _, names := range [][2]string{{"1", "2"}, {"2", "1"}} {
		all := round(names[0], names[1], 0, nil)
		all[0].(*outcomes.BatchCompleted).Retrying = true
		p.Add(all[0])
	}
	if p.Over(line("1", 0, "")) {
		t.Error("a circle is over")
	}
}
