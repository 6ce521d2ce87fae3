package devserver

import (
	"bufio"
	"bytes"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/gemini-webhook/internal/capture"
)

// What is kept: so many deliveries, and so many bytes of them and of what became of
// them. The oldest go first.
const (
	maxDeliveries = 100_000
	maxBytes      = 128 << 20
	recordBytes   = 512 // about what a record takes besides its texts
)

// record is one delivery. All but its answer and identity is fixed when it is added.
type record struct {
	seq    int64
	fixed  Delivery // without what comes later
	method string
	path   string // escaped, as it came
	header []byte // as on the wire
	body   string
	note   string // what is missing of the body
	keys   *keys
	answer atomic.Pointer[answer]
	id     *identity // nil without a webhook-id; under records.mu

	log      []string // under records.mu
	logBytes int
}

// answer is what was answered.
type answer struct {
	status int
	code   string
	took   time.Duration
	body   []byte
}

func (r *record) size() int {
	return recordBytes + len(r.header) + len(r.body) + len(r.path) + r.logBytes
}

// request is the delivery as it came.
func (r *record) request() capture.Request {
	head := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(bytes.Clone(r.header), "\r\n"...))))
	header, _ := head.ReadMIMEHeader() // http wrote it
	c := capture.Request{Method: r.method, Path: r.path, Header: http.Header(header), Body: []byte(r.body)}
	if r.note != "" {
		c.Notes = []string{r.note}
	}
	return c
}

// identity is a webhook-id. All its deliveries are of one event.
type identity struct {
	name string
	seqs []int64 // of the deliveries that are kept
	work *work   // nil before the event was queued
}

// records are the deliveries that are kept, and what became of their events.
type records struct {
	maxCount, maxBytes int
	changes            *changes

	mu      sync.Mutex
	all     []*record // by seq, without gaps
	last    int64     // seq
	bytes   int
	ids     map[string]*identity
	events  map[string]*work // by the event's key
	changed []*work          // since tellWork
	counts  Counts
}

func newRecords(c *changes) *records {
	return &records{
		maxCount: maxDeliveries, maxBytes: maxBytes, changes: c,
		ids: make(map[string]*identity), events: make(map[string]*work),
	}
}

// add gives a record its number and keeps it.
func (rs *records) add(r *record) {
	rs.mu.Lock()
	rs.last++
	r.seq, r.fixed.Seq = rs.last, rs.last
	if name := r.fixed.WebhookID; name != "" {
		id := rs.ids[name]
		if id == nil {
			id = &identity{name: name}
			rs.ids[name] = id
		}
		if n := len(id.seqs); n > 0 && r.fixed.Of == 0 {
			r.fixed.Of = id.seqs[n-1]
		}
		id.seqs = append(id.seqs, r.seq)
		r.id = id
	}
	rs.all = append(rs.all, r)
	rs.bytes += r.size()
	rs.counts.Deliveries++
	rs.trim()
	rs.mu.Unlock()
	rs.changes.tell(r.seq)
}

// answered completes a record.
func (rs *records) answered(r *record, a *answer) {
	r.answer.Store(a)
	rs.mu.Lock()
	switch verdictOf(a.status) {
	case VerdictAccepted:
		rs.counts.Accepted++
	case VerdictRefused:
		rs.counts.Refused++
	case VerdictUnavailable:
		rs.counts.Unavailable++
	}
	rs.mu.Unlock()
	rs.changes.tell(r.seq)
}

// trim forgets the oldest where there is too much. The newest always stays.
func (rs *records) trim() {
	for len(rs.all) > rs.maxCount || rs.bytes > rs.maxBytes && len(rs.all) > 1 {
		old := rs.all[0]
		rs.all[0] = nil
		rs.all = rs.all[1:]
		rs.bytes -= old.size()
		rs.counts.Forgotten++
		id := old.id
		if id == nil {
			continue
		}
		if id.seqs = id.seqs[1:]; len(id.seqs) == 0 {
			delete(rs.ids, id.name)
			rs.release(id)
		}
	}
}

// find gives the record of a number, if it is kept.
func (rs *records) find(seq int64) *record {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	i := seq - rs.last + int64(len(rs.all)) - 1
	if i < 0 || i >= int64(len(rs.all)) {
		return nil
	}
	return rs.all[i]
}

// view is a record with what is known of it now; rs.mu is held.
func (rs *records) view(r *record) Delivery {
	d := r.fixed
	if a := r.answer.Load(); a != nil {
		d.Status, d.Code, d.Took = a.status, a.code, a.took
	}
	if w := r.work(); w != nil {
		w.show(&d)
	}
	return d
}

// work is what became of the delivery's event; rs.mu is held. Of one that was refused
// nothing did: whoever sent it may have taken another's webhook-id.
func (r *record) work() *work {
	a := r.answer.Load()
	refused := a != nil && verdictOf(a.status) == VerdictRefused && a.status != http.StatusTooManyRequests
	if r.id == nil || refused {
		return nil
	}
	return r.id.work
}

// detail is all that is kept of a record, and the key of its event.
func (rs *records) detail(r *record) (d Detail, key string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	d = Detail{Delivery: rs.view(r), Request: r.request()}
	if a := r.answer.Load(); a != nil {
		d.Answer = a.body
	}
	d.Log = slices.Clone(r.log)
	if w := r.work(); w != nil {
		key, d.Work = w.key, w.copy()
	}
	return d, key
}

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// list goes through the records, the newest first. What can be searched in does not
// change, so that nobody waits for a search.
func (rs *records) list(q Query) (ds []Delivery, more bool) {
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	q.Limit = min(q.Limit, maxLimit)
	var found []*record
	text := strings.ToLower(q.Text)
	all := rs.before(q.Before)
	for i := len(all) - 1; i >= 0 && !more; i-- {
		if all[i].matches(text, q.Verdict) {
			if more = len(found) == q.Limit; !more {
				found = append(found, all[i])
			}
		}
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	ds = make([]Delivery, len(found))
	for i, r := range found {
		ds[i] = rs.view(r)
	}
	return ds, more
}

// before are the records older than a number; 0: all.
func (rs *records) before(seq int64) []*record {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	n := int64(len(rs.all))
	if seq > 0 {
		n = min(n, max(0, seq-rs.last+n-1))
	}
	return append([]*record(nil), rs.all[:n]...)
}

func (r *record) matches(text, verdict string) bool {
	a := r.answer.Load()
	if verdict != "" && (a == nil || verdictOf(a.status) != verdict) {
		return false
	}
	return text == "" || contains(r.fixed.WebhookID, text) || contains(r.fixed.Type, text) ||
		contains(r.fixed.ResourceID, text) || a != nil && contains(a.code, text) || contains(r.body, text)
}

func verdictOf(status int) string {
	switch status / 100 {
	case 2:
		return VerdictAccepted
	case 4:
		return VerdictRefused
	case 5:
		return VerdictUnavailable
	}
	return ""
}

// contains reports whether a text holds another, which is in lower case, in any case of
// ASCII letters. It makes no copy: bodies are many.
func contains(text, lower string) bool {
	first := lower[0]
	upper := first
	if 'a' <= first && first <= 'z' {
		upper -= 'a' - 'A'
	}
	for len(text) >= len(lower) {
		i := strings.IndexByte(text, first)
		if upper != first { // whichever of the two is first
			before := text
			if i >= 0 {
				before = text[:i]
			}
			if j := strings.IndexByte(before, upper); j >= 0 {
				i = j
			}
		}
		if i < 0 || i+len(lower) > len(text) {
			return false
		}
		if begins(text[i:], lower) {
			return true
		}
		text = text[i+1:]
	}
	return false
}

func begins(text, lower string) bool {
	for i := range len(lower) {
		c := text[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
