package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
	"example.com/gemini-webhook/internal/localcloud/push"
)

// await waits for something that another goroutine sees.
func await(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
	}
}

// On SIGTERM an instance finishes its deliveries, hands on what is left of its
// ranges and ends; the next one loses nothing and repeats nothing.
func TestSIGTERM(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	const lines = 2000
	content := jsonl(lines)
	r.put(content)

	reading, queueing := make(chan struct{}), make(chan struct{})
	r.cloud.Storage.Fail(func(op gcs.Op) *gcs.Fault {
		if op.Kind != gcs.OpRead || op.Bucket != localcloud.ResultBucket {
			return nil
		}
		close(reading)
		return &gcs.Fault{Stall: 2 * time.Second, StallAfter: int64(len(content) / 2)}
	})
	r.succeed(objectURI)
	await(t, "a range in progress", reading)
	r.wait("its first lines", func() bool { return r.seen.count(localcloud.ResultsTopic) > 0 }) // else there is nothing to hand on
	r.cloud.PubSub.SetHook(pubsub.Hook{Before: func(p pubsub.Publish) error {
		if p.Messages[0].GetAttributes()["kind"] == "event" {
			close(queueing)
			time.Sleep(time.Second)
		}
		return nil
	}})
	inFlight := make(chan answer)
	go func() {
		body := interaction("in flight")
		a, err := trySend(t, http.MethodPost, r.url()+hookPath, r.signed("msg_flight", body), body)
		if err != nil {
			t.Error(err)
		}
		inFlight <- a
	}()
	await(t, "a delivery in flight", queueing)

	begin := time.Now()
	r.child.terminate(t)
	var refused answer
	poll(t, time.Second, "a new delivery is refused", func() bool {
		body := interaction("new")
		refused = r.deliver(r.signed("msg_new", body), body+" ") // never accepted: the signature is not its
		return refused.status != http.StatusUnauthorized
	})
	if refused.status != http.StatusServiceUnavailable || refused.header.Get("Retry-After") == "" {
		t.Errorf("a new delivery: %v, Retry-After %q, want 503 with it", refused, refused.header.Get("Retry-After"))
	}
	if a := <-inFlight; a.status != http.StatusOK {
		t.Errorf("the delivery in flight: %v, want 200", a)
	}
	if code := r.child.exitCode(t); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
	t.Logf("the process ended %.1f s after SIGTERM", time.Since(begin).Seconds())

	r.calm()
	before, _ := r.seen.results(t)
	if len(before) == 0 || len(before) == lines {
		t.Errorf("%d lines before the end, want some: the range was not interrupted", len(before))
	}
	ranges := slices.DeleteFunc(r.seen.pushes(), func(a push.Attempt) bool { return a.Subscription != localcloud.RangesSubscription })
	first := slices.MinFunc(ranges, func(a, b push.Attempt) int { return a.Start.Compare(b.Start) })
	if first.Status != http.StatusNoContent {
		t.Errorf("the range was answered %d, want 204: handed on", first.Status)
	}
	r.restart()
	done := r.completed()
	after, repeats := r.seen.results(t)
	if len(after) != lines || repeats != 0 || done.Results.Total != lines {
		t.Errorf("%d lines, %d repeats, totals %+v, want %d lines and no repeat", len(after), repeats, done.Results, lines)
	}
	r.wait("what was in flight", func() bool { return r.seen.has("interaction.completed") })
	if n := len(r.seen.ofType(t, "interaction.completed")); n != 1 {
		t.Errorf("%d interaction.completed, want that in flight alone", n)
	}
}
