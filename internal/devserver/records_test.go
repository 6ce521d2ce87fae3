package devserver

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/event"
)

// entry is a record as the front makes it, of an event about resource n.
func entry(n int) *record {
	body := fmt.Appendf(nil, `{"type":"interaction.completed","version":"v1","timestamp":"2026-03-01T12:00:00Z","data":{"id":"resource-%d"},"user_metadata":{"note":%q}}`,
		n, strings.Repeat("what a job brings back ", 10))
	r := &record{
		method: "POST", path: "/gemini", body: string(body), keys: &keys{},
		header: fmt.Appendf(nil, "Content-Type: application/json\r\nWebhook-Id: msg_%d\r\nWebhook-Signature: v1,%s\r\n", n, strings.Repeat("x", 44)),
	}
	r.fixed = Delivery{At: time.Now(), WebhookID: fmt.Sprint("msg_", n), Type: "interaction.completed", ResourceID: fmt.Sprint("resource-", n)}
	return r
}

// deliver adds a record that was accepted, and what is published of its event.
func deliver(rs *records, n, lines int) *record {
	r := entry(n)
	rs.add(r)
	id := r.fixed.WebhookID
	rs.queued(event.Encode(event.Delivery{ID: id, ReceivedAt: time.Now()}, []byte(r.body)), map[string]string{"kind": event.Kind})
	for i := range lines {
		status := "succeeded"
		if i%2 == 1 {
			status = "failed"
		}
		rs.published([]byte(`{"text":"x"}`), map[string]string{"type": "batch.result", "event_id": id, "outcome_id": fmt.Sprint(id, i), "status": status, "key": fmt.Sprint(i)})
	}
	rs.answered(r, &answer{status: 200, code: "accepted", took: time.Millisecond, body: []byte(`{"status":"accepted"}`)})
	return r
}

// What is kept has bounds, and what became of an event goes with its deliveries.
func TestBounds(t *testing.T) {
	t.Parallel()
	rs := newRecords(newChanges())
	rs.maxCount = 10
	for n := range 25 {
		deliver(rs, n, 3)
	}
	if len(rs.all) != 10 || len(rs.ids) != 10 || len(rs.events) != 10 || rs.counts.Forgotten != 15 || rs.find(15) != nil || rs.find(16) == nil || rs.find(26) != nil {
		t.Errorf("%d records, %d ids, %d events, %+v", len(rs.all), len(rs.ids), len(rs.events), rs.counts)
	}
	rs.maxBytes = rs.bytes
	rs.published(make([]byte, 2*maxData), map[string]string{"type": "batch.completed", "event_id": "msg_24", "outcome_id": "long"})
	if len(rs.all) != 1 || rs.find(25) == nil || len(rs.events) != 1 {
		t.Errorf("%d records, %d events of %d bytes, want the newest one alone", len(rs.all), len(rs.events), rs.bytes)
	}
	rs.maxBytes, rs.maxCount = 0, 1
	rs.add(&record{keys: &keys{}}) // without a webhook-id
	if len(rs.ids)+len(rs.events) != 0 || rs.bytes != recordBytes {
		t.Errorf("%d ids, %d events, %d bytes left of what is forgotten", len(rs.ids), len(rs.events), rs.bytes)
	}
}

// Of many lines those that failed are kept before others, each is counted once, and the
// rest is a number.
func TestManyLines(t *testing.T) {
	t.Parallel()
	rs := newRecords(newChanges())
	const lines = 3000
	for range 2 { // published twice
		deliver(rs, 1, lines)
	}
	d, _ := rs.detail(rs.find(1))
	if d.Lines != lines || d.Failed != lines/2 || len(d.Work.Lines) != maxFailed+maxSucceeded || d.Work.Hidden != lines-maxFailed-maxSucceeded {
		t.Errorf("%d lines, %d failed, %d kept, %d hidden", d.Lines, d.Failed, len(d.Work.Lines), d.Work.Hidden)
	}
	if first, last := d.Work.Lines[0], d.Work.Lines[len(d.Work.Lines)-1]; first.Status != "failed" || last.Status != "succeeded" || last.Text != "x" {
		t.Errorf("first %+v, last %+v", first, last)
	}
}

// What was refused shows nothing of the event whose webhook-id it has.
func TestRefusedHasNoWork(t *testing.T) {
	t.Parallel()
	rs := newRecords(newChanges())
	deliver(rs, 1, 2)
	for _, test := range []struct{ status, lines int }{{401, 0}, {503, 2}, {429, 2}, {200, 2}} {
		r := entry(1)
		rs.add(r)
		rs.answered(r, &answer{status: test.status})
		if d, key := rs.detail(r); d.Lines != test.lines || len(d.Work.Lines) != test.lines || (key == "") != (test.lines == 0) {
			t.Errorf("%d: %d lines, %d kept, key %q", test.status, d.Lines, len(d.Work.Lines), key)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	rs := newRecords(newChanges())
	for n := range 10 {
		deliver(rs, n, 0)
	}
	refused := entry(10)
	rs.add(refused)
	rs.answered(refused, &answer{status: 401, code: "signature_mismatch"})
	rs.add(entry(11)) // not answered yet
	for _, test := range []struct {
		q    Query
		want string
	}{
		{Query{Limit: 3}, "[12 11 10] true"},
		{Query{Limit: 3, Before: 10}, "[9 8 7] true"},
		{Query{Limit: 3, Before: 3}, "[2 1] false"},
		{Query{Limit: 3, Before: 1}, "[] false"},
		{Query{Text: "RESOURCE-4"}, "[5] false"},
		{Query{Text: "Brings Back", Limit: 12}, "[12 11 10 9 8 7 6 5 4 3 2 1] false"},
		{Query{Text: "signature_"}, "[11] false"},
		{Query{Text: "nowhere"}, "[] false"},
		{Query{Verdict: VerdictRefused}, "[11] false"},
		{Query{Verdict: VerdictAccepted, Limit: 1}, "[10] true"},
	} {
		ds, more := rs.list(test.q)
		seqs := []int64{}
		for _, d := range ds {
			seqs = append(seqs, d.Seq)
		}
		if got := fmt.Sprint(seqs, more); got != test.want {
			t.Errorf("%+v: %s, want %s", test.q, got, test.want)
		}
	}
}

// A reader that is too slow holds nobody up, is told so, and hears what comes after.
func TestChanges(t *testing.T) {
	t.Parallel()
	c := newChanges()
	ctx, stop := context.WithCancel(t.Context())
	reader := c.read(ctx)
	for seq := range int64(3 * pending) {
		c.tell(seq + 1)
	}
	for want := range int64(pending) {
		if got := <-reader; got != want+1 {
			t.Fatalf("got %d, want %d", got, want+1)
		}
	}
	if got := <-reader; got != 0 {
		t.Errorf("got %d, want 0 for what is left out", got)
	}
	c.tell(7)
	if got := <-reader; got != 7 {
		t.Errorf("got %d, want 7", got)
	}
	stop()
	if _, open := <-reader; open {
		t.Error("the channel is open after its context")
	}
	c.tell(8)
}

// BenchmarkKept fills the list to its end and searches it for what is not there.
func BenchmarkKept(b *testing.B) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	rs := newRecords(newChanges())
	for n := range maxDeliveries {
		deliver(rs, n, 0)
	}
	kept := float64(heap()-before) / (1 << 20)
	for b.Loop() {
		if ds, _ := rs.list(Query{Text: "nowhere to be found"}); len(ds) != 0 {
			b.Fatal("found")
		}
	}
	b.ReportMetric(kept, "MiB")
	b.ReportMetric(float64(len(rs.all)), "deliveries")
}
