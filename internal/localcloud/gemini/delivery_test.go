package gemini

import (
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai/interactions/models/operations"
)

var messageID = regexp.MustCompile(`^msg_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestDeliveryIsRetriedUntilAccepted(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(n int) int { return []int{503, 302, 500, 204}[min(n, 4)-1] })
	var mu sync.Mutex
	var observed []Delivery
	s, client := start(t, Options{Observe: func(d Delivery) {
		mu.Lock()
		defer mu.Unlock()
		observed = append(observed, d)
	}})
	id, secret := create(t, client, r.URL)
	sent, err := s.Emit("batch.failed", map[string]any{"id": "batches/1", "error_code": 13}, EmitOptions{UserMetadata: map[string]any{"job": "42"}})
	must(t, err)
	requests := r.wait(t, 4)
	if len(sent) != 1 || !messageID.MatchString(sent[0]) {
		t.Errorf("ids %v, want one msg_<uuid>", sent)
	}
	for i, g := range requests {
		if got := g.header.Get("webhook-id"); got != sent[0] {
			t.Errorf("attempt %d has another id", i+1)
		}
		if !g.verifies(t, secret) {
			t.Errorf("attempt %d does not verify", i+1)
		}
		if got := g.header.Get("Content-Type"); got != "application/json" {
			t.Errorf("content type %q", got)
		}
	}
	eventually(t, "the observer", func() bool { mu.Lock(); defer mu.Unlock(); return len(observed) == 4 })
	var statuses []int
	for i, d := range s.Deliveries() {
		statuses = append(statuses, d.Status)
		want := Delivery{WebhookID: id, ID: sent[0], Attempt: i + 1, EventType: "batch.failed", Scheme: SchemeHMAC,
			At: d.At, Status: d.Status, Duration: d.Duration}
		if diff := cmp.Diff(want, d); diff != "" || time.Since(d.At) > time.Minute {
			t.Errorf("attempt %d (-want +got):\n%s", i+1, diff)
		}
	}
	if diff := cmp.Diff([]int{503, 302, 500, 204}, statuses); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	time.Sleep(50 * time.Millisecond)
	if n := len(r.all()); n != 4 {
		t.Errorf("%d requests, want none after the 204", n)
	}
	if got := webhookState(t, client, id); got != stateEnabled {
		t.Errorf("state %q", got)
	}
}

func TestTimestampIsThatOfTheAttempt(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Now().Add(-time.Hour)
	r := newReceiver(t, func(n int) int { return []int{500, 200}[min(n, 2)-1] })
	s, client := start(t, Options{Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}, Observe: func(Delivery) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Hour)
	}})
	create(t, client, r.URL)
	begin := now.Unix()
	must(t, errOf(s.Emit("batch.succeeded", nil, EmitOptions{})))
	var got []string
	for _, g := range r.wait(t, 2) {
		got = append(got, g.header.Get("webhook-timestamp"))
	}
	want := []string{strconv.FormatInt(begin, 10), strconv.FormatInt(begin+3600, 10)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("timestamps (-want +got):\n%s", diff)
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

func TestConcurrencyIsLimited(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	under, most := 0, 0
	r := newReceiver(t, func(int) int {
		mu.Lock()
		under++
		most = max(most, under)
		mu.Unlock()
		time.Sleep(5 * time.Millisecond)
		mu.Lock()
		under--
		mu.Unlock()
		return 200
	})
	s, client := start(t, Options{})
	create(t, client, r.URL)
	for range 100 {
		must(t, errOf(s.Emit("batch.succeeded", nil, EmitOptions{})))
	}
	r.wait(t, 100)
	mu.Lock()
	defer mu.Unlock()
	if most > maxConcurrent || most < 2 {
		t.Errorf("up to %d deliveries at once, want 2 to %d", most, maxConcurrent)
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
