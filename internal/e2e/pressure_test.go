package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
	"example.com/gemini-webhook/verify/verifytest"
)

// openLoop delivers n times, once every so often whether or not those before
// are answered. The answers' times count from when each was due.
func openLoop(tb testing.TB, n int, every time.Duration, deliver func() (answer, error)) []answer {
	tb.Helper()
	answers := make([]answer, n)
	begin := time.Now()
	var all sync.WaitGroup
	for i := range n {
		due := begin.Add(time.Duration(i) * every)
		time.Sleep(time.Until(due))
		all.Go(func() {
			a, err := deliver()
			if err != nil {
				tb.Errorf("delivery %d: %v", i, err)
			}
			a.took = time.Since(due)
			answers[i] = a
		})
	}
	all.Wait()
	return answers
}

// flow is an open loop of genuine deliveries. Padding makes a body as large as
// events with metadata are.
func flow(t *testing.T, url, secret, name string, n int, every time.Duration, padding int) []answer {
	t.Helper()
	var next atomic.Int64
	return openLoop(t, n, every, func() (answer, error) {
		id := fmt.Sprintf("%s-%d", name, next.Add(1))
		body := strings.Replace(interaction(id), "{", fmt.Sprintf(`{"user_metadata":{"padding":%q},`, strings.Repeat("x", padding)), 1)
		return trySend(t, http.MethodPost, url+hookPath, verifytest.Static(secret, id, time.Now(), []byte(body)), body)
	})
}

// quantile is the time that a share of the answers took at most.
func quantile(answers []answer, share float64) time.Duration {
	times := make([]time.Duration, len(answers))
	for i, a := range answers {
		times[i] = a.took
	}
	slices.Sort(times)
	return times[int(share*float64(len(times)-1))].Round(time.Millisecond / 100)
}

func statuses(answers []answer) map[int]int {
	count := make(map[int]int)
	for _, a := range answers {
		count[a.status]++
	}
	return count
}

// With both doors in one process, deliveries are answered while ranges are
// worked on: Gemini wants its answer within a few seconds. (With a door each, as
// Terraform deploys by default, they share nothing.)
func TestPressureOfTheOtherDoor(t *testing.T) {
	if testing.Short() {
		t.Skip("processes 128 MiB; run without -short")
	}
	lines := int64(128<<20) / generatedLine
	if raceDetector { // of the tests' own cloud; the receiver is built as always
		lines /= 4
	}
	r := newBench(t, "DOORS=both")

	const every = 20 * time.Millisecond
	idle := flow(t, r.receiver.url(), testSecret, "idle", 50, every, 0)
	r.batch(t, lines*generatedLine, generate)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.push(t, 4)
	}()
	var busy []answer
	for working := true; working; {
		busy = append(busy, flow(t, r.receiver.url(), testSecret, fmt.Sprintf("busy%d", len(busy)), 10, every, 0)...)
		select {
		case <-done:
			working = false
		default:
		}
	}
	t.Logf("%d deliveries when idle: p50 %v, p99 %v; %d beside 4 ranges: p50 %v, p99 %v",
		len(idle), quantile(idle, 0.5), quantile(idle, 0.99), len(busy), quantile(busy, 0.5), quantile(busy, 0.99))
	if got := statuses(busy); got[http.StatusOK] != len(busy) {
		t.Errorf("answers by status: %v, want 200 for all %d", got, len(busy))
	}
	if worst := quantile(busy, 0.99); worst > time.Second {
		t.Errorf("p99 is %v beside 4 ranges, want at most a second", worst)
	}
	if n, distinct, _ := r.pubsub.results(); int64(n) != lines || int64(distinct) != lines {
		t.Errorf("%d lines, %d different, want %d", n, distinct, lines)
	}
}

// slow makes every publish to the queue take so long, until calm; those under
// way then stay slow.
func (r *rig) slow(takes time.Duration) {
	over := make(chan struct{})
	r.t.Cleanup(func() { close(over) })
	r.cloud.PubSub.SetHook(pubsub.Hook{Before: func(p pubsub.Publish) error {
		if strings.HasSuffix(p.Topic, localcloud.QueueTopic) {
			select {
			case <-time.After(takes):
			case <-over:
			}
		}
		return nil
	}})
}

// A Pub/Sub that answers in less than the 4 s that it has costs time and
// nothing else: no delivery waits for the request of others and then as long
// again for its own.
func TestPressureOfASlowPubSub(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		takes time.Duration
		n     int
		every time.Duration
	}{
		{time.Second, 400, 5 * time.Millisecond},
		{3 * time.Second, 80, 50 * time.Millisecond},
	} {
		t.Run(test.takes.String(), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, options{})
			r.slow(test.takes)
			answers := flow(t, r.url(), r.secret, "slow", test.n, test.every, 0)
			p50, p99 := quantile(answers, 0.5), quantile(answers, 0.99)
			t.Logf("%d deliveries, one every %v, Pub/Sub takes %v: p50 %v, p99 %v", test.n, test.every, test.takes, p50, p99)
			if got := statuses(answers); got[http.StatusOK] != test.n {
				t.Errorf("answers by status: %v, want 200 for all %d", got, test.n)
			}
			if p50 > test.takes+time.Second {
				t.Errorf("p50 is %v, want about %v", p50, test.takes)
			}
		})
	}
}

// While Pub/Sub does not answer, every delivery is 503 in time and memory
// stays the same; when it answers again, the next delivery is accepted at once.
func TestPressureOfASilentPubSub(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	warm := interaction("warm")
	if a := r.deliver(r.signed("msg_warm", warm), warm); a.status != http.StatusOK {
		t.Fatalf("before: %v", a)
	}
	r.slow(10 * time.Second)
	const n, padding = 100, 200 << 10 // 20 MiB, most of it at once
	answers := flow(t, r.url(), r.secret, "silent", n, 50*time.Millisecond, padding)
	for _, a := range answers {
		if a.status != http.StatusServiceUnavailable || a.word != "unavailable" || a.header.Get("Retry-After") == "" || a.took > 4*time.Second+slack {
			t.Errorf("%v after %v, Retry-After %q, want 503 with it within 4 s", a, a.took, a.header.Get("Retry-After"))
		}
	}
	r.calm()
	body := interaction("after")
	if a := r.deliver(r.signed("msg_after", body), body); a.status != http.StatusOK || a.took > slack {
		t.Errorf("after the repair: %v after %v, want 200 at once", a, a.took)
	}
	peak := r.child.peakMemory(t)
	t.Logf("%d deliveries of %d KiB: p50 %v, slowest %v, peak memory %d MiB", n, padding>>10, quantile(answers, 0.5), quantile(answers, 1), peak>>20)
	if peak > mostMemory {
		t.Errorf("peak memory %d MiB, want at most %d", peak>>20, mostMemory>>20)
	}
}
