package batch_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
)

// take gives all that is queued.
func (r *rig) take() (all []message) {
	for {
		w, ok := r.next()
		if !ok {
			return all
		}
		w.attempt, w.cutoff = 1, time.Now().Add(time.Minute)
		all = append(all, w)
	}
}

func (r *rig) countCompleted() int {
	r.t.Helper()
	n := 0
	for _, kind := range r.types(outcomesTopic) {
		if kind == "batch.completed" {
			n++
		}
	}
	return n
}

// meet lets n operations of Cloud Storage go on only when all have come.
func (r *rig) meet(n int, which func(gcs.Op) bool) {
	var mu sync.Mutex
	all, come := make(chan struct{}), 0
	r.gcs.Fail(func(op gcs.Op) *gcs.Fault {
		if !which(op) {
			return nil
		}
		mu.Lock()
		if come++; come == n {
			close(all)
		}
		mu.Unlock()
		select {
		case <-all:
		case <-time.After(10 * time.Second):
		}
		return nil
	})
}

// Ranges that end together all see that the batch is done. One says so.
func TestCompletedOnceByRangesThatEndTogether(t *testing.T) {
	t.Parallel()
	const ranges = 8
	r := newRig(t)
	content := jsonl(ranges * 5)
	r.restart(chunk(int64(len(content)+ranges-1) / ranges))
	r.batch(content)
	if err, _ := r.step(); err != nil {
		t.Fatal(err)
	}
	r.meet(ranges, func(op gcs.Op) bool { return op.Kind == gcs.OpInsert && strings.Contains(op.Object, "/range/") })
	tasks := r.take()
	var all sync.WaitGroup
	for _, w := range tasks {
		all.Go(func() {
			if err := r.do(context.Background(), w); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := r.countCompleted(); len(tasks) != ranges || n != 1 {
		t.Errorf("%d ranges that ended together published batch.completed %d times, want once by %d", len(tasks), n, ranges)
	}
}

// The last of many ranges completes the batch, and does not leave it to a keeper
// that waits.
func TestCompletedByTheLastOfManyRanges(t *testing.T) {
	t.Parallel()
	const ranges = 70
	r := newRig(t)
	content := jsonl(ranges)
	r.restart(chunk(int64(len(content)+ranges-1) / ranges))
	r.batch(content)
	if err, _ := r.step(); err != nil {
		t.Fatal(err)
	}
	tasks := r.take()
	keeper, others := tasks[len(tasks)-1], tasks[:len(tasks)-1]
	_ = r.do(t.Context(), keeper) // its lines; then it waits
	for _, w := range others {
		must(t, r.do(t.Context(), w))
	}
	if n := r.countCompleted(); n != 1 || len(tasks) < 65 {
		t.Errorf("after %d ranges, batch.completed %d times, want once", len(tasks), n)
	}
}

// Who claimed it publishes it, however often that takes, and the others leave
// it to him, until his claim is old.
func TestCompletedByWhoeverClaimedIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	content := jsonl(20)
	r.restart(chunk(int64(len(content)+1) / 2))
	r.batch(content)
	if err, _ := r.step(); err != nil {
		t.Fatal(err)
	}
	r.pubsub.SetHook(pubsub.Hook{Before: func(p pubsub.Publish) error {
		if p.Topic == outcomesTopic {
			return errPermission
		}
		return nil
	}})
	process := func(w message) string {
		return fmt.Sprint(r.do(context.Background(), w) == nil, " ", r.countCompleted())
	}
	tasks := r.take()
	first, last := tasks[0], tasks[1]
	got := []string{process(first), process(last)} // the last one claims and fails
	got = append(got, process(first), process(last))
	r.pubsub.SetHook(pubsub.Hook{})
	got = append(got, process(first), process(last), process(last), process(first))
	want := []string{"true 0", "false 0", "true 0", "false 0", "true 0", "true 1", "true 1", "true 1"}
	if !slices.Equal(got, want) {
		t.Errorf("done, and batch.completed published: got %q, want %q", got, want)
	}
}

func TestCompletedByAnyoneWhenTheClaimIsOld(t *testing.T) {
	t.Parallel()
	later := time.Now()
	r := newRig(t)
	content := jsonl(20)
	r.restart(chunk(int64(len(content)+1)/2), func(c *batch.Config) { c.Now = func() time.Time { return later } })
	r.batch(content)
	if err, _ := r.step(); err != nil {
		t.Fatal(err)
	}
	r.pubsub.SetHook(pubsub.Hook{Before: func(p pubsub.Publish) error {
		if p.Topic == outcomesTopic {
			return errPermission
		}
		return nil
	}})
	tasks := r.take()
	for _, w := range tasks {
		_ = r.do(context.Background(), w) // the second one claims and fails, for good
	}
	r.pubsub.SetHook(pubsub.Hook{})
	later = later.Add(batch.MaxTaskTime + time.Second)
	w := tasks[0]
	w.cutoff = later.Add(time.Minute)
	if err := r.do(context.Background(), w); err != nil || r.countCompleted() != 1 {
		t.Errorf("batch.completed %d times, %v; want once, by who came later", r.countCompleted(), err)
	}
}
