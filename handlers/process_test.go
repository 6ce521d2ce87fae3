package handlers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/work"
	"example.com/gemini-webhook/verify"
)

type tokens struct{ err error }

func (t tokens) Verify(context.Context, []string) error { return t.err }

type worker struct {
	messages []work.Message
	err      error
}

func (w *worker) Do(_ context.Context, m work.Message) (work.About, error) {
	w.messages = append(w.messages, m)
	return work.About{Key: "key"}, w.err
}

// Whoever has no good token is told so at once, and not read.
func TestTheTokenComesBeforeTheBody(t *testing.T) {
	t.Parallel()
	p := &Processor{Tokens: tokens{verify.ErrBadToken}, Worker: &worker{}, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprint(conn, "POST /tasks/process HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer while the body is withheld: %v", err)
	}
	answer.Body.Close()
	if answer.StatusCode != 401 {
		t.Errorf("got %d, want 401", answer.StatusCode)
	}
}

// Only what is finished or handed on is acknowledged, and nothing is done for
// whoever has no good token.
func TestPushesAreAcknowledgedWhenDone(t *testing.T) {
	t.Parallel()
	const envelope = `{"message":{"data":"eA==","attributes":{"kind":"event"},"messageId":"7","publishTime":"2026-01-22T12:00:00.5Z"},"deliveryAttempt":3}`
	for name, test := range map[string]struct {
		body          string
		token, result error
		status, done  int
		says          string // the line
	}{
		"done":            {envelope, nil, nil, 204, 1, "level=INFO msg=\"task done"},
		"not done":        {envelope, nil, errors.New("later"), 500, 1, "level=ERROR msg=\"task not done"},
		"waiting":         {envelope, nil, fmt.Errorf("range: %w", work.ErrWaiting), 503, 1, "level=INFO msg=\"task waits"},
		"a bad token":     {envelope, verify.ErrBadToken, nil, 401, 0, "level=WARN msg=\"push refused"},
		"no keys":         {envelope, verify.ErrUnavailable, nil, 503, 0, "level=ERROR msg=\"task not done"},
		"no envelope":     {`{"data":"eA=="}`, nil, nil, 400, 0, "level=ERROR msg=\"task not done"},
		"too large a one": {strings.Repeat(" ", maxEnvelopeBytes) + envelope, nil, nil, 400, 0, "level=ERROR msg=\"task not done"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			do, log := &worker{err: test.result}, &lockedBuffer{}
			p := &Processor{Tokens: tokens{test.token}, Worker: do, Now: time.Now, Log: slog.New(slog.NewTextHandler(log, nil))}
			w := httptest.NewRecorder()
			p.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/tasks/process", strings.NewReader(test.body)))
			if w.Code != test.status || len(do.messages) != test.done {
				t.Errorf("%d after %d messages, want %d after %d", w.Code, len(do.messages), test.status, test.done)
			}
			if later := w.Header().Get("Retry-After") != ""; later != (test.status == 503) {
				t.Errorf("%d says when to come again: %v", w.Code, later)
			}
			if !strings.Contains(log.String(), test.says) || strings.Count(log.String(), "\n") != 1 {
				t.Errorf("logged is %q, want one line with %q", log, test.says)
			}
			if want := (work.Message{Kind: "event", Data: []byte("x"), ID: "7", Attempt: 3, Published: time.Date(2026, 1, 22, 12, 0, 0, 5e8, time.UTC)}); test.done == 1 {
				if diff := cmp.Diff(want, do.messages[0]); diff != "" {
					t.Errorf("message (-want +got):\n%s", diff)
				}
			}
		})
	}
}
