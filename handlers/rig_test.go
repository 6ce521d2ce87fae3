package handlers

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/secret/store"
	"example.com/gemini-webhook/internal/secret/store/storetest"
	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

const (
	testSecret = "projects/p/secrets/s"
	testKey    = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	testBody   = `{"type":"batch.succeeded","version":"v1","timestamp":"2026-01-22T12:00:00Z","data":{"id":"batch_123456","output_file_uri":"gs://my-bucket/results.jsonl"}}`
)

// newReceiver asks v. Its tolerance is five minutes.
func newReceiver(v Verifier, queue Queue, maxBody int64, log io.Writer) *Receiver {
	return NewReceiver(ReceiverConfig{
		Verifier: v, Queue: queue, ReplayTolerance: 5 * time.Minute, MaxBodyBytes: maxBody, Now: time.Now,
		Log: slog.New(slog.NewJSONHandler(log, nil)),
	})
}

func newStore(source *storetest.Source) *store.Store {
	return store.New(source, store.Config{TTL: time.Hour, StaleLimit: time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
}

// newVerifier has one secret with one version.
func newVerifier() *verify.Verifier {
	return &verify.Verifier{
		Secrets:   newStore(storetest.Of(testSecret, testKey)).Set([]secret.Name{testSecret}, time.Hour, secret.SigningKeys),
		Tolerance: 5 * time.Minute,
		Now:       time.Now,
	}
}

// verdict is a Verifier that has decided already.
type verdict struct {
	proof verify.Proof
	err   error
}

func (v verdict) Verify(context.Context, string, verify.Headers, []byte) (verify.Proof, error) {
	return v.proof, v.err
}

// acceptsAll is a queue that keeps nothing.
type acceptsAll struct{}

func (acceptsAll) Enqueue(context.Context, string, ...[]byte) error { return nil }

// unsigned are the headers of a delivery of now with a signature of some kind.
func unsigned(signature string) http.Header {
	return verifytest.Headers("msg_1", strconv.FormatInt(time.Now().Unix(), 10), signature)
}

// deliver calls a handler without a server.
func deliver(h http.Handler, path string, header http.Header, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header = header
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// queued is a work queue that keeps what it gets, or fails.
type queued struct {
	mu       sync.Mutex
	messages [][]byte
	err      error
}

func (q *queued) Enqueue(_ context.Context, _ string, messages ...[]byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return q.err
	}
	q.messages = append(q.messages, messages...)
	return nil
}

func (q *queued) all() [][]byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([][]byte(nil), q.messages...)
}

// door is a public door on a real server.
type door struct {
	*httptest.Server
	queue *queued
	log   *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newDoor(t *testing.T, maxBody int64) *door {
	t.Helper()
	d := &door{queue: &queued{}, log: &lockedBuffer{}}
	d.Server = httptest.NewServer(&Doors{
		Public: newReceiver(newVerifier(), d.queue, maxBody, d.log),
		Log:    slog.New(slog.NewJSONHandler(d.log, nil)),
	})
	t.Cleanup(d.Close)
	return d
}

// genuine is a delivery that the door accepts, for tests to break.
func (d *door) genuine(t *testing.T) *http.Request {
	t.Helper()
	return d.signed(t, time.Now(), testBody)
}

func (d *door) signed(t *testing.T, at time.Time, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL+"/hook", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = verifytest.Static(testKey, "msg_1", at, []byte(body))
	return r
}

// send returns the status, and the one member of the answer as "name:value".
func (d *door) send(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	resp, err := d.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	if len(text) == 0 {
		return resp.StatusCode, ""
	}
	var answer map[string]string
	if err := json.Unmarshal(text, &answer); err != nil || len(answer) != 1 {
		t.Errorf("answer %q, want an object with one member", text)
	}
	for k, v := range answer {
		return resp.StatusCode, k + ":" + v
	}
	return resp.StatusCode, ""
}

// raw sends head and body as they are, does what is to follow, and returns the
// answer and how long it took.
func (d *door) raw(t *testing.T, head, body string, then func(*net.TCPConn) error) (status int, answer string, took time.Duration) {
	t.Helper()
	conn, err := net.Dial("tcp", d.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	start := time.Now()
	fmt.Fprint(conn, head, "\r\n\r\n", body)
	if err := then(conn.(*net.TCPConn)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), time.Since(start)
}
