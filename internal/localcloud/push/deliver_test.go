package push_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud/push"
)

func TestRequestIsAsPubSubSendsIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		sub  push.Subscription
		want map[string]any
	}{
		"with dead letters":    {push.Subscription{MaxDeliveryAttempts: 5, DeadLetterTopic: "dead"}, map[string]any{"deliveryAttempt": 1.0}},
		"without dead letters": {push.Subscription{}, map[string]any{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := newFake(t)
			e := newEndpoint(t, nil)
			tc.sub.Name, tc.sub.Topic, tc.sub.PushEndpoint = "work-push", "work", e.URL+"/tasks/process?x=1"
			r.start(t, tc.sub)
			data := []byte{0, 0xff, '?', '>'}
			id := r.publish(t, "work", &pubsubpb.PubsubMessage{Data: data, Attributes: map[string]string{"kind": "event"}})[0]
			eventually(t, "it was delivered", func() bool { return len(e.got()) == 1 })
			req := e.got()[0]
			published, err := time.Parse("2006-01-02T15:04:05.000Z", req.Message.PublishTime)
			if err != nil || time.Since(published) > time.Minute {
				t.Errorf("publish time %q, %v", req.Message.PublishTime, err)
			}
			tc.want["subscription"] = "projects/project/subscriptions/work-push"
			tc.want["message"] = map[string]any{
				"data": base64.StdEncoding.EncodeToString(data), "attributes": map[string]any{"kind": "event"},
				"messageId": id, "message_id": id,
				"publishTime": req.Message.PublishTime, "publish_time": req.Message.PublishTime,
			}
			var got map[string]any
			must(t, json.Unmarshal([]byte(req.body), &got))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if ct, auth := req.header.Get("Content-Type"), req.header.Values("Authorization"); ct != "application/json" || len(auth) != 0 {
				t.Errorf("Content-Type %q, %d Authorization headers; want application/json and none", ct, len(auth))
			}
		})
	}
}

func TestWhichAnswersAcknowledge(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]bool{
		200: true, 201: true, 202: true, 204: true,
		203: false, 205: false, 206: false, 302: false, 400: false, 401: false, 404: false, 429: false, 500: false, 503: false,
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			r, _ := newFake(t)
			e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(status)
			})
			r.subscribe(t, "dead", "dead-pull")
			r.start(t, push.Subscription{Name: "s", Topic: "work", PushEndpoint: e.URL, MaxDeliveryAttempts: 1, DeadLetterTopic: "dead"})
			r.publish(t, "work", &pubsubpb.PubsubMessage{Data: []byte("x")})
			eventually(t, "the attempt was observed", func() bool { return len(r.observed()) == 1 })
			if a := r.observed()[0]; a.Acked != want || a.DeadLettered == want || a.Status != status || a.Err != nil {
				t.Errorf("got %+v, want acknowledged %v", a, want)
			}
		})
	}
}

func TestBackoffDoublesUpToItsMaximum(t *testing.T) {
	t.Parallel()
	r, _ := newFake(t)
	var calls atomic.Int32
	e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) < 6 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	// 40, 80, 100, 100, 100 ms
	r.start(t, push.Subscription{Name: "work-push", Topic: "work", PushEndpoint: e.URL, MinBackoff: 4 * time.Second, MaxBackoff: 10 * time.Second})
	r.publish(t, "work", &pubsubpb.PubsubMessage{Data: []byte("x")})
	eventually(t, "six attempts were observed", func() bool { return len(r.observed()) == 6 })
	attempts := r.observed()
	for i, least := range []time.Duration{40, 80, 100, 100, 100} {
		pause := attempts[i+1].Start.Sub(attempts[i].Start.Add(attempts[i].Duration))
		if least *= time.Millisecond; pause < least || pause > least+2*time.Second {
			t.Errorf("pause after attempt %d: %v, want %v", i+1, pause, least)
		}
		if attempts[i].Number != i+1 {
			t.Errorf("attempt %d has number %d", i+1, attempts[i].Number)
		}
	}
	if !attempts[5].Acked {
		t.Error("the last attempt is not acknowledged")
	}
}

func TestAckDeadlineBoundsARequest(t *testing.T) {
	t.Parallel()
	r, _ := newFake(t)
	var calls atomic.Int32
	e := newEndpoint(t, func(_ http.ResponseWriter, req *http.Request) {
		if calls.Add(1) == 1 {
			<-req.Context().Done()
		}
	})
	r.start(t, push.Subscription{PushEndpoint: e.URL, AckDeadline: 150 * time.Millisecond})
	r.publish(t, "work", &pubsubpb.PubsubMessage{Data: []byte("x")})
	eventually(t, "two attempts were observed", func() bool { return len(r.observed()) == 2 })
	got := r.observed()
	if got[0].Err == nil || got[0].Acked || got[0].Duration < 150*time.Millisecond || !got[1].Acked {
		t.Errorf("got %+v", got)
	}
}

func TestMaxOutstandingBoundsRequests(t *testing.T) {
	t.Parallel()
	r, _ := newFake(t)
	var mu sync.Mutex
	var active, most int
	e := newEndpoint(t, func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		active++
		most = max(most, active)
		mu.Unlock()
		for range 200 { // on a busy machine too, three meet
			time.Sleep(20 * time.Millisecond)
			mu.Lock()
			met := most >= 3
			mu.Unlock()
			if met {
				break
			}
		}
		mu.Lock()
		active--
		mu.Unlock()
	})
	r.start(t, push.Subscription{PushEndpoint: e.URL, MaxOutstanding: 3})
	var messages []*pubsubpb.PubsubMessage
	for i := range 30 {
		messages = append(messages, &pubsubpb.PubsubMessage{Data: fmt.Append(nil, i)})
	}
	r.publish(t, "work", messages...)
	eventually(t, "all were delivered", func() bool { return len(r.observed()) == 30 })
	mu.Lock()
	defer mu.Unlock()
	if most != 3 {
		t.Errorf("%d requests at once, want 3", most)
	}
}

// TestBackoffTakesNoSlot: a poisoned message does not hold up the others.
func TestBackoffTakesNoSlot(t *testing.T) {
	t.Parallel()
	r, _ := newFake(t)
	var calls atomic.Int32
	e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	r.start(t, push.Subscription{PushEndpoint: e.URL, MaxOutstanding: 1, MinBackoff: time.Hour, MaxBackoff: time.Hour})
	r.publish(t, "work", &pubsubpb.PubsubMessage{Data: []byte("bad")})
	eventually(t, "the bad one was tried", func() bool { return len(r.observed()) == 1 })
	r.publish(t, "work", &pubsubpb.PubsubMessage{Data: []byte("good")})
	eventually(t, "the good one was delivered", func() bool { return len(r.observed()) == 2 && r.observed()[1].Acked })
}

// TestStopDrains: the request under way is answered and acknowledged, what is
// in backoff is given back and goes to the next driver at once.
func TestStopDrains(t *testing.T) {
	t.Parallel()
	r, fake := newFake(t)
	entered := make(chan struct{}, 10)
	finish := make(chan struct{})
	var refuse atomic.Bool
	refuse.Store(true)
	e := newEndpoint(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/slow" {
			entered <- struct{}{}
			<-finish
			return
		}
		if refuse.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	d := r.start(t, push.Subscription{Name: "slow", Topic: "work", PushEndpoint: e.URL + "/slow"}, func(c *push.Config) {
		c.Subscriptions = append(c.Subscriptions, push.Subscription{
			Name: "failing", Topic: "work", PushEndpoint: e.URL + "/failing", MinBackoff: time.Hour, MaxBackoff: time.Hour,
		})
		c.TimeScale = 1
	})
	r.publish(t, "work", &pubsubpb.PubsubMessage{Data: []byte("x")})
	<-entered
	eventually(t, "the failing one is in backoff", func() bool { return len(r.observed()) == 1 })
	stopped := make(chan struct{})
	go func() { d.Stop(); close(stopped) }()
	select {
	case <-stopped:
		t.Fatal("Stop did not wait for the request under way")
	case <-time.After(100 * time.Millisecond):
	}
	close(finish)
	select {
	case <-stopped:
	case <-time.After(5 * time.Second):
		t.Fatal("Stop did not end")
	}
	d.Stop()
	if got := r.observed(); len(got) != 2 || !got[1].Acked || got[1].Subscription != "slow" {
		t.Errorf("after Stop: %+v, want the slow one acknowledged", got)
	}
	refuse.Store(false)
	r.start(t, push.Subscription{Name: "failing", Topic: "work", PushEndpoint: e.URL + "/failing"})
	eventually(t, "the next driver delivered it", func() bool { return len(r.observed()) == 3 })
	if m := fake.Messages()[0]; m.Acks != 2 {
		t.Errorf("%d acknowledgements, want one per subscription", m.Acks)
	}
}

func TestEndedContextCutsRequests(t *testing.T) {
	t.Parallel()
	r, _ := newFake(t)
	entered := make(chan struct{}, 1)
	e := newEndpoint(t, func(_ http.ResponseWriter, req *http.Request) { entered <- struct{}{}; <-req.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d, err := push.Start(ctx, push.Config{Endpoint: r.addr, Project: project, Subscriptions: []push.Subscription{
		{Name: "s", Topic: "work", PushEndpoint: e.URL, AckDeadline: time.Hour, MaxOutstanding: 1},
	}})
	must(t, err)
	r.publish(t, "work", &pubsubpb.PubsubMessage{Data: []byte("x")})
	<-entered
	cancel()
	done := make(chan struct{})
	go func() { d.Stop(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("Stop did not end after the context's end")
	}
}
