package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
	"example.com/gemini-webhook/internal/localcloud/secrets"
	"example.com/gemini-webhook/verify/verifytest"
)

// soak is a run under faults: both doors as processes of their own, killed and
// replaced all the while.
type soak struct {
	*rig         // its child is the public door
	tasks *child // the private door
	door  *front // before it

	mu        sync.Mutex
	lines     map[string]string // key to outcome_id, of batch.result
	repeats   int               // the same line under the same id
	conflicts int               // the same line under another id
	completed map[string]totals // by resource id
	others    map[string]int    // outcomes of other types, by resource id

	kills  int
	stops  int
	cutOff int // of the stops: requests were still in flight after 8 s
}

// see counts an outcome; what it needs is in the attributes, but for totals.
func (s *soak) see(data []byte, attributes map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := attributes["outcome_id"]
	switch attributes["type"] {
	case "batch.result":
		before, again := s.lines[attributes["key"]]
		switch {
		case again && before == id:
			s.repeats++
		case again:
			s.conflicts++
		}
		s.lines[attributes["key"]] = id
	case "batch.completed":
		var o outcome
		if json.Unmarshal(data, &o) == nil {
			s.completed[o.ResourceID] = o.Results
		}
	case "batch.incomplete": // may be followed by batch.completed
	default:
		s.others[attributes["resource_id"]]++
	}
}

// Shares of publish requests and of storage operations that fail.
const (
	publishFaults = 0.2
	storageFaults = 0.05
)

func (s *soak) faults() {
	s.cloud.PubSub.SetHook(pubsub.Hook{Before: func(pubsub.Publish) error {
		if rand.Float64() < publishFaults {
			return status.Error(codes.Unavailable, "on purpose")
		}
		return nil
	}})
	s.cloud.Storage.Fail(func(op gcs.Op) *gcs.Fault {
		if rand.Float64() >= storageFaults {
			return nil
		}
		faults := []*gcs.Fault{{Status: 503}, {Status: 429}, {Delay: 200 * time.Millisecond}}
		if op.Kind == gcs.OpRead && op.Length != 0 {
			faults = append(faults, &gcs.Fault{Cut: gcs.CutReset, CutAfter: 1000}, &gcs.Fault{Cut: gcs.CutShort, CutAfter: 1000},
				&gcs.Fault{Stall: 300 * time.Millisecond, StallAfter: 500})
		}
		return faults[rand.IntN(len(faults))]
	})
}

// chaos ends one process or takes a service away for a moment, and repairs it.
func (s *soak) chaos() {
	end := func(c *child) {
		if rand.IntN(2) == 0 {
			s.kills++
			c.kill()
			return
		}
		s.stops++
		c.terminate(s.t)
		if c.exitCode(s.t) != 0 {
			s.cutOff++
		}
	}
	switch rand.IntN(4) {
	case 0:
		end(s.child)
		s.child = start(s.t, append(s.env, "DOORS=public")...)
		s.front.set(s.child.addr, false)
	case 1, 2:
		end(s.tasks)
		s.tasks = start(s.t, append(s.env, "DOORS=tasks")...)
		s.door.set(s.tasks.addr, false)
	case 3:
		s.failSecrets(&secrets.Fault{Err: status.Error(codes.Unavailable, "on purpose")})
		time.Sleep(time.Second)
		s.cloud.Secrets.Fail(nil)
	}
}

// batchOf makes a result object of n lines and lets Gemini announce it.
func (s *soak) batchOf(number, n int) {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"key":"b%d-%d","response":{"candidates":[{"content":{"parts":[{"text":"%s"}]},"finishReason":"STOP"}]}}`+"\n",
			number, i, strings.Repeat("x", rand.IntN(400)))
	}
	name := fmt.Sprintf("soak/%d.jsonl", number)
	s.cloud.Storage.Put(localcloud.ResultBucket, name, []byte(b.String()), gcs.Attrs{})
	s.emit("batch.succeeded", map[string]any{"id": fmt.Sprint("batches/", number), "output_file_uri": "gs://" + localcloud.ResultBucket + "/" + name})
}

// TestSoak runs for SOAK (10m) with SOAK_LINES (1,000,000) lines of results under
// faults, and balances what came in with what went out.
func TestSoak(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		t.Skip("SOAK does not say how long; make soak does")
	}
	want := 1_000_000
	if n, err := strconv.Atoi(os.Getenv("SOAK_LINES")); err == nil {
		want = n
	}
	s := newSoak(t)
	s.faults()

	begin := time.Now()
	var batches []int // lines of each
	lines, simple, forged, accepted := 0, 0, 0, 0
	kinds := []string{"batch.failed", "batch.expired", "batch.cancelled", "interaction.completed", "interaction.failed", "interaction.cancelled", "video.generated", "something.new"}
	for lines < want || time.Since(begin) < duration {
		if behind := float64(lines)/float64(want) > float64(time.Since(begin))/float64(duration); lines < want && !behind {
			n := min([]int{0, 1, 10, 1000, 10_000, 30_000}[rand.IntN(6)], want-lines)
			s.batchOf(len(batches), n)
			batches, lines = append(batches, n), lines+n
		}
		for _, kind := range kinds {
			s.emit(kind, map[string]any{"id": fmt.Sprint("simple-", simple), "output_file_uri": "gs://elsewhere/video.mp4"})
			simple++
		}
		body := interaction(fmt.Sprint("forged-", forged))
		a, err := trySend(t, http.MethodPost, s.url()+hookPath, verifytest.Static(another, fmt.Sprint("msg_forged", forged), time.Now(), []byte(body)), body)
		if forged++; err == nil && a.status == http.StatusOK {
			accepted++
		}
		s.chaos()
		time.Sleep(time.Second)
	}
	s.calm()
	poll(t, 5*time.Minute, "everything that was announced has come out", func() bool {
		time.Sleep(100 * time.Millisecond)
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.completed) == len(batches) && len(s.lines) >= lines && len(s.others) >= simple
	})

	s.mu.Lock()
	defer s.mu.Unlock()
	wrongTotals := 0
	for number, n := range batches {
		if s.completed[fmt.Sprint("batches/", number)] != (totals{Total: n, Succeeded: n}) {
			wrongTotals++
		}
	}
	t.Logf("%v: killed %d times, stopped %d times (%d with requests in flight), %d lines repeated under their ids",
		time.Since(begin).Round(time.Second), s.kills, s.stops, s.cutOff, s.repeats)
	for _, row := range []struct {
		what      string
		want, got int
	}{
		{"lines", lines, len(s.lines)},
		{"lines under two ids", 0, s.conflicts},
		{"batches completed", len(batches), len(s.completed)},
		{"batches with wrong totals", 0, wrongTotals},
		{"other events", simple, len(s.others)},
		{"forged deliveries accepted", 0, accepted},
		{"dead letters", 0, len(s.cloud.PubSub.Messages("projects/" + localcloud.Project + "/topics/" + localcloud.DeadLetterTopic))},
	} {
		t.Logf("%-28s %8d of %8d", row.what, row.got, row.want)
		if row.got != row.want {
			t.Errorf("%s: %d, want %d", row.what, row.got, row.want)
		}
	}
}

func newSoak(t *testing.T) *soak {
	cloud, err := localcloud.Start(t.Context(), localcloud.Options{
		TimeScale: timeScale, MaxDeliveryAttempts: 100,
		Gemini: gemini.Options{DisableAfter: -1, DuplicateShare: 0.2},
	})
	must(t, err)
	s := &soak{
		rig:   &rig{t: t, cloud: cloud, env: append(cloud.Env(), "CHUNK_BYTES=262144", "LOG_LEVEL=error")},
		lines: map[string]string{}, completed: map[string]totals{}, others: map[string]int{},
	}
	t.Cleanup(s.close)
	cloud.PubSub.Watch(func(p pubsub.Publish) {
		for _, m := range p.Messages {
			if strings.HasSuffix(p.Topic, localcloud.ResultsTopic) || strings.HasSuffix(p.Topic, localcloud.OutcomesTopic) {
				s.see(m.Data, m.Attributes)
			}
		}
	})
	s.child = start(t, append(s.env, "DOORS=public")...)
	s.tasks = start(t, append(s.env, "DOORS=tasks")...)
	s.front, s.door = newFront(t, s.child.addr), newFront(t, s.tasks.addr)
	must(t, cloud.Push(t.Context(), "http://"+s.door.addr(), nil))
	s.operator, err = cloud.Operator(t.Context())
	must(t, err)
	s.webhook, s.secret, err = s.operator.Register(t.Context(), "soak", s.url()+hookPath)
	must(t, err)
	return s
}
