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

// testSecrets are the verifier's: one secret with one version.
func testSecrets(ttl time.Duration, log *slog.Logger) verify.Secrets {
	config := store.Config{TTL: ttl, StaleLimit: time.Hour, Now: time.Now, Log: log}
	return store.New(storetest.Of(testSecret, testKey), config).Set([]secret.Name{testSecret}, time.Hour, secret.SigningKeys)
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
	log := slog.New(slog.NewJSONHandler(d.log, nil))
	d.Server = httptest.NewServer(&Doors{
		Public: NewReceiver(ReceiverConfig{
			Verifier: &verify.Verifier{
				Secrets:   testSecrets(time.Minute, log),
				Tolerance: 5 * time.Minute,
				Now:       time.Now,
			},
			Queue:           d.queue,
			ReplayTolerance: 5 * time.Minute,
			MaxBodyBytes:    maxBody,
			Now:             time.Now,
			Log:             log,
		}),
		Log: log,
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

// raw sends head and body as they are and returns the answer, and how long it took.
func (d *door) raw(t *testing.T, head, body string) (status int, answer string, took time.Duration) {
	t.Helper()
	return d.rawThen(t, head, body, func(*net.TCPConn) error { return nil })
}

// rawClosed says after it that no more comes.
func (d *door) rawClosed(t *testing.T, head, body string) (status int, answer string, took time.Duration) {
	t.Helper()
	return d.rawThen(t, head, body, (*net.TCPConn).CloseWrite)
}

func (d *door) rawThen(t *testing.T, head, body string, then func(*net.TCPConn) error) (int, string, time.Duration) {
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
