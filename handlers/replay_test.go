package handlers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/verify"
)

func TestRepeatedDeliveryIsQueuedOnce(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 1024)
	at := time.Now()
	for range 3 { // a retry has a new timestamp
		if status, _ := d.send(t, d.signed(t, at, testBody)); status != 200 {
			t.Fatalf("got %d", status)
		}
		at = at.Add(time.Second)
	}
	if n := len(d.queue.all()); n != 1 {
		t.Errorf("%d messages queued, want 1", n)
	}
	if status, _ := d.send(t, d.signed(t, at, `{"type":"another event under the same id"}`)); status != 200 || len(d.queue.all()) != 2 {
		t.Errorf("another body under the same id: got %d, %d queued, want 2", status, len(d.queue.all()))
	}
}

// The path is not signed: whoever has captured a delivery can send it on any.
func TestReplayOnOtherPathsIsQueuedOnce(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 1024)
	at := time.Now()
	for i := range 300 {
		r := d.signed(t, at, testBody)
		r.Header.Set("Traceparent", fmt.Sprintf("00-0af7651916cd43dd8448eb211c%06d-b7ad6b7169203331-01", i))
		if i > 0 {
			r.URL.Path = fmt.Sprint("/replay/", i)
		}
		if status, answer := d.send(t, r); status != 200 {
			t.Fatalf("replay %d: got %d %s", i, status, answer)
		}
	}
	messages := d.queue.all()
	if len(messages) != 1 {
		t.Fatalf("%d messages queued, want 1", len(messages))
	}
	if e, err := event.Decode(messages[0]); err != nil || e.Path != "/hook" {
		t.Errorf("queued with the path %q, %v, want the first one's", e.Path, err)
	}
}

// Replays that come all at once are no more, and share what becomes of the first:
// while Pub/Sub does not acknowledge, none of them is told that it did.
func TestReplaysAtOnceAreQueuedOnce(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{nil, errors.New("unavailable")} {
		synctest.Test(t, func(t *testing.T) {
			queue := &slow{queued: queued{err: failure}}
			rc := newReceiver(verdict{proof: verify.Proof{Mode: "static", Origin: "signing_secret", Signer: testSecret}}, queue, 1024, io.Discard)
			codes := make(chan int, 50)
			for i := range cap(codes) {
				go func() { codes <- deliver(rc, fmt.Sprint("/replay/", i), unsigned("v1,MDEy"), testBody).Code }()
			}
			want := http.StatusOK
			if failure != nil {
				want = http.StatusServiceUnavailable
			}
			for range cap(codes) {
				if code := <-codes; code != want {
					t.Errorf("got %d, want %d", code, want)
				}
			}
			if n := queue.calls.Load(); n != 1 {
				t.Errorf("%d publishes, want 1", n)
			}
		})
	}
}

// slow is a work queue that takes its time.
type slow struct {
	queued
	calls atomic.Int64
}

func (q *slow) Enqueue(ctx context.Context, kind string, messages ...[]byte) error {
	q.calls.Add(1)
	time.Sleep(time.Second)
	return q.queued.Enqueue(ctx, kind, messages...)
}

// What differs in who vouches for it is another delivery: a replay that proves
// less must not stand in for one that proves more.
func TestDeliveriesThatProveOtherThingsAreAllQueued(t *testing.T) {
	t.Parallel()
	queue := &queued{}
	proofs := []verify.Proof{
		{Mode: "dynamic", Scheme: "ed25519", Origin: "open"},
		{Mode: "dynamic", Scheme: "ed25519", Origin: "path_token"},
		{Mode: "static", Scheme: "hmac-sha256", Origin: "signing_secret", Signer: "projects/p/secrets/a"},
		{Mode: "static", Scheme: "hmac-sha256", Origin: "signing_secret", Signer: "projects/p/secrets/b"},
	}
	v := &verdict{}
	rc := newReceiver(v, queue, 1024, io.Discard)
	for _, v.proof = range slices.Concat(proofs, proofs) {
		deliver(rc, "/hook", unsigned("v1,MDEy"), testBody)
	}
	if n := len(queue.all()); n != len(proofs) {
		t.Errorf("%d messages queued, want %d", n, len(proofs))
	}
}

func TestSeenForgets(t *testing.T) {
	t.Parallel()
	var s seen
	now := time.Now()
	s.add(deliveryOf("a"), now)
	if !s.has(deliveryOf("a"), now.Add(seenWindow-1)) || s.has(deliveryOf("a"), now.Add(seenWindow)) {
		t.Error("the window is not kept")
	}
	if deliveryOf("ab", "c") == deliveryOf("a", "bc") {
		t.Error("parts are not told apart")
	}
	for i := range 2 * seenEntries {
		s.add(deliveryOf(strconv.Itoa(i)), now)
	}
	if len(s.at) > seenEntries || len(s.order) > seenEntries {
		t.Errorf("%d entries, want at most %d", len(s.at), seenEntries)
	}
	s.add(deliveryOf("later"), now.Add(seenWindow))
	if len(s.at) != 1 {
		t.Errorf("%d entries after the window, want 1", len(s.at))
	}
}
