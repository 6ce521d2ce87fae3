package e2e

import (
	"fmt"
	"net/http"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	queued "example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/localcloud/push"
)

// delivery is one that Gemini, or the soak in its name, sends until it is
// accepted.
type delivery struct {
	resource string
	attempts int
	accepted bool
}

// stamps count attempts by what their timestamps were when they were answered.
type stamps struct {
	outside         int // refused as they must be
	edge            int // accepted within a minute of the tolerance's end
	acceptedOutside int
	refusedInside   int
}

const (
	tolerance = 5 * time.Minute // REPLAY_TOLERANCE, as it is by default
	stampSlop = 2 * time.Second // a stamp is in whole seconds
)

// attempted enters the answer to an attempt that began and ended at these ages
// of its timestamp; a status of 0 is none.
func (b *books) attempted(id, resource string, a answer, before, after time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.deliveries[id]
	if d == nil {
		d = &delivery{resource: resource}
		b.deliveries[id] = d
	}
	d.attempts++
	least, most := min(before.Abs(), after.Abs()), max(before.Abs(), after.Abs())
	switch {
	case a.status == http.StatusOK:
		d.accepted = true
		if least > tolerance+stampSlop {
			b.stamps.acceptedOutside++
		} else if least > tolerance-time.Minute {
			b.stamps.edge++
		}
	case a.word == "timestamp_out_of_range":
		b.stamps.outside++
		if most < tolerance-stampSlop {
			b.stamps.refusedInside++
		}
	}
}

// tasks are the messages of the work queue.
type tasks struct {
	resources map[string]string // by the key of their event
	forgotten map[string]bool   // resources of which state was deleted

	queued map[string]task // by message id
	broken map[string]int  // attempts and extra copies that may have published something that is published again
	done   map[string]bool // acknowledged, or dead letters

	begins, ends map[string]bool // of ranges
	handedOn     int             // ranges that begin where others left off
}

// task is a queued event, or a range of a batch.
type task struct {
	what     string // the same for the same work
	end      string // of a range, the same for the same end
	key      string // of its event
	resource string // of an event
	bytes    int64  // of a range
	ranged   bool
}

// queued enters a message of the work queue.
func (b *books) queued(m *pubsubpb.PubsubMessage) {
	var t task
	if m.GetAttributes()["kind"] == "range" {
		r, err := queued.DecodeRange(m.GetData())
		if err == nil {
			t = task{
				what: fmt.Sprint(r.Key, " ", r.Object, " ", r.Start), end: fmt.Sprint(r.Key, " ", r.Object, " ", r.End),
				bytes: r.End - r.Start, key: r.Key, ranged: true,
			}
		}
	} else if e, err := event.Decode(m.GetData()); err == nil {
		t = task{what: e.Key, key: e.Key, resource: e.ResourceID}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !t.ranged {
		b.tasks.resources[t.key] = t.resource
	}
	if t.ranged {
		if b.tasks.ends[t.end] && !b.tasks.begins[t.what] {
			b.tasks.handedOn++
		}
		b.tasks.ends[t.end], b.tasks.begins[t.what] = true, true
	}
	b.tasks.queued[m.GetMessageId()] = t
	b.unmask(m.GetData(), nil)
}

// pushed enters an attempt to have a message worked on.
func (b *books) pushed(a push.Attempt) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a.Acked || a.DeadLettered {
		b.tasks.done[a.MessageID] = true
	}
	// Refused with 401 and 503 it has not begun.
	if !a.Acked && (a.Err != nil || a.Status == http.StatusInternalServerError) {
		b.tasks.broken[a.MessageID]++
	}
}

// pushedTwice enters that a message is pushed once more than Pub/Sub does.
func (b *books) pushedTwice(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tasks.broken[id]++
}

// forgotten enters that state of an event is about to be deleted, and reports
// whether it may be: not of one that is done with, which would be done again when
// it is delivered again.
func (b *books) forgotten(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	resource, known := b.tasks.resources[key]
	if !known || b.came[resource] != nil {
		return false
	}
	b.tasks.forgotten[resource] = true
	return true
}

// buried enters a dead letter.
func (b *books) buried(data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	resource := "not an event"
	if e, err := event.Decode(data); err == nil {
		resource = e.ResourceID
	} else if r, err := queued.DecodeRange(data); err == nil {
		resource = b.tasks.resources[r.Key]
	}
	b.letters = append(b.letters, resource)
	b.unmask(data, nil)
}

// mayRepeat bounds, by resource, the lines and the outcomes of events that may
// have come twice: those of tasks that broke off or were worked on by two at
// once. What is queued twice may be worked on by two at once.
func (b *books) mayRepeat() (lines, outcomes map[string]int) {
	seen := make(map[string]bool)
	lines, outcomes = make(map[string]int), make(map[string]int)
	for id, t := range b.tasks.queued {
		times := b.tasks.broken[id]
		if seen[t.what] {
			times++
		}
		seen[t.what] = true
		resource := b.tasks.resources[t.key]
		if !t.ranged {
			outcomes[resource] += times
		} else if a := b.announced[resource]; a != nil && a.batch != nil {
			// A range without an end, of gzip, is the whole object.
			lines[resource] += times * min(mostLinesIn(t.bytes), len(a.batch.ids))
		}
	}
	return lines, outcomes
}

// buriedOnes is how many dead letters there are.
func (b *books) buriedOnes() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.letters)
}

// gaps names some of what has not come, or came wrong, for whoever looks for
// the reason.
func (b *books) gaps() (gaps []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for resource, a := range b.announced {
		c := b.came[resource]
		if c == nil {
			gaps = append(gaps, fmt.Sprintf("%s (%s, %s): no outcome", resource, a.kind, a.mode))
			continue
		}
		if len(c.ids) != 1 || !c.types[a.outcome] || c.mode != modes[a.mode].mode && !(a.job && c.mode == byJobs) {
			gaps = append(gaps, fmt.Sprintf("%s (%s, %s): %d ids, %v, mode %s", resource, a.kind, a.mode, len(c.ids), c.types, c.mode))
		}
		if a.batch == nil {
			continue
		}
		if missing := a.batch.missing(); len(missing) > 0 || c.results != a.batch.want {
			gaps = append(gaps, fmt.Sprintf("%s (%s, %s), number %d: lines %v have not come, totals %+v, want %+v",
				resource, a.kind, a.mode, a.batch.number, missing[:min(len(missing), 5)], c.results, a.batch.want))
		}
	}
	for id, d := range b.deliveries {
		if !d.accepted {
			gaps = append(gaps, fmt.Sprintf("delivery %s of %q: not accepted in %d attempts", id, d.resource, d.attempts))
		}
	}
	return gaps[:min(len(gaps), 20)]
}

// missing are the lines of a batch that have not come.
func (b *batch) missing() (missing []int) {
	for i, id := range b.ids {
		if id == 0 {
			missing = append(missing, i)
		}
	}
	return missing
}
