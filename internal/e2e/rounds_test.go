package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/outcomes"
)

const roundRequests = 20

// roundsRig has a receiver that retries twice. A batch fails in 7 lines, its retry in 3,
// the retry of that in none.
func roundsRig(t *testing.T, form gemini.BatchOptions) *rig {
	return newRig(t, options{
		cloud: localcloud.Options{MaxDeliveryAttempts: 100, Gemini: gemini.Options{Seed: 1, BatchDuration: time.Second, BatchFor: func(name string) gemini.BatchOptions {
			form := form
			switch strings.Count(name, "retry of ") {
			case 0:
				form.Failed, form.FailedCode = 7, 429
			case 1:
				form.Failed, form.FailedCode = 3, 13
			}
			return form
		}}},
		env: []string{"RETRY_FAILED=2"},
	})
}

type settled struct{ Total, Succeeded, Failed, Invalid, Rounds int }

// settled is what a batch.completed says of all rounds.
func (r *rig) settled(o outcome) (s *settled) {
	r.t.Helper()
	var said struct{ Settled *settled }
	must(r.t, json.Unmarshal(o.raw, &said))
	return said.Settled
}

// jobs are the batches that there are, the oldest first.
func (r *rig) jobs() (names []string) {
	r.t.Helper()
	for job, err := range r.operator.AI.Batches.All(r.t.Context()) {
		must(r.t, err)
		names = append(names, job.Name)
	}
	return names
}

// byRequest are the lines of a batch with a status, by their request's number: its place
// in the first batch, its key in the others.
func (r *rig) byRequest(batch, status string) (requests []string) {
	r.t.Helper()
	lines, _ := r.seen.results(r.t)
	for _, o := range lines {
		switch {
		case o.ResourceID != batch || status != "" && o.Status != status:
		case o.Key != nil:
			requests = append(requests, *o.Key)
		default:
			requests = append(requests, fmt.Sprint(*o.Index))
		}
	}
	slices.Sort(requests)
	return requests
}

// allRounds waits for the last of three rounds, and gives their names and their ends.
func (r *rig) allRounds() (names []string, ends []outcome) {
	r.t.Helper()
	r.wait("three rounds", func() bool {
		n := 0
		for _, o := range r.seen.all()[localcloud.OutcomesTopic] {
			if o.Attributes["type"] == "batch.completed" && strings.HasPrefix(o.Attributes["display_name"], "retry of retry of ") {
				n++
			}
		}
		return n > 0 && r.seen.idle()
	})
	retryOf := map[string]string{}
	ended := map[string]outcome{}
	for _, o := range r.seen.ofType(r.t, "batch.completed") {
		ended[o.ResourceID], retryOf[o.Attributes["meta_retry_of"]] = o, o.ResourceID
	}
	for name := retryOf[""]; name != ""; name = retryOf[name] {
		names, ends = append(names, name), append(ends, ended[name])
	}
	if len(names) != 3 || len(r.jobs()) != 3 {
		r.t.Fatalf("rounds %v of the batches %v, want three", names, r.jobs())
	}
	return names, ends
}

// progressed is what all rounds came to for a consumer that has all messages, by the name of
// the first batch.
func (r *rig) progressed(name string) *outcomes.Settled {
	r.t.Helper()
	var progress outcomes.Progress
	var of outcomes.Outcome
	for _, messages := range r.seen.all() {
		for _, m := range messages {
			o, err := outcomes.Decode(m.raw)
			if err != nil {
				continue // the queue's
			}
			if progress.Add(o); o.Base().ResourceID == name {
				of = o
			}
		}
	}
	if !progress.Over(of) {
		r.t.Errorf("for a consumer %s and its rounds are not over", name)
	}
	return progress.Settled(of)
}

// TestRounds: what failed is sent again, and nothing else, until it succeeds; the last
// batch.completed says what became of all. Messages that are repeated make no batch.
func TestRounds(t *testing.T) {
	t.Parallel()
	r := roundsRig(t, gemini.BatchOptions{ShowRequests: true})
	_, err := r.operator.RunInline(t.Context(), "nightly", roundRequests)
	must(t, err)
	names, ends := r.allRounds()
	for i, want := range []totals{{20, 13, 7, 0}, {7, 4, 3, 0}, {3, 3, 0, 0}} {
		if ends[i].Results != want {
			t.Errorf("round %d: %+v, want %+v", i, ends[i].Results, want)
		}
		if n := len(r.byRequest(names[i], "")); n != want.Total {
			t.Errorf("round %d: %d lines are published, want %d", i, n, want.Total)
		}
		if i == 0 {
			continue
		}
		if diff := cmp.Diff(r.byRequest(names[i-1], "failed"), r.byRequest(names[i], "")); diff != "" {
			t.Errorf("round %d (-failed before +sent):\n%s", i, diff)
		}
	}
	var last []*settled
	for _, end := range ends {
		last = append(last, r.settled(end))
	}
	if diff := cmp.Diff([]*settled{nil, nil, {Total: 20, Succeeded: 20, Rounds: 2}}, last); diff != "" {
		t.Errorf("settled (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&outcomes.Settled{Total: 20, Succeeded: 20, Rounds: 2}, r.progressed(names[0])); diff != "" {
		t.Errorf("settled, for a consumer (-want +got):\n%s", diff)
	}

	lines := r.seen.count(localcloud.ResultsTopic)
	repeated := 0
	for _, m := range r.seen.all()[localcloud.QueueTopic] {
		r.redrive(m)
		if strings.Contains(string(m.raw), `"retry":true`) {
			repeated++
		}
	}
	r.wait("the repeats", func() bool { return r.seen.idle() })
	if n := len(r.jobs()); n != 3 || repeated != 2 || r.seen.count(localcloud.ResultsTopic) != lines || r.seen.count(localcloud.DeadLetterTopic) != 0 {
		t.Errorf("after repeats of all messages, %d of retries: %d batches, %d lines more, %d dead letters", repeated, n, r.seen.count(localcloud.ResultsTopic)-lines, r.seen.count(localcloud.DeadLetterTopic))
	}
}

// TestRoundsKilled: the receiver is killed when it has made a batch and could not say so,
// and when it has queued a retry and could not say that the old batch is done.
func TestRoundsKilled(t *testing.T) {
	t.Parallel()
	for name, suffix := range map[string]string{"between make and note": "-made", "before the end is noted": "/flag/completed"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := roundsRig(t, gemini.BatchOptions{ShowRequests: true})
			var once sync.Once
			r.cloud.Storage.Fail(func(op gcs.Op) (fault *gcs.Fault) {
				if op.Kind == gcs.OpInsert && strings.HasSuffix(op.Object, suffix) {
					once.Do(func() {
						r.child.kill()
						fault = &gcs.Fault{Status: 503}
					})
				}
				return fault
			})
			_, err := r.operator.RunInline(t.Context(), "nightly", roundRequests)
			must(t, err)
			r.dies()
			r.restart()
			_, ends := r.allRounds()
			if diff := cmp.Diff(&settled{Total: 20, Succeeded: 20, Rounds: 2}, r.settled(ends[2])); diff != "" {
				t.Errorf("settled (-want +got):\n%s", diff)
			}
		})
	}
}
