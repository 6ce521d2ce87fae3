package gemini

import (
	"bytes"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai/interactions/models/operations"
)

var messageID = regexp.MustCompile(`^msg_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// Attempts of one delivery have one id, and each is signed anew.
func TestRetries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dynamic bool
		answers []int // of the attempts that are made, the last one again
	}{
		"of a webhook":             {false, []int{503, 302, 500, 204}},
		"of a job":                 {true, []int{503, 302, 401, 204}},
		"of a job, not beyond 410": {true, []int{500, 410}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, func(n int) int { return c.answers[min(n, len(c.answers))-1] })
			s, client := start(t, Options{DisableAfter: 10})
			hook, secret := create(t, client, r.URL)
			want := Delivery{WebhookID: hook, ID: "msg_given", EventType: "batch.failed", Scheme: SchemeHMAC}
			if c.dynamic {
				must(t, errOf(s.EmitTo(r.URL, "batch.failed", nil, EmitOptions{ID: "msg_given"})))
				want.WebhookID, want.Scheme = "", SchemeEd25519
			} else {
				must(t, errOf(s.Emit("batch.failed", nil, EmitOptions{ID: "msg_given"})))
			}
			attempts := r.wait(t, len(c.answers))
			time.Sleep(100 * time.Millisecond)
			if n := len(r.all()); n != len(c.answers) {
				t.Errorf("%d requests, want none after the last answer", n)
			}
			set, _ := fetchKeys(t, s)
			for i, g := range attempts {
				signed := g.verifies(t, secret)
				if c.dynamic {
					signed = set.ed25519(t, g) >= 0
				}
				if !signed || g.header.Get("Content-Type") != "application/json" {
					t.Errorf("attempt %d: signed %t, content type %q", i+1, signed, g.header.Get("Content-Type"))
				}
			}
			for i, d := range s.Deliveries() {
				want.Attempt, want.Status, want.At, want.Duration = i+1, c.answers[i], d.At, d.Duration
				if diff := cmp.Diff(want, d); diff != "" || time.Since(d.At) > time.Minute {
					t.Errorf("attempt %d (-want +got):\n%s", i+1, diff)
				}
			}
			if got := webhookState(t, client, hook); got != stateEnabled {
				t.Errorf("state %q", got)
			}
		})
	}
}

func TestDuplicatesKeepTheirID(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s, client := start(t, Options{DuplicateShare: 1})
	_, secret := create(t, client, r.URL)
	must(t, errOf(s.Emit("batch.succeeded", nil, EmitOptions{})))
	requests := r.wait(t, 2)
	if requests[0].header.Get("webhook-id") != requests[1].header.Get("webhook-id") {
		t.Error("the duplicate has another id")
	}
	for i, g := range requests {
		if string(g.body) != string(requests[0].body) || !g.verifies(t, secret) {
			t.Errorf("request %d is not the signed event", i+1)
		}
	}
	time.Sleep(50 * time.Millisecond)
	if n := len(r.all()); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

func TestDeliveryEndsAfterADay(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(int) int { return 500 })
	s, client := start(t, Options{TimeScale: 172_800, DisableAfter: -1}) // a day is 500 ms
	create(t, client, r.URL)
	must(t, errOf(s.Emit("batch.succeeded", nil, EmitOptions{})))
	r.wait(t, 2)
	time.Sleep(800 * time.Millisecond)
	n := len(r.all())
	time.Sleep(300 * time.Millisecond)
	if later := len(r.all()); later != n {
		t.Errorf("%d more attempts after 24 h", later-n)
	}
}

func TestDeletedWebhookGetsNoMore(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(int) int { return 500 })
	s, client := start(t, Options{DisableAfter: -1})
	id, _ := create(t, client, r.URL)
	must(t, errOf(s.Emit("batch.succeeded", nil, EmitOptions{})))
	r.wait(t, 1)
	must(t, errOf(client.Webhooks.Delete(t.Context(), operations.DeleteWebhookRequest{ID: id})))
	time.Sleep(50 * time.Millisecond) // what was under way
	n := len(r.all())
	time.Sleep(200 * time.Millisecond)
	if later := len(r.all()); later != n {
		t.Errorf("%d attempts after the webhook was deleted", later-n)
	}
}

// What a test says is lost never comes, to a webhook or to a URI, and all else does.
func TestLose(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s, client := start(t, Options{})
	hook, _ := create(t, client, r.URL)
	s.Lose(func(o Outgoing) bool {
		if o.WebhookID != hook && o.WebhookID != "" || !bytes.Contains(o.Body, []byte(o.EventType)) {
			t.Errorf("asked about %+v", o)
		}
		return o.EventType == "batch.failed" || o.ID == "msg_lost"
	})
	must(t, errOf(s.Emit("batch.failed", nil, EmitOptions{ID: "msg_failed"})))
	must(t, errOf(s.Emit("batch.expired", nil, EmitOptions{ID: "msg_lost"})))
	must(t, errOf(s.EmitTo(r.URL, "batch.succeeded", nil, EmitOptions{ID: "msg_lost"})))
	must(t, errOf(s.Emit("batch.succeeded", nil, EmitOptions{ID: "msg_sent"})))
	r.wait(t, 1)
	s.Lose(nil)
	must(t, errOf(s.EmitTo(r.URL, "batch.failed", nil, EmitOptions{ID: "msg_last"})))
	var ids []string
	for _, g := range r.wait(t, 2) {
		ids = append(ids, g.header.Get("webhook-id"))
	}
	if diff := cmp.Diff([]string{"msg_sent", "msg_last"}, ids); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
}
