package handlers

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthAndMethods(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 1024)
	for _, test := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/", 200, ""},
		{"HEAD", "/", 200, ""},
		{"GET", "/health", 200, ""},
		{"HEAD", "/health", 200, ""},
		{"PUT", "/health", 405, "GET, HEAD, POST"},
		{"GET", "/hook", 405, "POST"},
		{"DELETE", "/hook", 405, "POST"},
		{"POST", "/tasks", 400, ""}, // a delivery, without its headers
		{"POST", "/health", 400, ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), test.method, d.URL+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := d.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != test.status || resp.Header.Get("Allow") != test.allow {
			t.Errorf("%s %s: got %d, Allow %q, want %d, Allow %q", test.method, test.path, resp.StatusCode, resp.Header.Get("Allow"), test.status, test.allow)
		}
	}
}

// With a tasks door, what is not its path is not there, and its method is POST.
func TestPathsOfTheTasksDoor(t *testing.T) {
	t.Parallel()
	doors := &Doors{Log: slog.New(slog.DiscardHandler), Tasks: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})}
	for _, test := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"POST", "/tasks/process", 204, ""},
		{"GET", "/tasks/process", 405, "POST"},
		{"OPTIONS", "/tasks/process", 405, "POST"},
		{"POST", "/tasks/process/x", 404, ""},
		{"POST", "/tasks/other", 404, ""},
		{"GET", "/tasks/other", 404, ""},
		{"POST", "/tasks/", 404, ""},
		{"POST", "/hook", 404, ""}, // the public door is closed
	} {
		w := httptest.NewRecorder()
		doors.ServeHTTP(w, httptest.NewRequest(test.method, test.path, nil))
		if w.Code != test.status || w.Header().Get("Allow") != test.allow {
			t.Errorf("%s %s: got %d, Allow %q, want %d, Allow %q", test.method, test.path, w.Code, w.Header().Get("Allow"), test.status, test.allow)
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
