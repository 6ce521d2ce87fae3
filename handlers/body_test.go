package handlers

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/verify/verifytest"
)

func TestBodyUpToTheLimit(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 5000)
	body := strings.Repeat("x", 5000)
	r := d.signed(t, time.Now(), body)
	if status, answer := d.send(t, r); status != 200 {
		t.Errorf("with its length: got %d %s, want 200", status, answer)
	}
	r = d.signed(t, time.Now(), body)
	r.Header.Set("webhook-id", "msg_2")
	r.Header = verifytest.Static(testKey, "msg_2", time.Now(), []byte(body))
	r.ContentLength = -1
	if status, answer := d.send(t, r); status != 200 {
		t.Errorf("without its length: got %d %s, want 200", status, answer)
	}
}

// A sender that withholds its body learns what the headers say, and cannot
// hold a request for long.
func TestCheapChecksDoNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	const post = "POST /hook HTTP/1.1\r\nHost: x\r\n"
	const signature = "webhook-signature: v1,MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\r\n"
	now := fmt.Sprintf("webhook-timestamp: %d\r\n", time.Now().Unix())
	for _, test := range []struct {
		name, head string
		status     int
		within     time.Duration
	}{
		{"method", "PUT /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 100", 405, time.Second},
		{"headers", post + "Content-Length: 100", 400, time.Second},
		{"timestamp", post + "webhook-id: m\r\nwebhook-timestamp: 1\r\n" + signature + "Content-Length: 100", 401, 2 * time.Second},
		{"length", post + "webhook-id: m\r\n" + now + signature + "Content-Length: 1000000", 413, time.Second},
		{"body", post + "webhook-id: m\r\n" + now + signature + "Content-Length: 100", 503, 7 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			status, took := newDoor(t, 1024).raw(t, test.head, "half of it")
			if status != test.status || took > test.within {
				t.Errorf("got %d after %v, want %d within %v", status, took, test.status, test.within)
			}
		})
	}
}

func TestBodyBudget(t *testing.T) {
	t.Parallel()
	b := newBodies(1 << 20)
	if !b.budget.TryAcquire(bodyBudget) {
		t.Fatal("the budget is smaller than it says")
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x"))
	_, release, err := b.read(httptest.NewRecorder(), r, time.Second)
	release()
	if !errors.Is(err, errBodyBudget) || statusOf(err) != 503 {
		t.Errorf("got %v, want %v", err, errBodyBudget)
	}
	b.budget.Release(bodyBudget)
	for range 3 * bodyBudget >> 20 { // nothing leaks
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(make([]byte, 1<<20)))
		body, release, err := b.read(httptest.NewRecorder(), r, time.Second)
		if err != nil || len(body) != 1<<20 {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
		release()
	}
}
