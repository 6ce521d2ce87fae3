package e2e

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
)

// The batch of these tests: two objects, the first in two ranges.
const (
	killLines      = 30
	killRangeLines = 11 // at most
	killPrefix     = "kill/"
)

// killCase is where the batch's results are.
type killCase struct {
	name  string
	bytes func(r *rig) int64 // of the objects
	start func(r *rig)
}

var killCases = []killCase{
	{"objects", func(*rig) int64 { return int64(len(jsonl(killLines))) }, func(r *rig) { r.succeed(killURI) }},
	{"a file of the job", copied, func(r *rig) {
		_, err := r.operator.RunBatch(r.t.Context(), "kill", strings.NewReader(requests(killLines)))
		must(r.t, err)
	}},
	{"a list of the job", copied, func(r *rig) {
		_, err := r.operator.RunInline(r.t.Context(), "kill", killLines)
		must(r.t, err)
	}},
}

// copied is the size of the one copy.
func copied(r *rig) int64 {
	r.t.Helper()
	all := r.cloud.Storage.List(localcloud.ArchiveBucket, "archive/")
	if len(all) != 1 {
		r.t.Fatalf("%d copies, want one", len(all))
	}
	return all[0].Size
}

// blow kills the process at the n-th operation of a sort, or at the first of a
// name; never where both are left out.
type blow struct {
	n    int
	name string
	kill func()

	mu      sync.Mutex
	counted int
	points  map[string]bool // what there is to be killed at
	at      string          // where it was killed; empty before
}

// strikes counts an operation and reports whether the process dies at it.
func (b *blow) strikes(point string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.points == nil {
		b.points = make(map[string]bool)
	}
	b.points[point] = true
	b.counted++
	if b.at != "" || b.counted != b.n && point != b.name {
		return false
	}
	b.at = point
	return true
}

// sorts are the operations that change or ask something outside the process.
// Killed "before" one, the process dies and it does not happen; "after" one, it
// happened and the process dies before it learns of it. After a read the
// process knows nothing that it does not ask again, so that is no point.
var sorts = []struct {
	name   string
	attach func(r *rig, b *blow)
}{
	{"before a storage operation", func(r *rig, b *blow) {
		r.cloud.Storage.Fail(func(op gcs.Op) *gcs.Fault {
			if !b.strikes(point(op)) {
				return nil
			}
			b.kill()
			return &gcs.Fault{Status: 503}
		})
	}},
	{"after an object was created", func(r *rig, b *blow) {
		r.cloud.Storage.Fail(func(op gcs.Op) *gcs.Fault {
			if op.Kind != gcs.OpInsert || !b.strikes(point(op)) {
				return nil
			}
			go func() {
				defer b.kill()
				for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
					if _, ok := r.cloud.Storage.Get(op.Bucket, op.Object); ok {
						return
					}
				}
			}()
			return &gcs.Fault{Stall: time.Hour} // the answer does not come
		})
	}},
	{"before a call of the Gemini API", func(r *rig, b *blow) {
		r.cloud.Gemini.Fail(func(op gemini.Op) *gemini.Fault {
			if !strings.HasPrefix(op.Route, "GET ") || !b.strikes(op.Route) {
				return nil
			}
			b.kill()
			return &gemini.Fault{Status: 503}
		})
	}},
	{"before a publish", func(r *rig, b *blow) {
		r.cloud.PubSub.SetHook(pubsub.Hook{Before: func(p pubsub.Publish) error {
			if !b.strikes(path.Base(p.Topic)) {
				return nil
			}
			b.kill()
			return status.Error(codes.Unavailable, "not published")
		}})
	}},
	{"after a publish", func(r *rig, b *blow) {
		r.cloud.PubSub.SetHook(pubsub.Hook{After: func(p pubsub.Publish) {
			if b.strikes(path.Base(p.Topic)) {
				b.kill()
			}
		}})
	}},
}

// point names an operation without what differs from run to run: the object
// or range that is worked on first, and the event's key.
func point(op gcs.Op) string {
	if op.Bucket == localcloud.ResultBucket {
		return fmt.Sprintf("%s results", op.Kind)
	}
	_, name, _ := strings.Cut(strings.TrimPrefix(op.Object, "v1/"), "/")
	name, _, _ = strings.Cut(name, "/0")
	name, _, _ = strings.Cut(name, "queued-") // and when the plan was made
	return fmt.Sprintf("%s %s", op.Kind, name)
}

// The process is killed at each point of the batch's order and started again:
// every line arrives, ids do not change, and batch.completed comes with right
// totals (contract, "Delivery guarantees").
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	for i, c := range killCases {
		want, repeats := killRun(t, c, 1, sorts[0].attach, &blow{})
		if len(want) != killLines+1 || repeats != 0 {
			t.Fatalf("%s, undisturbed: %d ids, %d repeats, want %d and 0", c.name, len(want), repeats, killLines+1)
		}
		for _, atOnce := range []int{1, 4} {
			for _, sort := range sorts {
				if i > 0 && atOnce > 1 { // from the copy on all are alike
					continue
				}
				t.Run(fmt.Sprintf("%s, %d at once, %s", c.name, atOnce, sort.name), func(t *testing.T) {
					t.Parallel()
					killEach(t, c, atOnce, sort.attach, want)
				})
			}
		}
	}
}

// killEach repeats a run, killed one operation later each time, until it ends
// before that.
func killEach(t *testing.T, c killCase, atOnce int, attach func(*rig, *blow), want map[string]string) {
	step, limit := 1, killRangeLines
	if testing.Short() {
		step = 4
	}
	if atOnce > 1 || c.name != killCases[0].name { // whose lines are of no one length
		limit = killLines
	}
	try := func(b *blow) bool {
		return t.Run(strings.TrimSpace(fmt.Sprint(b.n, " ", b.name)), func(t *testing.T) {
			got, repeats := killRun(t, c, atOnce, attach, b)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("ids of keys (-undisturbed +got):\n%s", diff)
			}
			if repeats > limit {
				t.Errorf("%d lines twice, want at most what was under way, %d", repeats, limit)
			}
			t.Logf("killed at %q: %d lines twice", b.at, repeats)
		})
	}
	struck := make(map[string]bool)
	for n := 1; ; n += step {
		b := &blow{n: n}
		if !try(b) {
			return
		}
		if b.at != "" {
			struck[b.at] = true
			continue
		}
		t.Logf("%d kills, at %v", (n-1)/step, slices.Sorted(maps.Keys(struck)))
		// The order differs from run to run, so the count may have missed one.
		for name := range b.points {
			if b := (&blow{name: name}); step == 1 && !struck[name] && try(b) && b.at == "" {
				t.Errorf("never killed at %q", name)
			}
		}
		return
	}
}

const killURI = "gs://" + localcloud.ResultBucket + "/" + killPrefix

// killRig has the batch's objects, the first of its cloud: always the same
// generations.
func killRig(t *testing.T, atOnce int) *rig {
	t.Helper()
	lines := strings.SplitAfter(jsonl(killLines), "\n")
	r := newRig(t, options{
		// All attempts that there may be: half a minute of them while a busy machine starts
		// the receiver again.
		cloud: localcloud.Options{RangesAtOnce: atOnce, MaxDeliveryAttempts: 100, Gemini: gemini.Options{Seed: 1, BatchDuration: time.Second, MaxTextBytes: 200}},
		env:   []string{"CHUNK_BYTES=" + fmt.Sprint(10*len(lines[0])+7)},
	})
	for i, part := range [][]string{lines[:20], lines[20:]} {
		r.cloud.Storage.Put(localcloud.ResultBucket, fmt.Sprintf("%s%d.jsonl", killPrefix, i), []byte(strings.Join(part, "")), gcs.Attrs{})
	}
	return r
}

// killRun runs the batch to its end, whatever happens to the process on the
// way.
func killRun(t *testing.T, c killCase, atOnce int, attach func(*rig, *blow), b *blow) (ids map[string]string, repeats int) {
	t.Helper()
	r := killRig(t, atOnce)
	b.kill = r.child.kill
	attach(r, b)
	c.start(r)
	ended := false
	r.wait("the end, or the kill", func() bool {
		select {
		case <-r.child.exited:
			return true
		default:
			ended = r.seen.has("batch.completed") && r.seen.idle()
			return ended
		}
	})
	r.calm()
	if !ended {
		r.restart()
	}
	return killed(t, r, c)
}

// calm ends all faults.
func (r *rig) calm() {
	r.cloud.Storage.Fail(nil)
	r.cloud.Gemini.Fail(nil)
	if r.cloud.PubSub != nil {
		r.cloud.PubSub.SetHook(pubsub.Hook{})
	}
}

// killed checks what arrived. It returns the outcome_id of every key, with
// that of batch.completed under "".
func killed(t *testing.T, r *rig, c killCase) (ids map[string]string, repeats int) {
	t.Helper()
	done := r.completed()
	if want := (totals{Total: killLines, Succeeded: killLines}); done.Results != want || done.Bytes != c.bytes(r) {
		t.Errorf("batch.completed: %+v of %d bytes, want %+v of %d", done.Results, done.Bytes, want, c.bytes(r))
	}
	for _, o := range r.seen.outcomes(t, localcloud.OutcomesTopic) {
		if o.ID != done.ID {
			t.Errorf("beside batch.completed: %s", o.raw)
		}
	}
	if n := r.seen.count(localcloud.DeadLetterTopic); n != 0 {
		t.Errorf("%d dead letters", n)
	}
	lines, repeats := r.seen.results(t)
	ids = keys(t, lines)
	ids[""] = done.ID
	return ids, repeats
}
