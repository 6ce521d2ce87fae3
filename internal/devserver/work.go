package devserver

import (
	"encoding/json"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/event"
)

// What is kept of one event.
const (
	maxFailed    = 1000 // lines that did not succeed
	maxSucceeded = 200  // other lines
	maxOutcomes  = 20
	maxSeen      = 200_000  // lines that are known again when they are published twice
	maxText      = 300      // bytes of a line's text
	maxData      = 64 << 10 // of an outcome
	lineBytes    = 250      // about what a line takes besides its texts
	seenBytes    = 16       // of a line that is known again
	told         = 50       // deliveries of one event that are said to have changed
)

// work is what became of an event, so far as it is published; under records.mu.
type work struct {
	key, kind, resource string

	ids       []*identity // its deliveries
	outcomes  int
	lines     int // counted once each
	failedAll int
	failed    []Line
	succeeded []Line
	messages  []Outcome
	seen      map[uint64]struct{} // lines and outcomes
	bytes     int
	changed   bool // it is among records.changed
}

var seed = maphash.MakeSeed()

// show fills in what the list shows of a delivery's event.
func (w *work) show(d *Delivery) {
	d.Outcomes, d.Lines, d.Failed = w.outcomes, w.lines, w.failedAll
	if d.Type == "" { // the event was in the token
		d.Type, d.ResourceID = w.kind, w.resource
	}
}

// copy is the work as it stands, without a plan.
func (w *work) copy() Work {
	return Work{
		Lines:    slices.Concat(w.failed, w.succeeded),
		Hidden:   w.lines - len(w.failed) - len(w.succeeded),
		Outcomes: slices.Clone(w.messages),
	}
}

// queued joins a webhook-id with the event that was queued for it.
func (rs *records) queued(data []byte, attributes map[string]string) {
	if attributes["kind"] != event.Kind {
		return
	}
	e, err := event.Decode(data)
	if err != nil {
		return // not the receiver's
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	id := rs.ids[e.ID]
	if id == nil || id.work != nil && id.work.key == e.Key {
		return
	}
	rs.release(id)
	w := rs.events[e.Key]
	if w == nil {
		w = &work{key: e.Key, kind: e.Type, resource: clip(e.ResourceID), seen: make(map[uint64]struct{})}
		rs.events[e.Key] = w
	}
	w.ids = append(w.ids, id)
	id.work = w
	rs.change(w)
}

// release takes a webhook-id from its event, which goes with its last one; rs.mu is held.
func (rs *records) release(id *identity) {
	w := id.work
	if w == nil {
		return
	}
	id.work = nil
	w.ids = slices.DeleteFunc(w.ids, func(other *identity) bool { return other == id })
	if len(w.ids) == 0 {
		delete(rs.events, w.key)
		rs.bytes -= w.bytes
	}
}

// published joins an outcome with its event.
func (rs *records) published(data []byte, attributes map[string]string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	id := rs.ids[attributes["event_id"]]
	if id == nil || id.work == nil {
		return
	}
	w, before := id.work, id.work.bytes
	if w.add(data, attributes) {
		rs.change(w)
		rs.bytes += w.bytes - before
		rs.trim()
	}
}

// add counts a message, and keeps it while there is room; false: it was published
// before.
func (w *work) add(data []byte, attributes map[string]string) bool {
	sum := maphash.String(seed, attributes["outcome_id"])
	if _, again := w.seen[sum]; again {
		return false
	}
	if len(w.seen) < maxSeen {
		w.seen[sum] = struct{}{}
		w.bytes += seenBytes
	}
	if attributes["type"] != "batch.result" {
		w.addOutcome(data, attributes)
		return true
	}
	w.lines++
	into, room := &w.succeeded, maxSucceeded
	if attributes["status"] != "succeeded" {
		w.failedAll++
		into, room = &w.failed, maxFailed
	}
	if len(*into) < room {
		line := lineOf(data, attributes)
		*into = append(*into, line)
		w.bytes += lineBytes + len(line.Key) + len(line.Text) + len(line.Error)
	}
	return true
}

func (w *work) addOutcome(data []byte, attributes map[string]string) {
	w.outcomes++
	if len(w.messages) == maxOutcomes {
		return
	}
	o := Outcome{ID: attributes["outcome_id"], Type: attributes["type"], At: time.Now(), Data: data, Attributes: attributes}
	if len(o.Data) > maxData {
		o.Data = o.Data[:maxData]
	}
	o.Data = slices.Clone(o.Data) // the message may be long
	w.messages = append(w.messages, o)
	w.bytes += recordBytes + 2*len(o.Data) // its attributes say much of it again
}

// lineOf reads a batch.result.
func lineOf(data []byte, attributes map[string]string) Line {
	var m struct {
		Index  *int64
		Text   string
		Error  struct{ Message string }
		Source struct{ Offset int64 }
	}
	_ = json.Unmarshal(data, &m) // what is not there stays empty
	return Line{
		Key: clip(attributes["key"]), Index: m.Index, Status: attributes["status"], Text: clip(m.Text),
		FinishReason: attributes["finish_reason"], ErrorCode: attributes["error_code"], Error: clip(m.Error.Message),
		Offset: m.Source.Offset,
	}
}

// clip gives the beginning of a text, and does not keep the rest.
func clip(text string) string {
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return strings.Clone(text)
}

// change notes that there is more of an event; rs.mu is held.
func (rs *records) change(w *work) {
	if !w.changed {
		w.changed = true
		rs.changed = append(rs.changed, w)
	}
}

// tellWork tells of the deliveries whose events have changed since it was called last.
func (rs *records) tellWork() {
	var seqs []int64
	rs.mu.Lock()
	for _, w := range rs.changed {
		w.changed = false
		var of []int64
		for _, id := range w.ids {
			of = append(of, id.seqs...)
		}
		slices.Sort(of)
		seqs = append(seqs, of[max(0, len(of)-told):]...)
	}
	rs.changed = nil
	rs.mu.Unlock()
	rs.changes.tell(seqs...)
}
