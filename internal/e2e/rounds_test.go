package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
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

// endTwice waits for a batch that is completed twice, as one that a round is to follow and,
// under another id, as the end of the whole, which it gives. Both say the same of the batch.
func (r *rig) endTwice() (end outcome) {
	r.t.Helper()
	type said struct {
		Retrying bool
		Settled  *settled
		Results  json.RawMessage
		Usage    json.RawMessage
		Bytes    int64
	}
	both := map[bool]said{} // by whether it is the end
	r.wait("the end of all rounds", func() bool {
		for _, o := range r.seen.ofType(r.t, "batch.completed") {
			if r.settled(o) != nil {
				end = o
			}
		}
		return end.ID != "" && r.seen.idle()
	})
	for _, o := range r.seen.ofType(r.t, "batch.completed") {
		if o.ResourceID == end.ResourceID {
			var s said
			must(r.t, json.Unmarshal(o.raw, &s))
			both[o.ID == end.ID] = s
		}
	}
	want := both[true]
	want.Retrying, want.Settled = true, nil
	if diff := cmp.Diff(want, both[false]); diff != "" || len(both) != 2 || both[true].Retrying {
		r.t.Errorf("(-end +before):\n%s", diff)
	}
	return end
}

// TestRoundsWithoutRequests: where Gemini does not give the requests back nothing is made,
// the log has the command that would, and consumers that wait are told.
func TestRoundsWithoutRequests(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(r *rig) (string, error){
		"inline": func(r *rig) (string, error) { return r.operator.RunInline(t.Context(), "nightly", roundRequests) },
		"a file": func(r *rig) (string, error) {
			return r.operator.RunBatch(t.Context(), "nightly", strings.NewReader(requests(roundRequests)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := roundsRig(t, gemini.BatchOptions{})
			batch, err := start(r)
			must(t, err)
			end := r.endTwice()
			if diff := cmp.Diff(&settled{Total: 20, Succeeded: 13, Failed: 7}, r.settled(end)); diff != "" || end.ResourceID != batch || len(r.jobs()) != 1 || r.seen.count(localcloud.DeadLetterTopic) != 0 {
				t.Errorf("%s, %d batches (-want +got):\n%s", end.raw, len(r.jobs()), diff)
			}
			if log := r.child.logs.String(); !strings.Contains(log, "webhookctl batch retry "+batch+" --codes 429,500,503,8,13,14 --input FILE") {
				t.Errorf("the log does not say what to do:\n%s", tail(log))
			}
		})
	}
}

// TestRoundsThatAreRefused: Gemini does not take the second round's batch. What the first
// came to is the end of the whole, also where the receiver is killed before it says so, and
// when it has said so and could not note it.
func TestRoundsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]func(*rig){
		"alive": nil,
		"killed before it is said": func(r *rig) {
			r.cloud.PubSub.SetHook(pubsub.Hook{Before: func(p pubsub.Publish) error {
				if !slices.ContainsFunc(p.Messages, func(m *pubsubpb.PubsubMessage) bool { return bytes.Contains(m.GetData(), []byte(`"settled":`)) }) {
					return nil
				}
				r.child.kill()
				return status.Error(codes.Unavailable, "not published")
			}})
		},
		"killed before it is noted": func(r *rig) {
			var noted atomic.Int32
			r.cloud.Storage.Fail(func(op gcs.Op) *gcs.Fault {
				if op.Kind != gcs.OpInsert || !strings.HasSuffix(op.Object, "/flag/retried") || noted.Add(1) != 2 {
					return nil
				}
				r.child.kill()
				return &gcs.Fault{Status: 503}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := roundsRig(t, gemini.BatchOptions{ShowRequests: true})
			var made atomic.Int32
			r.cloud.Gemini.Fail(func(op gemini.Op) *gemini.Fault {
				if strings.HasSuffix(op.Path, ":batchGenerateContent") && made.Add(1) > 2 { // ours, and the first round's
					return &gemini.Fault{Status: 400}
				}
				return nil
			})
			if kill != nil {
				kill(r)
			}
			_, err := r.operator.RunInline(t.Context(), "nightly", roundRequests)
			must(t, err)
			if kill != nil {
				r.dies()
				r.cloud.PubSub.SetHook(pubsub.Hook{})
				r.restart()
			}
			end := r.endTwice()
			if diff := cmp.Diff(&settled{Total: 20, Succeeded: 17, Failed: 3, Rounds: 1}, r.settled(end)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if jobs := r.jobs(); len(jobs) != 2 || len(r.seen.ofType(t, "batch.completed")) != 3 || r.seen.count(localcloud.DeadLetterTopic) != 0 {
				t.Errorf("batches %v, %d dead letters", jobs, r.seen.count(localcloud.DeadLetterTopic))
			}
		})
	}
}

// dies waits for the receiver's end.
func (r *rig) dies() {
	r.t.Helper()
	select {
	case <-r.child.exited:
	case <-time.After(patience):
		r.t.Fatal("never killed")
	}
}
