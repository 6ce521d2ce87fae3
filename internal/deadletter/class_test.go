package deadletter_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/deadletter"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
)

// refuse has a topic refuse what is published to it.
func (r *rig) refuse(topic string) {
	r.pubsub.SetHook(pubsub.Hook{Before: func(p pubsub.Publish) error {
		if p.Topic == topic {
			return status.Error(codes.PermissionDenied, "injected")
		}
		return nil
	}})
}

// forbid has Cloud Storage answer reads of a bucket with 403.
func (r *rig) forbid(bucket string) {
	r.gcs.Fail(func(op gcs.Op) *gcs.Fault {
		if op.Bucket == bucket && (op.Kind == gcs.OpGet || op.Kind == gcs.OpRead) {
			return &gcs.Fault{Status: 403}
		}
		return nil
	})
}

func keyOf(body string) string { return event.New(event.Delivery{ID: "msg_1"}, []byte(body)).Key }

// ofOneBatch is how many messages of a batch are in the dead letters where no line of
// its four can be published: its keeper queues what is missing once more.
const ofOneBatch = 2*4 + 1

// failing has a batch whose lines cannot be published in the dead letters.
func (r *rig) failing() {
	r.put("1")
	r.refuse(resultsTopic)
	r.deliver(succeeded("1"))
	r.work()
	r.pubsub.SetHook(pubsub.Hook{})
}

const oneRange = `{"format":2,"key":"%s","plan":"%s","range":{"start":0,"end":100}}`

// TestClasses: each class, of failures that the worker really has.
func TestClasses(t *testing.T) {
	t.Parallel()
	type class = deadletter.Class
	for name, c := range map[string]struct {
		fail func(r *rig)
		want map[class]int
	}{
		"results are not there": {func(r *rig) {
			r.deliver(succeeded("1"))
		}, map[class]int{deadletter.NotFound: 1}},
		"results were deleted after the plan": {func(r *rig) {
			r.failing()
			must(r, r.box.Redrive(r.Context(), r.list(), func(deadletter.Item) {}))
			r.gcs.Delete(resultBucket, "1.jsonl")
		}, map[class]int{deadletter.NotFound: ofOneBatch}},
		"results may not be read": {func(r *rig) {
			r.put("1")
			r.forbid(resultBucket)
			r.deliver(succeeded("1"))
		}, map[class]int{deadletter.Denied: 1}},
		"lines cannot be published": {(*rig).failing, map[class]int{deadletter.Unfinished: ofOneBatch}},
		"the plan was deleted": {func(r *rig) {
			r.failing()
			r.gcs.Delete(stateBucket, "v1/"+keyOf(succeeded("1"))+"/plan")
		}, map[class]int{deadletter.PlanLost: ofOneBatch}},
		"the plan is broken": {func(r *rig) {
			r.gcs.Put(stateBucket, "v1/"+keyOf(succeeded("1"))+"/plan", []byte("{"), gcs.Attrs{})
			r.deliver(succeeded("1"))
		}, map[class]int{deadletter.UnreadableState: 1}},
		"a later version's plan": {func(r *rig) {
			r.gcs.Put(stateBucket, "v1/"+keyOf(succeeded("1"))+"/plan", []byte(`{"format":9}`), gcs.Attrs{})
			r.deliver(succeeded("1"))
		}, map[class]int{deadletter.Format: 1}},
		"later versions' messages": {func(r *rig) {
			r.queue(event.Kind, []byte("{\"v\":9}\n{}"))
			r.queue(batch.KindRange, []byte(`{"format":9}`))
		}, map[class]int{deadletter.Format: 2}},
		"messages of somebody else": {func(r *rig) {
			r.queue(event.Kind, []byte(succeeded("1")))
			r.queue(event.Kind, []byte("{}\n{}"))
			r.queue(batch.KindRange, []byte(`{"a":1}`))
			r.queue("order", []byte("x"))
		}, map[class]int{deadletter.Foreign: 4}},
		"completed meanwhile": {func(r *rig) {
			r.failing()
			r.deliver(succeeded("1"))
			before := r.list()
			must(r, r.box.Redrive(r.Context(), before, func(deadletter.Item) {}))
			r.work()
			r.bury(batch.KindRange, fmt.Appendf(nil, oneRange, keyOf(succeeded("1")), before[0].EventKey), time.Now())
			r.bury(event.Kind, delivery(succeeded("1")), time.Now())
		}, map[class]int{deadletter.Done: 2}},
		"the retry of what failed of a completed batch": {func(r *rig) {
			r.put("1")
			r.deliver(succeeded("1"))
			r.work()
			r.bury(batch.KindRange, batch.Range{Key: keyOf(succeeded("1")), Retry: true}.Encode(), time.Now())
		}, map[class]int{deadletter.Unfinished: 1}},
		"of another plan": {func(r *rig) {
			r.failing()
			r.bury(batch.KindRange, fmt.Appendf(nil, oneRange, keyOf(succeeded("1")), "abc"), time.Now())
		}, map[class]int{deadletter.Unfinished: ofOneBatch, deadletter.Done: 1}},
		"the job is a reconciled event's": {func(r *rig) {
			r.deliver(succeeded("1"))
			r.work()
			owner := "v1/jobs/" + event.JobKey(event.OriginGeminiAPI, "batches/1")
			r.gcs.Put(stateBucket, owner, []byte(`{"kind":"reconciled","key":"abc"}`), gcs.Attrs{})
		}, map[class]int{deadletter.Excluded: 1}},
		"an outcome cannot be published": {func(r *rig) {
			r.refuse(outcomesTopic)
			r.deliver(`{"type":"interaction.completed","data":{"id":"i1"}}`)
		}, map[class]int{deadletter.Unknown: 1}},
		"failed again without a report": {func(r *rig) {
			r.deliver(succeeded("1"))
			r.work()
			must(r, r.box.Redrive(r.Context(), r.list(), func(deadletter.Item) {}))
			r.refuse(outcomesTopic)
		}, map[class]int{deadletter.Unknown: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			c.fail(r)
			r.work()
			r.gcs.Fail(nil)
			got := map[class]int{}
			for _, i := range r.list() {
				got[i.Class]++
				if i.Error != nil && strings.TrimSpace(i.Error.Message) == "" {
					t.Errorf("%s: a report without a message", i.ID)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestItems: what is told of each kind.
func TestItems(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.failing()
	r.queue("a\x1b[31mb", []byte("x"))
	r.deliver(`{"type":"interaction.failed","data":{"id":"i\u001b[2J1"}}`)
	r.bury(event.Kind, delivery(`{"type":"interaction.failed","data":{"id":"i\u001b[2J1"}}`), time.Now())
	r.work()
	keepers := 0
	for _, i := range r.list() {
		if i.Attempts != maxAttempts || i.Queued.IsZero() || i.Dead.Before(i.Queued.Truncate(time.Millisecond)) {
			t.Errorf("%+v", i)
		}
		switch i.Kind {
		case batch.KindRange:
			if i.ResourceID != "batches/1" || i.EventType != "batch.succeeded" || i.EventKey != keyOf(succeeded("1")) ||
				i.Progress == nil || i.Progress.Done != 1 || i.Progress.Missing != 4 || i.Error == nil || i.Error.Code != batch.CodeUnfinished {
				t.Errorf("%+v", i)
			}
			if i.Keeper {
				keepers++
			}
		case event.Kind:
			if i.ResourceID != "i\ufffd[2J1" || i.EventType != "interaction.failed" || i.EventID != "msg_1" {
				t.Errorf("%+v", i)
			}
		default:
			if i.Kind != "a\ufffd[31mb" || i.Class != deadletter.Foreign {
				t.Errorf("%+v", i)
			}
		}
	}
	if keepers == 0 {
		t.Error("no keeper")
	}

	r.box.States = nil
	for _, i := range r.list() {
		if i.Class != deadletter.Unknown && i.Class != deadletter.Foreign || i.Progress != nil {
			t.Errorf("without a state bucket: %+v", i)
		}
	}
}
