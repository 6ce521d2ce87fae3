package handlers

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/verify"
)

func TestGenuineDeliveryIsQueued(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 1<<18)
	r := d.genuine(t)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	before := time.Now()
	if status, answer := d.send(t, r); status != 200 || answer != "status:accepted" {
		t.Fatalf("got %d %s, want 200 status:accepted", status, answer)
	}
	messages := d.queue.all()
	if len(messages) != 1 {
		t.Fatalf("%d messages queued, want 1", len(messages))
	}
	e, err := event.Decode(messages[0])
	if err != nil {
		t.Fatal(err)
	}
	if e.ReceivedAt.Before(before.Add(-time.Second)) || e.ReceivedAt.After(time.Now()) {
		t.Errorf("received at %v", e.ReceivedAt)
	}
	want := event.Delivery{
		ID: "msg_1", ReceivedAt: e.ReceivedAt, Mode: "static", Scheme: "hmac-sha256", Origin: "signing_secret",
		Signer: testSecret, Path: "/hook", Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
	if diff := cmp.Diff(want, e.Delivery); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}
	if string(e.Body) != testBody {
		t.Errorf("body %q", e.Body)
	}
}

func TestWhateverTheBodySays(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty": "", "not JSON": "{", "JSON of another kind": "[1]", "no type": `{"data":{}}`,
		"not UTF-8": "\xff\xfe", "an unknown type": `{"type":"x.y"}`, "a NUL": "\x00",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDoor(t, 1<<18)
			if status, answer := d.send(t, d.signed(t, time.Now(), body)); status != 200 {
				t.Errorf("got %d %s, want 200", status, answer)
			}
			if n := len(d.queue.all()); n != 1 {
				t.Errorf("%d messages queued, want 1", n)
			}
		})
	}
}

// What is refused is answered so and not queued. (What is: package verify.)
func TestRefusals(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, test := range []struct {
		name   string
		change func(*http.Request)
		status int
		answer string
	}{
		{"no id", func(r *http.Request) { r.Header.Del("webhook-id") }, 400, "error:missing_header"},
		{"an id with a dot", set("webhook-id", "msg.1"), 400, "error:bad_header"},
		{"a forged signature", set("webhook-signature", "v1,MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="), 401, "error:signature_mismatch"},
		{"another id", set("webhook-id", "msg_2"), 401, "error:signature_mismatch"},
		{"another body", func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(testBody[:len(testBody)-1] + " "))
		}, 401, "error:signature_mismatch"},
		{"a time long past", set("webhook-timestamp", "1700000000"), 401, "error:timestamp_out_of_range"},
		{"a dynamic signature", set("webhook-signature", "v1a,MDEy"), 401, "error:origin_unproven"},
		{"a dynamic path", func(r *http.Request) { r.URL.Path = "/dynamic/0123456789abcdef0123456789abcdef" }, 401, "error:mode_disabled"},
		{"another method", func(r *http.Request) { r.Method = http.MethodPut }, 405, "error:method_not_allowed"},
		{"the tasks door is closed", func(r *http.Request) { r.URL.Path = "/tasks/process" }, 404, ""},
		{"what would be beside it too", func(r *http.Request) { r.URL.Path = "/tasks/x" }, 404, ""},
		{"a body over the limit", func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat(" ", 2000))), 2000
		}, 413, "error:body_too_large"},
		{"a body over the limit without its length", func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat(" ", 2000))), -1
		}, 413, "error:body_too_large"},
		{"stale and over the limit", func(r *http.Request) {
			r.Header.Set("webhook-timestamp", "1700000000")
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat(" ", 2000))), 2000
		}, 401, "error:timestamp_out_of_range"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDoor(t, 1024)
			r := d.genuine(t)
			test.change(r)
			if status, answer := d.send(t, r); status != test.status || answer != test.answer {
				t.Errorf("got %d %s, want %d %s", status, answer, test.status, test.answer)
			}
			if n := len(d.queue.all()); n != 0 {
				t.Errorf("%d messages queued, want 0", n)
			}
		})
	}
}

func TestGenuineButStaleIsLogged(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 1024)
	if status, answer := d.send(t, d.signed(t, time.Now().Add(-6*time.Minute), testBody)); status != 401 || answer != "error:timestamp_out_of_range" {
		t.Errorf("got %d %s", status, answer)
	}
	if log := d.log.String(); !strings.Contains(log, "genuine but stale") || !strings.Contains(log, testSecret) {
		t.Errorf("the log must say that it is genuine and who signed:\n%s", log)
	}
	forged := d.signed(t, time.Now().Add(-6*time.Minute), testBody)
	forged.Header.Set("webhook-signature", "v1,MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	if status, _ := d.send(t, forged); status != 401 {
		t.Errorf("got %d", status)
	}
	if n := strings.Count(d.log.String(), "genuine but stale"); n != 1 {
		t.Errorf("a forgery is called genuine:\n%s", d.log)
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 1024)
	r := d.genuine(t)
	signature := r.Header.Get("webhook-signature")
	d.send(t, r)
	forged := d.genuine(t)
	forged.Header.Set("webhook-id", "msg_2")
	d.send(t, forged)
	log := d.log.String()
	for _, secret := range []string{testKey, strings.TrimPrefix(testKey, "whsec_"), signature, signature[3:], "my-bucket", "batch_123456"} {
		if strings.Contains(log, secret) {
			t.Errorf("%q is in the log:\n%s", secret, log)
		}
	}
}

func TestPublishFailureIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 1024)
	d.queue.err = errors.New("unavailable")
	if status, answer := d.send(t, d.genuine(t)); status != 503 || answer != "error:unavailable" {
		t.Errorf("got %d %s, want 503 error:unavailable", status, answer)
	}
	d.queue.mu.Lock()
	d.queue.err = nil
	d.queue.mu.Unlock()
	if status, _ := d.send(t, d.genuine(t)); status != 200 || len(d.queue.all()) != 1 {
		t.Errorf("the next attempt: got %d with %d queued, want 200 with 1", status, len(d.queue.all()))
	}
}

// While keys cannot be had the answer is 503: never a pass, never a refusal.
func TestNoKeysNoPass(t *testing.T) {
	t.Parallel()
	queue := &queued{}
	rc := newReceiver(verdict{err: fmt.Errorf("secret: %w", verify.ErrUnavailable)}, queue, 1024, io.Discard)
	w := deliver(rc, "/hook", unsigned("v1,MDEy"), testBody)
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || len(queue.all()) != 0 {
		t.Errorf("got %d, Retry-After %q, %d queued, want 503 with it and none", w.Code, w.Header().Get("Retry-After"), len(queue.all()))
	}
}

// Where a JWT carries the event, that is queued and not the body, which nobody
// signed; and the token of the path is not.
func TestTheSignedEventIsQueued(t *testing.T) {
	t.Parallel()
	const signed = `{"type":"video.generated","data":{"id":"v"}}`
	const token = "0123456789abcdef0123456789abcdef"
	queue, log := &queued{}, &lockedBuffer{}
	rc := newReceiver(verdict{proof: verify.Proof{Mode: "dynamic", Scheme: "rs256", Origin: "path_token", Event: signed}}, queue, 1024, log)
	w := deliver(rc, "/dynamic/"+token+"/label", unsigned("a.b.c"), `{"type":"video.generated","data":{"id":"v"},"added":"by a stranger"}`)
	if w.Code != 200 || len(queue.all()) != 1 {
		t.Fatalf("got %d, %d queued", w.Code, len(queue.all()))
	}
	e, err := event.Decode(queue.all()[0])
	if err != nil {
		t.Fatal(err)
	}
	if string(e.Body) != signed || e.Path != "/dynamic/label" || e.Mode != "dynamic" {
		t.Errorf("queued %q on %q as %s, want the signed event on /dynamic/label", e.Body, e.Path, e.Mode)
	}
	if strings.Contains(log.String(), token) || strings.Contains(string(queue.all()[0]), token) {
		t.Error("the token is in the log or in the queue")
	}
}

// What a refused token says of itself is in the line, for the operator who
// configures JWT_AUDIENCES.
func TestWhyAGoodSignatureIsRefused(t *testing.T) {
	t.Parallel()
	log := &lockedBuffer{}
	rc := newReceiver(verdict{err: fmt.Errorf(`%w: aud "https://elsewhere"`, verify.ErrAudienceMismatch)}, &queued{}, 1024, log)
	w := deliver(rc, "/dynamic/x", unsigned("a.b.c"), "{}")
	if w.Code != 401 || strings.TrimSpace(w.Body.String()) != `{"error":"audience_mismatch"}` {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "https://elsewhere") || !strings.Contains(log.String(), `"code":"audience_mismatch"`) {
		t.Errorf("log %s", log)
	}
}
