package e2e

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"time"
)

// What may come of a SIGTERM. Cloud Run kills after 10 s; the receiver gives up
// what is still in flight a little before.
const (
	cutOff  = "SIGTERM with requests still in flight at the end"
	ignored = "SIGTERM and no end within 10 s"
)

// ending is how a process ends.
type ending struct {
	tasks bool // the private door; else the public one
	kill  bool // SIGKILL; else SIGTERM
}

func (e ending) String() string {
	return fmt.Sprintf("%s of the %s door", map[bool]string{true: "kill -9", false: "SIGTERM"}[e.kill], map[bool]string{true: "private", false: "public"}[e.tasks])
}

// endings are all four, in some order.
func endings() []ending {
	all := []ending{{false, false}, {false, true}, {true, false}, {true, true}}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// of ends a process of the soak and starts another in its place.
func (e ending) of(s *soak) func() { return func() { s.end(e) } }

func (s *soak) end(e ending) {
	s.struck.add(e.String())
	process, front, door := &s.child, s.front, "DOORS=public"
	if e.tasks {
		process, front, door = &s.tasks, s.door, "DOORS=tasks"
	}
	old := *process
	if e.kill {
		old.kill()
	} else {
		old.terminate(s.t)
		s.wire.begin(func() { s.ended(old) })
	}
	*process = start(s.t, append(s.env, door)...)
	if e.kill {
		front.set((*process).addr)
	} else {
		front.divert((*process).addr)
	}
}

// ended waits for a process after SIGTERM.
func (s *soak) ended(c *child) {
	select {
	case <-c.exited:
		if c.cmd.ProcessState.ExitCode() != 0 {
			s.struck.add(cutOff)
		}
	case <-time.After(stopTimeout):
		s.struck.add(ignored)
	}
}

// divert changes where new connections go, and leaves those there are to the
// process that drains.
func (f *front) divert(target string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.target = target
}

// balanceFaults logs what struck, and how often.
func (s *soak) balanceFaults(rule rule) (l ledger) {
	for _, what := range []string{
		"publish requests", "publish requests that failed", "storage operations", "storage operations that broke or stalled",
		"calls of Secret Manager that failed", "fetches of Gemini's keys that failed", "fetches of push keys that failed", "downloads that broke",
		"pushes beside Pub/Sub's", stateDeleted,
	} {
		l = append(l, entry{what: what, rule: rule, want: 1, got: s.struck.get(what)})
	}
	for _, code := range transientCodes {
		l = append(l, entry{what: storageAnswer(code), rule: rule, want: 1, got: s.struck.get(storageAnswer(code))})
	}
	l = append(l,
		entry{what: "deliveries lost", rule: rule, want: 1, got: int(s.wire.lost.Load())},
		entry{what: "webhooks disabled", rule: rule, want: 2, got: s.struck.get("webhooks disabled")},
		entry{what: "reconciliations that ended well", rule: rule, want: 1, got: s.struck.get("reconciliations answered 2xx")},
		entry{what: "reconciliations that did not", rule: figure, got: s.struck.get("reconciliations answered 5xx")},
		entry{what: "attempts to deliver made twice at once", rule: rule, want: 1, got: int(s.wire.twins.Load())},
		entry{what: "deliveries made again and accepted", rule: rule, want: 1, got: int(s.again.accepted.Load())},
		entry{what: "made again and 503 or cut off", rule: figure, got: int(s.again.unanswered.Load())},
		entry{what: "made again and refused, by withdrawn keys", rule: figure, got: int(s.again.refused.Load())},
		entry{what: "made again and refused, by our own secret", got: int(s.again.staticRefused.Load())},
	)
	for _, e := range endings() {
		l = append(l, entry{what: e.String(), rule: atLeast, want: 1, got: s.struck.get(e.String())})
	}
	for _, t := range troubles() {
		l = append(l, entry{what: t.name, rule: rule, want: 1, got: s.struck.get(t.name)})
	}
	slices.SortStableFunc(l[len(l)-len(troubles())-4:], func(a, b entry) int { return strings.Compare(a.what, b.what) })
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return append(l,
		entry{what: cutOff, rule: figure, got: s.struck.get(cutOff)},
		entry{what: ignored, got: s.struck.get(ignored)},
		entry{what: "memory of cloud and books, MiB", rule: figure, got: int(memory.Sys >> 20)},
	)
}
