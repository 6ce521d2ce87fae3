package batch

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Whatever is deleted of the state, whenever, whichever calls fail, processes die,
// messages come twice, objects are replaced and copies deleted: before batch.completed all lines of
// a generation of each object are published and its totals are theirs; and in the
// end batch.completed has come, or a dead letter, and where no object was replaced
// a redrive of the dead letters completes the batch.
//
// INTERLEAVINGS says how many seeds (20,000 take two minutes); a seed that fails is
// run alone by -run 'TestAnyInterleaving/seed_7$'.
func TestAnyInterleaving(t *testing.T) {
	t.Parallel()
	seeds := 400
	if n, err := strconv.Atoi(os.Getenv("INTERLEAVINGS")); err == nil {
		seeds = n
	}
	var ran, completed, buried, redriven, replaced int
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			ran++
			s := newSim(t, seed)
			defer func() {
				if t.Failed() {
					t.Log(strings.Join(s.trace, "\n"))
				}
			}()
			s.deliverEvent(1, s.now)
			if s.random.IntN(2) == 0 { // another webhook
				s.deliverEvent(2, s.now.Add(time.Duration(s.random.IntN(120))*time.Second))
			}
			s.run()
			if s.completed == 0 && len(s.letters) == 0 {
				t.Fatal("neither batch.completed nor a dead letter: the batch ended in silence")
			}
			if s.completed > 0 {
				completed++
			} else {
				buried++
			}
			if s.replaced {
				replaced++
			}
			if s.completed == 0 && !s.replaced {
				redriven++
				s.redrive()
			}
		})
	}
	t.Logf("of %d: %d completed, %d in the dead letters, of which %d redriven; in %d an object was replaced", ran, completed, buried, redriven, replaced)
	if ran >= 400 && (completed < ran/2 || buried == 0 || replaced == 0) {
		t.Error("the interleavings are not mixed: they show little")
	}
}

// redrive queues all dead letters again, after the trouble.
func (s *sim) redrive() {
	s.calm = true
	s.now = s.now.Add(time.Hour)
	letters := s.letters
	s.letters = nil
	s.logf("redrive of %d", len(letters))
	for _, m := range letters {
		s.enqueue(m.kind, m.data, s.now)
	}
	s.run()
	if s.completed == 0 {
		s.t.Error("a redrive of all dead letters does not complete the batch")
	}
}

// accountsFor reports whether for the objects of these names there are generations
// of which all lines are published, which are as many and have as many bytes.
func (s *sim) accountsFor(lines, bytes int, names ...string) bool {
	if len(names) == 0 {
		return lines == 0 && bytes == 0
	}
	for _, v := range s.results[names[0]] {
		n, all, offset := 0, true, 0
		for line := range strings.Lines(v.content) {
			n++
			all = all && s.lines[place{names[0], v.generation, offset}]
			offset += len(line)
		}
		if all && s.accountsFor(lines-n, bytes-len(v.content), names[1:]...) {
			return true
		}
	}
	return false
}
