package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"sync"
)

// books are the soak's double entry: what was announced, and what came out of
// it. All methods may be called from several goroutines.
type books struct {
	mu sync.Mutex

	announced map[string]*announced // by resource id
	batches   []*batch              // by number
	lines     int                   // of all batches

	came       map[string]*came // by resource id
	incomplete int              // batch.incomplete, after which batch.completed may follow
	linesCame  int              // different ones
	conflicts  int              // a line under a second id
	wrong      int              // a line with another status or answer than was stored
	strays     int              // a line of none of the batches, a forgery that nobody sent

	deliveries map[string]*delivery // by webhook-id
	stamps     stamps
	forged     map[string]*forged // by kind
	tasks      tasks
	letters    []string // resource ids of dead letters
}

func newBooks() *books {
	return &books{
		announced: make(map[string]*announced), came: make(map[string]*came),
		deliveries: make(map[string]*delivery), forged: make(map[string]*forged),
		tasks: tasks{
			resources: make(map[string]string), forgotten: make(map[string]bool),
			queued: make(map[string]task), broken: make(map[string]int), done: make(map[string]bool),
			begins: make(map[string]bool), ends: make(map[string]bool),
		},
	}
}

// announced is an event that somebody was to get.
type announced struct {
	kind    string // in the ledger
	mode    string // static, v1a, jwt, byJobs
	job     bool   // it may be byJobs as well: who is faster publishes
	outcome string // the type of its only outcome
	batch   *batch // nil for other events
}

// batch is one with results. Its lines are remembered as hashes of their ids.
type batch struct {
	number  int
	made    bool          // its lines are the soak's own, not the simulator's
	keyless map[place]int // the index of lines without a key
	want    totals
	tokens  int
	bytes   int64 // 0: not known

	ids     []uint64 // by index; 0: has not come
	repeats int      // of lines, under their ids
}

// came is what came of a resource.
type came struct {
	types        map[string]bool
	ids          map[uint64]int // how often each
	mode, scheme string
	results      totals
	tokens       int
	bytes        int64
}

// modes are the ways to announce, and what an outcome says of each.
var modes = map[string]struct{ mode, scheme string }{
	"static": {"static", "hmac-sha256"},
	"v1a":    {"dynamic", "ed25519"},
	"jwt":    {"dynamic", "rs256"},
	byJobs:   {"reconciled", ""},
}

// announce enters an event before its delivery begins.
func (b *books) announce(resource string, a announced) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.announced[resource] = &a
}

// open enters a batch of n lines, whose results are still to be made.
func (b *books) open(n int) *batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	made := &batch{number: len(b.batches), ids: make([]uint64, n)}
	b.batches = append(b.batches, made)
	b.lines += n
	return made
}

// opened is how many lines have been announced or are about to be.
func (b *books) opened() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines
}

// outstanding is how many of them have not come.
func (b *books) outstanding() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines - b.linesCame
}

// completed reports whether a batch is.
func (b *books) completed(resource string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.came[resource] != nil
}

// missing says what is still to come; nothing is "".
func (b *books) missing() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	events, deliveries, forgeries := 0, 0, 0
	for resource := range b.announced {
		if b.came[resource] == nil {
			events++
		}
	}
	for _, d := range b.deliveries {
		if !d.accepted {
			deliveries++
		}
	}
	for _, f := range b.forged {
		forgeries += f.sent - len(f.refused) - len(f.accepted)
	}
	lines, tasks := b.lines-b.linesCame, len(b.tasks.queued)-len(b.tasks.done)
	if lines == 0 && events == 0 && deliveries == 0 && forgeries == 0 && tasks == 0 {
		return ""
	}
	return fmt.Sprintf("%d lines, %d events, %d deliveries to be accepted, %d forgeries to be refused, %d tasks", lines, events, deliveries, forgeries, tasks)
}

// see enters an outcome; what it needs of most is in the attributes.
func (b *books) see(data []byte, attributes map[string]string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unmask(data, attributes)
	switch attributes["type"] {
	case "batch.result":
		b.line(data, attributes)
	case "batch.incomplete":
		b.incomplete++
	default:
		b.outcome(data, attributes)
	}
}

func (b *books) outcome(data []byte, attributes map[string]string) {
	c := b.came[attributes["resource_id"]]
	if c == nil {
		c = &came{types: make(map[string]bool), ids: make(map[uint64]int), mode: attributes["mode"], scheme: attributes["scheme"]}
		b.came[attributes["resource_id"]] = c
	}
	c.types[attributes["type"]] = true
	c.ids[hashed(attributes["outcome_id"])]++
	if attributes["type"] != "batch.completed" {
		return
	}
	var o struct {
		Results totals
		Usage   struct {
			Total int `json:"total_tokens"`
		}
		Bytes int64
	}
	if json.Unmarshal(data, &o) == nil { // else the totals are wrong
		c.results, c.tokens, c.bytes = o.Results, o.Usage.Total, o.Bytes
	}
}

func (b *books) line(data []byte, attributes map[string]string) {
	batch, index := b.lineOf(data, attributes)
	if batch == nil {
		b.strays++
		return
	}
	id := hashed(attributes["outcome_id"])
	switch before := batch.ids[index]; before {
	case 0:
		batch.ids[index] = id
		b.linesCame++
	case id:
		batch.repeats++
	default:
		b.conflicts++
	}
	kind := answered
	if batch.made {
		kind = kindOf(index)
	}
	good := attributes["status"] == kind.status()
	if batch.made && kind.status() == "succeeded" {
		good = good && bytes.Contains(data, []byte(marker(batch.number, index)))
	}
	if !good {
		b.wrong++
	}
}

// lineOf finds a line by its key, or by its place where it has none.
func (b *books) lineOf(data []byte, attributes map[string]string) (*batch, int) {
	if key, ok := attributes["key"]; ok {
		first, second, _ := strings.Cut(strings.TrimPrefix(key, "b"), "-")
		number, err := strconv.Atoi(first)
		index, err2 := strconv.Atoi(second)
		if err != nil || err2 != nil || number >= len(b.batches) || index >= len(b.batches[number].ids) {
			return nil, 0
		}
		return b.batches[number], index
	}
	a := b.announced[attributes["resource_id"]]
	var o outcome
	if a == nil || a.batch == nil || json.Unmarshal(data, &o) != nil {
		return nil, 0
	}
	index, ok := a.batch.keyless[place{o.Source.URI, o.Source.Offset}]
	if !ok {
		return nil, 0
	}
	return a.batch, index
}

// hashed is never 0.
func hashed(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // never fails
	return max(h.Sum64(), 1)
}
