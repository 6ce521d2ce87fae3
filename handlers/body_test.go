package handlers

import (
	"bytes"
	"errors"
	"fmt"
	"net"
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
	// One that is too long is not cut to what was signed.
	for _, length := range []int64{5001, -1} {
		r := d.signed(t, time.Now(), body+"x")
		r.Header = verifytest.Static(testKey, "msg_3", time.Now(), []byte(body))
		r.ContentLength = length
		if status, answer := d.send(t, r); status != 413 {
			t.Errorf("a byte more, its length told as %d: got %d %s, want 413", length, status, answer)
		}
	}
}

// withhold leaves the connection open and sends no more.
func withhold(*net.TCPConn) error { return nil }

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
		{"body", post + "webhook-id: m\r\n" + now + signature + "Content-Length: 100", 408, 7 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			status, _, took := newDoor(t, 1024).raw(t, test.head, "half of it", withhold)
			if status != test.status || took > test.within {
				t.Errorf("got %d after %v, want %d within %v", status, took, test.status, test.within)
			}
		})
	}
}

// What is wrong with a body that a stranger sends is the stranger's: no 5xx, which
// somebody is woken for.
func TestBodiesThatDoNotArrive(t *testing.T) {
	t.Parallel()
	head := func(length string) string {
		return fmt.Sprintf("POST /hook HTTP/1.1\r\nHost: x\r\nwebhook-id: m\r\nwebhook-timestamp: %d\r\nwebhook-signature: v1,MDEy\r\n%s", time.Now().Unix(), length)
	}
	const chunked = "Transfer-Encoding: chunked"
	for _, test := range []struct {
		name, head, body string
		then             func(*net.TCPConn) error
		status           int
		answer           string
	}{
		{"withheld", head("Content-Length: 100"), "", withhold, 408, `{"error":"body_timeout"}`},
		{"a chunk withheld", head(chunked), "5\r\nabc", withhold, 408, `{"error":"body_timeout"}`},
		{"cut off", head("Content-Length: 100"), "half of it", (*net.TCPConn).CloseWrite, 400, `{"error":"bad_body"}`},
		{"a chunk cut off", head(chunked), "5\r\nabc", (*net.TCPConn).CloseWrite, 400, `{"error":"bad_body"}`},
		{"no last chunk", head(chunked), "3\r\nabc\r\n", (*net.TCPConn).CloseWrite, 400, `{"error":"bad_body"}`},
		{"a length that is none", head(chunked), "xyz\r\nabc\r\n0\r\n\r\n", withhold, 400, `{"error":"bad_body"}`},
		{"a length below zero", head(chunked), "-1\r\nabc\r\n0\r\n\r\n", withhold, 400, `{"error":"bad_body"}`},
		{"a length beyond all", head(chunked), "fffffffffffffffff\r\nabc", withhold, 400, `{"error":"bad_body"}`},
		{"more than its length", head(chunked), "1\r\nabc\r\n0\r\n\r\n", withhold, 400, `{"error":"bad_body"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDoor(t, 1024)
			status, answer, _ := d.raw(t, test.head, test.body, test.then)
			if status != test.status || answer != test.answer {
				t.Errorf("got %d %s, want %d %s", status, answer, test.status, test.answer)
			}
			if n := len(d.queue.all()); n != 0 {
				t.Errorf("%d messages queued", n)
			}
		})
	}
}

func TestBodyBudget(t *testing.T) {
	t.Parallel()
	b := newBodies(1 << 20)
	queueing := &intake{since: time.Now(), stop: func() { t.Error("a body that has arrived is told to yield") }}
	if !b.take(queueing, bodyBudget/2+1) || !b.take(queueing, bodyBudget) { // in all
		t.Fatal("the budget is smaller than it says")
	}
	b.end(queueing)
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x"))
	_, release, err := b.read(httptest.NewRecorder(), r, time.Second)
	release()
	if !errors.Is(err, errBodyBudget) || statusOf(err) != 503 {
		t.Errorf("got %v, want %v", err, errBodyBudget)
	}
	b.release(queueing)
	for range 3 * bodyBudget >> 20 { // nothing leaks
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(make([]byte, 1<<20)))
		body, release, err := b.read(httptest.NewRecorder(), r, time.Second)
		if err != nil || len(body) != 1<<20 {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
		release()
	}
}
