package rest

import (
	"net/http"
	"strconv"
	"time"

	"example.com/gemini-webhook/internal/localcloud/fake"
)

// Op is one call, by the pattern of its route, such as "GET /v1beta/batches/{id}" (by which Count counts, too), and its path.
type Op struct{ Route, Path string }

// Fault is what goes wrong with one call that is let in. Its parts combine in the order of the fields; the zero
// value is no fault.
type Fault struct {
	// Delay passes in real time before anything is done or answered.
	Delay time.Duration
	// Redirect, where not empty, is the URL that is answered with 302 in place of the call, which is not done.
	Redirect string
	// Status, where not 0, is answered in place of the call, which is not done, with Retry-After where that is not 0.
	Status     int
	RetryAfter time.Duration
	// CutAfter, where not 0, breaks the connection after so many bytes of the answer's body. The call is done.
	CutAfter int64
}

// statusNames are those of google.rpc.Code by HTTP status.
var statusNames = map[int]string{
	http.StatusBadRequest: "INVALID_ARGUMENT", http.StatusUnauthorized: "UNAUTHENTICATED", http.StatusForbidden: "PERMISSION_DENIED",
	http.StatusNotFound: "NOT_FOUND", http.StatusTooManyRequests: "RESOURCE_EXHAUSTED", http.StatusInternalServerError: "INTERNAL",
	http.StatusServiceUnavailable: "UNAVAILABLE", http.StatusGatewayTimeout: "DEADLINE_EXCEEDED",
}

// Calls counts the calls of a server by their routes, and lets a test choose what goes wrong.
type Calls struct {
	fake.Calls[string, Op, Fault]
}

// Serve routes a call, after its fault, whose status refuse answers. A call that is delayed ends with the listener.
func (c *Calls) Serve(l *fake.Listener, mux *http.ServeMux, w http.ResponseWriter, r *http.Request, refuse func(route string, err *Error)) {
	_, route := mux.Handler(r)
	f := c.Begin(route, Op{Route: route, Path: r.URL.Path})
	if !l.Sleep(r.Context(), f.Delay) {
		panic(http.ErrAbortHandler)
	}
	switch {
	case f.Redirect != "":
		http.Redirect(w, r, f.Redirect, http.StatusFound)
		return
	case f.Status != 0:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)))
		}
		refuse(route, &Error{Code: f.Status, Status: statusNames[f.Status], Message: "A fault on purpose."})
		return
	case f.CutAfter > 0:
		w = &cutWriter{ResponseWriter: w, left: f.CutAfter}
	}
	mux.ServeHTTP(w, r)
}

// cutWriter breaks the connection off in the middle of the body.
type cutWriter struct {
	http.ResponseWriter
	left int64
}

func (c *cutWriter) Write(p []byte) (int, error) {
	if int64(len(p)) < c.left {
		c.left -= int64(len(p))
		return c.ResponseWriter.Write(p)
	}
	_, _ = c.ResponseWriter.Write(p[:c.left]) // the client sees an error in any case
	_ = http.NewResponseController(c.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}
