package batch_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
	"example.com/gemini-webhook/internal/outcome"
)

// come counts the lines that have come, and those that came again.
func (r *rig) come() (lines, repeats int) {
	seen := make(map[string]bool)
	for _, m := range r.pubsub.Messages(resultsTopic) {
		if id := m.Attributes["outcome_id"]; seen[id] {
			repeats++
		} else {
			seen[id] = true
		}
	}
	return len(seen), repeats
}

// A publish request that is definitely refused repeats nothing of what is
// acknowledged behind it.
func TestRefusedPublishRepeatsNothing(t *testing.T) {
	t.Parallel()
	const n = 20_000 // more than wait at once
	r := newRig(t)
	r.batch(jsonl(n))
	var requests atomic.Int32
	r.pubsub.SetHook(pubsub.Hook{Before: func(p pubsub.Publish) error {
		if p.Topic == resultsTopic && requests.Add(1) == 2 {
			return errPermission
		}
		return nil
	}})
	r.run()
	lines, repeats := r.come()
	if lines != n || repeats != 0 || r.completed()["total"] != float64(n) {
		t.Errorf("%d lines, %d repeats, totals %v, want %d and 0", lines, repeats, r.completed(), n)
	}
	if len(r.attempts) != 2 || r.attempts[r.pubsub.Messages(queueTopic)[1].ID] != 2 {
		t.Errorf("attempts %v, want 2 of the range: the refusal is an error", r.attempts)
	}
}

// A marker that cannot be made repeats its own lines alone.
func TestRefusedMarkerRepeatsItsOwnLines(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.batch(jsonl(5000))
	var inserts atomic.Int32
	var first atomic.Value // key of the request that is refused
	r.pubsub.SetHook(pubsub.Hook{Before: func(p pubsub.Publish) error {
		key, last := p.Messages[0].Attributes["key"], p.Messages[len(p.Messages)-1].Attributes["key"]
		if p.Topic == resultsTopic && key <= "k002000" && "k002000" <= last && first.CompareAndSwap(nil, key) {
			return errPermission
		}
		return nil
	}})
	r.gcs.Fail(func(op gcs.Op) *gcs.Fault {
		if op.Kind == gcs.OpInsert && strings.Contains(op.Object, "/range/") && inserts.Add(1) == 1 {
			return &gcs.Fault{Status: 403}
		}
		return nil
	})
	r.run()
	lines, repeats := r.come()
	var before int // the refused request
	if _, err := fmt.Sscanf(first.Load().(string), "k%d", &before); err != nil || before == 0 {
		t.Fatalf("refused from %v on: %v", first.Load(), err)
	}
	if lines != 5000 || repeats != before || r.completed()["total"] != 5000.0 {
		t.Errorf("%d lines, %d repeats, totals %v, want 5000 and %d", lines, repeats, r.completed(), before)
	}
}

// A task whose marker cannot be made is not acknowledged: else its lines wait for
// whoever misses them.
func TestARefusedMarkerIsAnError(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.batch(jsonl(10))
	var inserts atomic.Int32
	r.gcs.Fail(func(op gcs.Op) *gcs.Fault {
		if op.Kind == gcs.OpInsert && strings.Contains(op.Object, "/range/") && inserts.Add(1) == 1 {
			return &gcs.Fault{Status: 403}
		}
		return nil
	})
	r.run()
	if lines, repeats := r.come(); lines != 10 || repeats != 10 || r.completed()["total"] != 10.0 {
		t.Errorf("%d lines, %d repeats, totals %v, want 10 and 10", lines, repeats, r.completed())
	}
	if queued := r.pubsub.Messages(queueTopic); len(queued) != 2 || r.attempts[queued[1].ID] != 2 {
		t.Errorf("%d messages, attempts %v, want 2 of the range", len(queued), r.attempts)
	}
}

// What is acknowledged after the caller is gone is not published again.
func TestAcknowledgedAfterTheCallerIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.batch(jsonl(3000))
	if err, _ := r.step(); err != nil { // plan
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.pubsub.SetHook(pubsub.Hook{After: func(p pubsub.Publish) {
		if p.Topic == resultsTopic {
			cancel()
			time.Sleep(100 * time.Millisecond) // the answer comes later
		}
	}})
	w := r.take()[0]
	if err := r.do(ctx, w); err == nil {
		t.Error("done, although the caller was gone")
	}
	r.pubsub.SetHook(pubsub.Hook{})
	if before, _ := r.come(); before == 0 {
		t.Error("nothing was published before")
	}
	r.redo = append(r.redo, w)
	r.run()
	lines, repeats := r.come()
	if lines != 3000 || repeats != 0 || r.completed()["total"] != 3000.0 {
		t.Errorf("%d lines, %d repeats, totals %v, want 3000 and 0", lines, repeats, r.completed())
	}
}

// refusing is a results topic that refuses every third line or so.
type refusing struct {
	batch.Stream
	mu     *sync.Mutex
	random *rand.Rand
}

func (r refusing) Publish(ctx context.Context, m outcome.Message) func(context.Context) error {
	r.mu.Lock()
	refused := r.random.IntN(3) == 0
	r.mu.Unlock()
	if refused {
		return func(context.Context) error { return errPermission }
	}
	return r.Stream.Publish(ctx, m)
}

// Whatever is refused and handed on, over however many attempts, every line
// comes, once if nobody else works on it, and the totals are right.
func TestRefusedLinesAtRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		for _, deliveries := range []int{1, 2} { // of a task, at the same time
			t.Run(fmt.Sprintf("seed %d, %d deliveries", seed, deliveries), func(t *testing.T) {
				t.Parallel()
				var mu sync.Mutex
				random := rand.New(rand.NewPCG(seed, uint64(deliveries)))
				content, attrs := []byte(randomFile(random)+strings.Repeat(" \n", 3)+jsonl(10)+randomFile(random)), gcs.Attrs{}
				ranges := chunk(1 + random.Int64N(int64(2*len(content))))
				if seed%3 == 0 {
					content, attrs.ContentEncoding = gzipped(t, string(content)), "gzip"
				}
				start := func(change ...func(*batch.Config)) *rig {
					r := newRig(t, append(change, ranges, func(c *batch.Config) { c.MaxLineBytes = 100 })...)
					r.gcs.Put(resultBucket, "results.jsonl", content, attrs)
					r.deliver("msg_1", succeeded("gs://"+resultBucket+"/results.jsonl"))
					return r
				}
				calm := start()
				calm.run()
				want, _ := calm.lines()

				now := time.Now()
				r := start(func(c *batch.Config) {
					c.Results = refusing{c.Results, &mu, random}
					c.Now = func() time.Time { // every look takes a while: some is handed on
						mu.Lock()
						defer mu.Unlock()
						now = now.Add(5 * time.Second)
						return now
					}
				})
				for range 2000 {
					w, ok := r.next()
					if !ok {
						break
					}
					mu.Lock()
					w.attempt, w.cutoff = 1, now.Add(2*time.Minute)
					mu.Unlock()
					var failed atomic.Bool
					var all sync.WaitGroup
					for range deliveries {
						all.Go(func() {
							w := w
							if r.do(t.Context(), w) != nil {
								failed.Store(true)
							}
						})
					}
					all.Wait()
					if failed.Load() {
						r.redo = append(r.redo, w)
					}
				}
				lines, repeats := r.lines()
				if diff := cmp.Diff(want, lines); diff != "" {
					t.Errorf("lines (-want +got):\n%s", diff)
				}
				if repeats != 0 && deliveries == 1 {
					t.Errorf("%d repeats, want 0", repeats)
				}
				if diff := cmp.Diff(calm.completed(), r.completed()); diff != "" {
					t.Errorf("totals (-want +got):\n%s", diff)
				}
			})
		}
	}
}
