package e2e

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
)

// Without Pub/Sub a genuine delivery is 503 within 4 s (SPEC.md, status 503),
// nothing is acknowledged, and afterwards the same delivery is queued once.
func TestPubSubUnavailable(t *testing.T) {
	t.Parallel()
	refuse := func(code codes.Code) func(*rig, *front) {
		return func(r *rig, _ *front) {
			r.cloud.PubSub.SetHook(pubsub.Hook{Before: func(pubsub.Publish) error { return status.Error(code, "on purpose") }})
		}
	}
	for _, test := range []struct {
		name string
		stop func(r *rig, pubsub *front)
	}{
		{"answers Unavailable", refuse(codes.Unavailable)},
		{"answers PermissionDenied", refuse(codes.PermissionDenied)},
		{"answers ResourceExhausted", refuse(codes.ResourceExhausted)},
		{"loses every answer", func(r *rig, _ *front) {
			r.cloud.PubSub.SetHook(pubsub.Hook{After: func(pubsub.Publish) { time.Sleep(5 * time.Second) }})
		}},
		{"refuses connections", func(_ *rig, f *front) { f.set("", false) }},
		{"is silent", func(_ *rig, f *front) { f.set("", true) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			between := newFront(t, "")
			r := newRig(t, options{env: []string{"PUBSUB_EMULATOR_HOST=" + between.addr()}})
			between.set(r.cloud.PubSub.Addr(), false)
			warm := interaction("before")
			if a := r.deliver(r.signed("msg_before", warm), warm); a.status != http.StatusOK {
				t.Fatalf("before the outage: %v", a)
			}
			r.wait("its outcome", func() bool { return r.seen.has("interaction.completed") && r.seen.idle() })
			test.stop(r, between)
			body := interaction("during")
			header := r.signed("msg_during", body)
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() {
					a, err := trySend(t, http.MethodPost, r.url()+hookPath, header, body)
					if err != nil || a.status != http.StatusServiceUnavailable || a.word != "unavailable" || a.header.Get("Retry-After") == "" {
						t.Errorf("during the outage: %v, Retry-After %q, %v, want 503 with it", a, a.header.Get("Retry-After"), err)
					}
					if a.took > 4*time.Second+slack {
						t.Errorf("the answer took %v, want 4 s at most", a.took)
					}
				})
			}
			both.Wait()
			r.calm()
			between.set(r.cloud.PubSub.Addr(), false)
			poll(t, 20*time.Second, "the delivery is accepted", func() bool { return r.deliver(header, body).status == http.StatusOK })
			// Where answers were lost it is queued more than once: one event still.
			r.wait("both outcomes", func() bool { return r.seen.idle() && r.seen.count(localcloud.OutcomesTopic) >= 2 })
			if n := len(r.seen.ofType(t, "interaction.completed")); n != 2 {
				t.Errorf("%d outcomes by id, want 2", n)
			}
		})
	}
}

// Without Pub/Sub a range is not done: it is delivered again, and nothing is
// lost.
func TestPubSubUnavailableToTheWorker(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{env: []string{"CHUNK_BYTES=2000"}})
	r.put(jsonl(50))
	// Permission is definite, so that the client does not try again by itself.
	r.cloud.PubSub.SetHook(pubsub.Hook{Before: func(p pubsub.Publish) error {
		if p.Topic == "projects/"+localcloud.Project+"/topics/"+localcloud.QueueTopic {
			return nil
		}
		return status.Error(codes.PermissionDenied, "on purpose")
	}})
	r.succeed(objectURI)
	r.wait("some failed attempts", func() bool {
		failed := 0
		for _, a := range r.seen.pushes() {
			if a.Status == http.StatusInternalServerError {
				failed++
			}
		}
		return failed > 5
	})
	if n := r.seen.count(localcloud.ResultsTopic); n != 0 {
		t.Errorf("%d lines published", n)
	}
	r.calm()
	done := r.completed()
	lines, repeats := r.seen.results(t)
	if len(lines) != 50 || repeats != 0 || done.Results.Total != 50 {
		t.Errorf("%d lines, %d repeats, totals %+v, want 50 and none", len(lines), repeats, done.Results)
	}
}
