package console

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// firstMessage is what /events begins with.
func firstMessage(t *testing.T, h *Handler, path string) (m message) {
	t.Helper()
	next, end := reader(t, h, path)
	defer end()
	return next()
}

// reader reads /events over a connection. It fails the test at a line that is none
// of the stream's.
func reader(t *testing.T, h *Handler, path string) (next func() message, end func()) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = host
		h.ServeHTTP(w, r)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	end = func() {
		cancel()
		server.Close()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("%s: %d %s", path, res.StatusCode, got)
	}
	lines := bufio.NewReader(res.Body)
	return func() (m message) {
		for {
			line, err := lines.ReadString('\n')
			text, data := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "data: ")
			switch {
			case err != nil:
				t.Fatal(err)
			case data && !strings.Contains(text, "\r") && json.Unmarshal([]byte(text), &m) == nil:
				return m
			case line != "\n" && line != ":\n":
				t.Fatalf("the stream has %q", line)
			}
		}
	}, end
}

func TestEvents(t *testing.T) {
	t.Parallel()
	f := newFake(150)
	h := New(f, 7070)
	next, end := reader(t, h, "/events")
	defer end()
	if m := next(); len(m.Rows) != maxRows || m.Rows[0].Seq != 150 {
		t.Errorf("it begins with %d rows", len(m.Rows))
	}
	f.add(sample())
	if m := next(); len(m.Rows) != 1 || m.Rows[0].Seq != 151 || m.Rows[0].Say != "Delivery 151: batch.succeeded, accepted accepted" || !strings.Contains(m.Counts, "<b>151</b>") {
		t.Errorf("a new one is %+v", m)
	}

	refused, end := reader(t, h, "/events?verdict=refused")
	defer end()
	if m := refused(); m.Rows != nil {
		t.Errorf("of those refused it begins with %+v", m.Rows)
	}
	f.add(sample())
	d := sample()
	d.Status, d.Code = 401, "signature_mismatch"
	f.add(d)
	for {
		if m := refused(); len(m.Rows) == 1 && m.Rows[0].Seq == 153 {
			break
		} else if m.Rows != nil {
			t.Fatalf("of those refused comes %+v", m.Rows)
		}
	}
}

// TestReadersThatDoNotReadAreDropped: their place is free again, and what was
// written for them is bounded by what the kernel takes.
func TestReadersThatDoNotReadAreDropped(t *testing.T) {
	t.Parallel()
	f := newFake(100)
	h := New(f, 7070)
	h.patience, h.gather = 20*time.Millisecond, 0
	ended := make(chan bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = host
		h.ServeHTTP(w, r)
		ended <- true
	}))
	defer server.Close()
	res, err := http.Get(server.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() // and it is never read
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		select {
		case <-ended:
			if n := len(h.streams); n != 0 {
				t.Errorf("%d places are taken", n)
			}
			return
		default:
			f.mu.Lock()
			for _, reader := range f.readers {
				select {
				case reader <- 0:
				default:
				}
			}
			f.mu.Unlock()
		}
	}
	server.CloseClientConnections()
	t.Error("it is served on")
	<-ended
}

func TestReadersAreLimited(t *testing.T) {
	t.Parallel()
	h := New(newFake(1), 7070)
	for range maxStreams {
		h.streams <- struct{}{}
	}
	if w := ask(h, http.MethodGet, "/events", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one reader too many: %d", w.Code)
	}
}
