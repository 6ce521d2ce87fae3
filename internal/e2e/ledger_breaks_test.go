package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"

	queued "example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/localcloud/push"
)

// published is a message of the outcomes or results.
type published struct {
	data       string
	attributes map[string]string
}

// day is a small soak without trouble: a batch of 50 lines, another event and a
// forgery.
type day struct {
	books    *books
	outcomes []published
	forged   int // status of the forgery's answer
}

func newDay() *day {
	const number, lines = 0, 50
	d := &day{books: newBooks(), forged: http.StatusUnauthorized}
	b := d.books.open(lines)
	r := resultsOf(number, lines, oneObject)
	b.made, b.keyless, b.bytes = true, r.keyless, r.bytes
	b.want, b.tokens = countLines(lines)
	d.books.announce("batches/1", announced{kind: "batch.succeeded", mode: "v1a", outcome: "batch.completed", batch: b})
	d.books.announce("soak-1", announced{kind: "video.generated", mode: "static", outcome: "video.generated"})
	for _, resource := range []string{"batches/1", "soak-1"} {
		d.books.attempted("msg_"+resource, resource, answer{status: http.StatusOK}, 0, 0)
		d.books.queued(&pubsubpb.PubsubMessage{
			MessageId: resource, Data: event.Encode(event.Delivery{ID: "msg_" + resource}, []byte(interaction(resource))),
		})
		d.books.pushed(push.Attempt{MessageID: resource, Acked: true})
	}
	at := make(map[int]place)
	for where, index := range r.keyless {
		at[index] = where
	}
	add := func(data string, attributes map[string]string) {
		attributes["outcome_id"] = fmt.Sprint("id", len(d.outcomes))
		d.outcomes = append(d.outcomes, published{data, attributes})
	}
	for i := range lines {
		attributes := map[string]string{"type": "batch.result", "resource_id": "batches/1", "status": kindOf(i).status()}
		if kindOf(i).keyed() {
			attributes["key"] = lineKey(number, i)
		}
		add(fmt.Sprintf(`{"source":{"uri":%q,"offset":%d},"text":%q}`, at[i].uri, at[i].offset, marker(number, i)), attributes)
	}
	add(fmt.Sprintf(`{"results":{"total":%d,"succeeded":%d,"failed":%d,"invalid":%d},"usage":{"total_tokens":%d},"bytes":%d}`,
		b.want.Total, b.want.Succeeded, b.want.Failed, b.want.Invalid, b.tokens, b.bytes),
		map[string]string{"type": "batch.completed", "resource_id": "batches/1", "mode": "dynamic", "scheme": "ed25519"})
	add(`{}`, map[string]string{"type": "video.generated", "resource_id": "soak-1", "mode": "static", "scheme": "hmac-sha256"})
	return d
}

// end enters what came out and gives the lines that do not balance.
func (d *day) end() []string {
	d.books.judged("a lie", d.books.forge("a lie"), d.forged)
	for _, o := range d.outcomes {
		d.books.see([]byte(o.data), o.attributes)
	}
	return d.books.balance().broken()
}

// A ledger that cannot fail shows nothing: each of these breaks its lines, and
// no others.
func TestLedgerBreaks(t *testing.T) {
	t.Parallel()
	const keyed, unkeyed, completed, video = 0, 23, 50, 51
	for name, test := range map[string]struct {
		spoil func(*day)
		want  []string
	}{
		"nothing": {func(*day) {}, nil},
		"a line lost": {func(d *day) { d.outcomes = slices.Delete(d.outcomes, keyed, keyed+1) },
			[]string{"lines of results"}},
		"a line without a key lost": {func(d *day) { d.outcomes = slices.Delete(d.outcomes, unkeyed, unkeyed+1) },
			[]string{"lines of results"}},
		"a line under a second id": {func(d *day) { d.again(keyed, "outcome_id", "other") },
			[]string{"lines under two ids"}},
		"two lines under an id": {func(d *day) { d.change(keyed, "outcome_id", "id1") },
			[]string{"ids of two things"}},
		"a line repeated without a reason": {func(d *day) { d.again(keyed, "", "") },
			[]string{"batches with more repeats than such tasks explain"}},
		"a line repeated by a task that broke": {func(d *day) {
			d.again(keyed, "", "")
			d.books.queued(rangeOf("batches/1"))
			d.books.pushed(push.Attempt{MessageID: "range", Status: http.StatusInternalServerError})
			d.books.pushed(push.Attempt{MessageID: "range", Acked: true})
		}, nil},
		"a line repeated by a task of another batch": {func(d *day) {
			d.again(keyed, "", "")
			d.books.queued(rangeOf("batches/2"))
			d.books.pushed(push.Attempt{MessageID: "range", Err: http.ErrServerClosed})
			d.books.pushed(push.Attempt{MessageID: "range", Acked: true})
		}, []string{"batches with more repeats than such tasks explain"}},
		"a line repeated where state was deleted": {func(d *day) {
			d.forget("batches/1")
			d.again(keyed, "", "")
		}, nil},
		"a line repeated where another batch's state was deleted": {func(d *day) {
			d.forget("soak-1")
			d.again(keyed, "", "")
		}, []string{"batches with more repeats than such tasks explain"}},
		"an event repeated where its state was deleted": {func(d *day) {
			d.forget("soak-1")
			d.again(video, "", "")
		}, nil},
		"a range in the dead letters": {func(d *day) { d.books.buried(rangeOf("batches/1").Data) },
			[]string{"dead letters not explained"}},
		"another status": {func(d *day) { d.change(keyed, "status", "failed") },
			[]string{"lines with another status or answer"}},
		"another answer": {func(d *day) { d.outcomes[keyed].data = d.outcomes[keyed+1].data },
			[]string{"lines with another status or answer"}},
		"a line of nobody": {func(d *day) { d.again(keyed, "key", "b7-1") },
			[]string{"lines of nothing"}},
		"another place": {func(d *day) { d.outcomes[unkeyed].data = `{"source":{"uri":"gs://x/y"}}` },
			[]string{"lines of results", "lines of nothing"}},
		"wrong totals": {func(d *day) { d.books.batches[0].want.Failed++ },
			[]string{"batches with wrong totals"}},
		"wrong sum of tokens": {func(d *day) { d.books.batches[0].tokens++ },
			[]string{"batches with wrong totals"}},
		"not completed": {func(d *day) { d.outcomes = slices.Delete(d.outcomes, completed, completed+1) },
			[]string{"batch.succeeded, v1a", "batches with wrong totals", "deliveries answered 200 that came out"}},
		"an event lost": {func(d *day) { d.outcomes = d.outcomes[:video] },
			[]string{"video.generated, static", "deliveries answered 200 that came out"}},
		"an event under two ids": {func(d *day) { d.again(video, "outcome_id", "other") },
			[]string{"video.generated, static"}},
		"an event repeated without a reason": {func(d *day) { d.again(video, "", "") },
			[]string{"events repeated with no task that broke or doubled"}},
		"an event as another": {func(d *day) { d.change(video, "type", "batch.failed") },
			[]string{"video.generated, static"}},
		"an event in another mode": {func(d *day) { d.change(video, "mode", "dynamic") },
			[]string{"video.generated, static"}},
		"an event of nobody": {func(d *day) { d.again(video, "resource_id", "nobody's") },
			[]string{"outcomes of what nobody announced", "ids of two things"}},
		"never accepted": {func(d *day) {
			d.books.attempted("msg_2", "soak-1", answer{status: http.StatusServiceUnavailable}, 0, 0)
		},
			[]string{"deliveries answered 200 in the end"}},
		"accepted and stale": {func(d *day) {
			d.books.attempted("msg_2", "soak-1", answer{status: http.StatusOK}, tolerance+edge, tolerance+edge)
		},
			[]string{"accepted with a timestamp out of tolerance"}},
		"refused and not stale": {func(d *day) {
			d.books.attempted("msg_soak-1", "soak-1", answer{status: 401, word: "timestamp_out_of_range"}, 0, 0)
		},
			[]string{"refused for a timestamp within tolerance"}},
		"a forgery accepted": {func(d *day) { d.forged = http.StatusOK },
			[]string{"refused: a lie", "forged and accepted"}},
		"a forgery not answered": {func(d *day) { d.forged = http.StatusServiceUnavailable },
			[]string{"refused: a lie"}},
		"a forgery that came out": {func(d *day) { d.again(video, "event_id", "msg_forged-a_lie-1") },
			[]string{"events repeated with no task that broke or doubled", "forged and in some message"}},
		"a forgery inside of an outcome": {func(d *day) { d.outcomes[video].data = `{"event":{"id":"forged-a_lie-1"}}` },
			[]string{"forged and in some message"}},
		"a task left": {func(d *day) { d.books.queued(&pubsubpb.PubsubMessage{MessageId: "3"}) },
			[]string{"tasks queued that are done with"}},
		"a dead letter": {func(d *day) { d.books.buried([]byte("?")) },
			[]string{"dead letters not explained"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDay()
			test.spoil(d)
			if diff := cmp.Diff(test.want, d.end()); diff != "" {
				t.Errorf("lines that do not balance (-want +got):\n%s", diff)
			}
		})
	}
}

// rangeOf is a queued range of a batch.
func rangeOf(resource string) *pubsubpb.PubsubMessage {
	return &pubsubpb.PubsubMessage{
		MessageId: "range", Attributes: map[string]string{"kind": "range"},
		Data: queued.Range{
			Key: event.New(event.Delivery{}, []byte(interaction(resource))).Key, Plan: "plan", Interval: queued.Interval{End: 1000},
		}.Encode(),
	}
}

// forget deletes state of an event, which nothing has come of yet.
func (d *day) forget(resource string) {
	d.books.forgotten(event.New(event.Delivery{}, []byte(interaction(resource))).Key)
}

// change changes an attribute of an outcome.
func (d *day) change(n int, name, value string) { d.outcomes[n].attributes[name] = value }

// again publishes an outcome again with an attribute changed.
func (d *day) again(n int, name, value string) {
	copied := map[string]string{name: value}
	for n, v := range d.outcomes[n].attributes {
		if n != name {
			copied[n] = v
		}
	}
	d.outcomes = append(d.outcomes, published{d.outcomes[n].data, copied})
}
