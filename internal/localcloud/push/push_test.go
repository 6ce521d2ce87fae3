package push_test

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"example.com/gemini-webhook/internal/localcloud/push"
	"example.com/gemini-webhook/internal/localcloud/push/emulator"
)

// smoke is what must hold on every server: delivery, retry, dead letter with
// attributes, filter, and nothing left behind.
func smoke(t *testing.T, r *rig) {
	t.Helper()
	e := newEndpoint(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/poisoned" {
			http.Error(w, "no", http.StatusInternalServerError)
		}
	})
	r.subscribe(t, "dead", "dead-pull")
	d := r.start(t, push.Subscription{
		Name: "good-push", Topic: "work", PushEndpoint: e.URL + "/good", Filter: `attributes.kind = "event"`,
	}, func(c *push.Config) {
		c.Subscriptions = append(c.Subscriptions, push.Subscription{
			Name: "bad-push", Topic: "work", PushEndpoint: e.URL + "/poisoned", Filter: `attributes.kind = "range"`,
			MinBackoff: time.Second, MaxBackoff: 10 * time.Second, MaxDeliveryAttempts: 3, DeadLetterTopic: "dead",
		})
	})
	before := time.Now()
	ids := r.publish(t, "work",
		&pubsubpb.PubsubMessage{Data: []byte("one"), Attributes: map[string]string{"kind": "event"}},
		&pubsubpb.PubsubMessage{Data: []byte("two"), Attributes: map[string]string{"kind": "range", "n": "2"}},
		&pubsubpb.PubsubMessage{Data: []byte("three"), Attributes: map[string]string{"kind": "other"}},
	)
	letters := r.pull(t, "dead-pull", 1)
	if len(letters) != 1 || string(letters[0].GetData()) != "two" {
		t.Fatalf("dead letters: %v", letters)
	}
	attrs := letters[0].GetAttributes()
	published, err := time.Parse(time.RFC3339, attrs["CloudPubSubDeadLetterSourceTopicPublishTime"])
	if err != nil || published.Before(before.Add(-time.Minute)) || published.After(time.Now().Add(time.Minute)) {
		t.Errorf("publish time %q, %v", attrs["CloudPubSubDeadLetterSourceTopicPublishTime"], err)
	}
	for key, want := range map[string]string{
		"kind": "range", "n": "2",
		"CloudPubSubDeadLetterSourceDeliveryCount":       "3",
		"CloudPubSubDeadLetterSourceSubscription":        "bad-push",
		"CloudPubSubDeadLetterSourceSubscriptionProject": project,
	} {
		if attrs[key] != want {
			t.Errorf("attribute %s = %q, want %q", key, attrs[key], want)
		}
	}
	eventually(t, "four attempts were observed", func() bool { return len(r.observed()) == 4 })
	var numbers []int
	for _, a := range r.observed() {
		switch a.Subscription {
		case "good-push":
			if a.MessageID != ids[0] || !a.Acked || a.Status != 200 || a.Number != 1 {
				t.Errorf("good message: %+v", a)
			}
		case "bad-push":
			numbers = append(numbers, a.Number)
			if a.MessageID != ids[1] || a.Acked || a.Status != 500 || a.DeadLettered != (a.Number == 3) {
				t.Errorf("poisoned message: %+v", a)
			}
		}
	}
	if !slices.Equal(numbers, []int{1, 2, 3}) {
		t.Errorf("attempts of the poisoned message: %v, want 1, 2, 3", numbers)
	}
	for _, req := range e.got() {
		if string(req.Message.Data) == "three" {
			t.Error("a message that no filter matches was delivered")
		}
	}
	d.Stop()
	// Everything was acknowledged: a new driver finds nothing.
	r.start(t, push.Subscription{Name: "good-push", Topic: "work", PushEndpoint: e.URL + "/good"})
	time.Sleep(300 * time.Millisecond)
	if n := len(e.got()); n != 4 {
		t.Errorf("%d requests after a new driver's start, want the 4 from before", n)
	}
}

func TestSmokeOnTheFake(t *testing.T) {
	t.Parallel()
	r, _ := newFake(t)
	smoke(t, r)
}

func TestSmokeOnGooglesEmulator(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starting Google's emulator takes seconds; run without -short")
	}
	addr, stop, err := emulator.Start(t.Context())
	if errors.Is(err, emulator.ErrNotInstalled) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(stop)
	smoke(t, newRig(t, addr))
	stop()
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Errorf("%s still accepts connections after stop", addr)
	}
}

// TestLeasesAreExtended: a message whose request takes long is not delivered
// again, for the driver asks for more time.
func TestLeasesAreExtended(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes the ten seconds between two extensions; run without -short")
	}
	r, fake := newFake(t)
	finish := make(chan struct{})
	e := newEndpoint(t, func(http.ResponseWriter, *http.Request) { <-finish })
	r.start(t, push.Subscription{PushEndpoint: e.URL, AckDeadline: time.Minute})
	id := r.publish(t, "work", &pubsubpb.PubsubMessage{Data: []byte("x")})[0]
	eventually(t, "the lease was extended", func() bool {
		modacks := fake.Message(id).Modacks
		return len(modacks) > 0 && modacks[0].AckDeadline == 30
	})
	close(finish)
	eventually(t, "the attempt was observed", func() bool { return len(r.observed()) == 1 })
	if n := len(e.got()); n != 1 || !r.observed()[0].Acked {
		t.Errorf("%d requests, want one that is acknowledged", n)
	}
}

func TestFilterOfAnotherForm(t *testing.T) {
	t.Parallel()
	if _, err := push.Start(t.Context(), push.Config{Subscriptions: []push.Subscription{{Filter: "attributes.k = v"}}}); err == nil {
		t.Error("it is taken")
	}
}
