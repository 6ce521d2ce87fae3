package handlers

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Each door has its paths and methods; what is not there is said to be so.
func TestHealthAndMethods(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	public := &Doors{Log: log, Public: newReceiver(newVerifier(), &queued{}, 1024, io.Discard)}
	tasks := &Doors{Log: log, Tasks: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})}
	for _, test := range []struct {
		doors        *Doors
		method, path string
		status       int
		allow        string
	}{
		{public, "GET", "/", 200, ""},
		{public, "HEAD", "/", 200, ""},
		{public, "GET", "/health", 200, ""},
		{public, "HEAD", "/health", 200, ""},
		{public, "PUT", "/health", 405, "GET, HEAD, POST"},
		{public, "GET", "/hook", 405, "POST"},
		{public, "DELETE", "/hook", 405, "POST"},
		{public, "POST", "/tasks", 400, ""}, // a delivery, without its headers
		{public, "POST", "/health", 400, ""},
		{tasks, "POST", "/tasks/process", 204, ""},
		{tasks, "GET", "/tasks/process", 405, "POST"},
		{tasks, "OPTIONS", "/tasks/process", 405, "POST"},
		{tasks, "POST", "/tasks/process/x", 404, ""},
		{tasks, "POST", "/tasks/other", 404, ""},
		{tasks, "GET", "/tasks/other", 404, ""},
		{tasks, "POST", "/tasks/", 404, ""},
		{tasks, "POST", "/hook", 404, ""}, // the public door is closed
	} {
		w := httptest.NewRecorder()
		test.doors.ServeHTTP(w, httptest.NewRequest(test.method, test.path, nil))
		if w.Code != test.status || w.Header().Get("Allow") != test.allow {
			t.Errorf("%s %s: got %d, Allow %q, want %d, Allow %q", test.method, test.path, w.Code, w.Header().Get("Allow"), test.status, test.allow)
		}
	}
	for body, want := range map[string]string{"": "", "x": "close"} { // probes keep their connection, bodies are not waited for
		w := httptest.NewRecorder()
		public.ServeHTTP(w, httptest.NewRequest("GET", "/health", strings.NewReader(body)))
		if got := w.Header().Get("Connection"); w.Code != 200 || got != want {
			t.Errorf("health with body %q: got %d, Connection %q, want 200, %q", body, w.Code, got, want)
		}
	}
}

func TestPanicIsUnavailable(t *testing.T) {
	t.Parallel()
	log := &lockedBuffer{}
	s := httptest.NewServer(&Doors{
		Public: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }),
		Log:    slog.New(slog.NewJSONHandler(log, nil)),
	})
	t.Cleanup(s.Close)
	resp, err := http.Post(s.URL, "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 503 || !strings.Contains(log.String(), "boom") {
		t.Errorf("got %d, log %s", resp.StatusCode, log)
	}
}
