package e2e

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/genai"
	"google.golang.org/genai/interactions/models/operations"
	"google.golang.org/protobuf/types/known/timestamppb"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/push"
	"example.com/gemini-webhook/internal/webhookadmin"
)

const (
	// lostShare of the deliveries of the simulator's jobs never arrive, though Gemini
	// takes them for delivered. With the other batches that is a twentieth.
	lostShare = 0.25

	secondPath   = "/second"
	secondSecret = localcloud.SigningSecret + "-second"

	untold = "soak, without events" // the display name of jobs that are

	// byJobs is the mode of what nobody delivers.
	byJobs = "reconciled"
)

// lost reports whether the deliveries of a job of the simulator are.
func lost(resource string) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(resource)) // never fails
	return isJob(resource) && h.Sum32()%100 < lostShare*100
}

// isJob tells the simulator's jobs from what the soak makes up.
func isJob(resource string) bool {
	id, ok := strings.CutPrefix(resource, "batches/")
	return ok && resource != lateBatch && !strings.HasPrefix(id, soakName)
}

// gone are the paths of webhooks that are about to be disabled: an answer 410 does it.
type gone struct{ first, second atomic.Bool }

func (g *gone) takes(path string) bool {
	switch path {
	case hookPath:
		return g.first.CompareAndSwap(true, false)
	case secondPath:
		return g.second.CompareAndSwap(true, false)
	}
	return false
}

// standIn is an answer that did not come from the receiver.
func standIn(r *http.Request, status int) *http.Response {
	return &http.Response{StatusCode: status, Body: http.NoBody, Header: http.Header{}, Request: r, ProtoMajor: 1, ProtoMinor: 1}
}

// registerSecond registers another webhook with another secret, for videos alone.
func (s *soak) registerSecond() {
	hook, _, err := s.operator.Admin.Ensure(s.t.Context(), webhookadmin.Desired{
		Name: "second", URI: s.url() + secondPath, Enabled: true, SigningSecret: secondSecret, SubscribedEvents: []string{"video.generated"},
	})
	must(s.t, err)
	s.second = hook.ID
}

// disable lets Gemini disable both webhooks. A job whose event there is meanwhile has
// none; the events that begin it are delivered when they are enabled again.
func (s *soak) disable() {
	s.wire.gone.first.Store(true)
	s.wire.gone.second.Store(true)
	resource := s.name()
	s.books.announce(resource, announced{kind: "video.generated", mode: "static", outcome: "video.generated"})
	s.announce("static", "video.generated", map[string]any{"id": resource, "output_file_uri": "gs://elsewhere/video.mp4"})
	// That they are disabled may not be seen: a reconciliation is never far.
	for _, left := range []*atomic.Bool{&s.wire.gone.first, &s.wire.gone.second} {
		s.insist(func() bool { return !left.Load() })
		if !left.Load() {
			s.struck.add("webhooks disabled")
		}
	}
	s.runJob("static", 3)
}

func (s *soak) disabled(id string) bool {
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	answer, err := s.operator.AI.Webhooks.Get(ctx, operations.GetWebhookRequest{ID: id})
	return err == nil && answer.Webhook.State != nil && *answer.Webhook.State == "disabled_due_to_failed_deliveries"
}

// enabledAgain waits until the reconciliation has enabled both webhooks.
func (s *soak) enabledAgain() {
	s.insist(func() bool { return !s.disabled(s.webhook) && !s.disabled(s.second) })
}

// cancelJob runs a job that is cancelled, of which no event tells.
func (s *soak) cancelJob() {
	name, err := s.operator.RunBatch(s.t.Context(), untold, strings.NewReader(requests(3)))
	must(s.t, err)
	s.books.announce(name, announced{kind: "batch.cancelled, a job", mode: byJobs, outcome: "batch.cancelled"})
	must(s.t, s.operator.AI.Batches.Cancel(s.t.Context(), name, nil))
}

// jobsEnded waits until the jobs that were run have ended, for the times of their ends
// are to be those of a good clock: what ends in the future is not looked at.
func (s *soak) jobsEnded() {
	s.insist(func() bool {
		s.running = slices.DeleteFunc(s.running, func(name string) bool {
			job, err := s.operator.AI.Batches.Get(s.t.Context(), name, nil)
			return err == nil && job.State != genai.JobStatePending && job.State != genai.JobStateRunning
		})
		return len(s.running) == 0
	})
}

// startReconciler runs the function Reconcile, again and again, until the soak has
// ended.
func (s *soak) startReconciler() {
	program := command(s.t, append(s.env, "FUNCTION_TARGET=Reconcile", "LOCAL_ONLY=true", "RECONCILE_GRACE=0s", "VERTEX_LOCATIONS=")...)
	reconciler := launch(s.t, program, (*child).listens)
	message := &pubsubpb.PubsubMessage{Data: []byte("{}"), MessageId: "1", PublishTime: timestamppb.Now()}
	data, err := push.Wrap("projects/local-project/subscriptions/reconcile", message, 0)
	must(s.t, err)
	ctx, stop := context.WithCancel(s.t.Context())
	ended := make(chan struct{})
	s.stopReconciler = func() { stop(); <-ended }
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			header := push.EventHeader("projects/local-project/topics/reconcile", message)
			if a, err := trySend(s.t, http.MethodPost, reconciler.url()+"/", header, string(data)); err == nil {
				s.struck.add(fmt.Sprintf("reconciliations answered %dxx", a.status/100))
			}
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		}
	}()
}
