package e2e

import (
	"bytes"
	"encoding/json"
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
)

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

// TestRoundsRetriedByHand: somebody was faster. The receiver makes no batch, and says that
// it makes none.
func TestRoundsRetriedByHand(t *testing.T) {
	t.Parallel()
	r := roundsRig(t, gemini.BatchOptions{ShowRequests: true})
	var once sync.Once
	r.cloud.Storage.Fail(func(op gcs.Op) *gcs.Fault {
		if op.Kind == gcs.OpList && strings.HasPrefix(op.Object, "v1/retries/") { // the receiver is about to
			once.Do(func() {
				claim := op.Object + strings.Repeat("0", 64)
				r.cloud.Storage.Put(op.Bucket, claim, []byte(`{"display_name":"x","codes":{"429":7},"by":"webhookctl v1","since":"2026-01-01T00:00:00Z"}`), gcs.Attrs{})
				r.cloud.Storage.Put(op.Bucket, claim+"-made", []byte(`{"batch":"batches/by-hand"}`), gcs.Attrs{})
			})
		}
		return nil
	})
	_, err := r.operator.RunInline(t.Context(), "nightly", roundRequests)
	must(t, err)
	end := r.endTwice()
	if diff := cmp.Diff(&settled{Total: 20, Succeeded: 13, Failed: 7}, r.settled(end)); diff != "" || len(r.jobs()) != 1 || r.seen.count(localcloud.DeadLetterTopic) != 0 {
		t.Errorf("%d batches (-want +got):\n%s", len(r.jobs()), diff)
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
