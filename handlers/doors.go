package handlers

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
)

// Doors routes requests to the door that they are for. A door that is nil is
// closed.
type Doors struct {
	Public http.Handler // deliveries
	Tasks  http.Handler // /tasks/process
	Log    *slog.Logger
}

// ServeHTTP implements contract, "The public door" and "The private door" as far
// as paths and methods go.
func (d *Doors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		// The framework's own recovery appends its text to what was written.
		if p := recover(); p != nil {
			d.Log.ErrorContext(r.Context(), "panic; please report it with its stack", "panic", p, "stack", string(debug.Stack()))
			Unavailable(w)
		}
	}()

	health := r.URL.Path == "/" || r.URL.Path == "/health"
	switch {
	case strings.HasPrefix(r.URL.Path, "/tasks/"):
		switch {
		case d.Tasks == nil || r.URL.Path != "/tasks/process":
			refuse(w, http.StatusNotFound)
		case r.Method != http.MethodPost:
			notAllowed(w, "POST")
		default:
			d.Tasks.ServeHTTP(w, r)
		}
	case health && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		if r.ContentLength != 0 {
			refuse(w, http.StatusOK)
		}
	case d.Public == nil:
		refuse(w, http.StatusNotFound)
	case r.Method == http.MethodPost:
		d.Public.ServeHTTP(w, r)
	case health:
		notAllowed(w, "GET, HEAD, POST")
	default:
		notAllowed(w, "POST")
	}
}

func notAllowed(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	answer(w, http.StatusMethodNotAllowed, "error", "method_not_allowed")
}

// retryAfter is what a 503 asks for: Gemini backs off by itself.
const retryAfter = "10" // seconds

// Unavailable answers 503: the sender tries again.
func Unavailable(w http.ResponseWriter) {
	w.Header().Set("Retry-After", retryAfter)
	answer(w, http.StatusServiceUnavailable, "error", "unavailable")
}

// answer writes a one-member JSON object.
func answer(w http.ResponseWriter, status int, member, value string) {
	body, err := json.Marshal(map[string]string{member: value})
	if err != nil { // strings always encode
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	if status == http.StatusOK {
		w.WriteHeader(status)
	} else {
		refuse(w, status)
	}
	_, _ = w.Write(body) // the sender has gone: it delivers again
}

// refuse writes a status without waiting for what is left of the body:
// net/http would read it before it answers, however slowly it comes.
func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Connection", "close")
	w.WriteHeader(status)
}
