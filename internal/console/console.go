// Package console is the page of `webhookctl dev`: what a devserver.Server has
// recorded, and forms for what it can do. It is HTML made here, with one style sheet
// and one script; without the script everything can be read and done, too.
//
// It listens on loopback, and believes nobody for that: a browser on this machine
// reaches loopback for any page that it shows. So a request has to name this address
// as its host, and whatever changes something has to come from a page of ours. See
// guard.go. What deliveries hold comes from strangers, and is text wherever it stands.
package console

import (
	"context"
	"crypto/rand"
	"embed"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"example.com/gemini-webhook/internal/devserver"
)

// Server is what the page shows and does; a devserver.Server is one.
type Server interface {
	List(q devserver.Query) (deliveries []devserver.Delivery, more bool)
	Get(ctx context.Context, seq int64) (devserver.Detail, bool)
	Trigger(ctx context.Context, t devserver.Trigger) (seq int64, err error)
	Edit(ctx context.Context, seq int64, body []byte, scheme string) (int64, error)
	Again(ctx context.Context, seq int64) (int64, error)
	Run(ctx context.Context, kind string) (name string, err error)
	Rotate(ctx context.Context) error
	SetClock(offset time.Duration)
	SetFault(name string, on bool) error
	State() devserver.State
	Changes(ctx context.Context) <-chan int64
}

//go:embed assets
var assets embed.FS

// Handler is the page.
type Handler struct {
	server  Server
	guard   guard
	notices notices
	streams chan struct{} // a place for each reader of /events
	// How long a reader of /events may take for a message, how long it is left
	// without one, and how long changes are gathered for one.
	patience, quiet, gather time.Duration
	mux                     *http.ServeMux
}

// maxStreams is how many readers /events has: a browser opens six connections to a
// host, and a page one.
const maxStreams = 32

// New makes the page of a server that is reached on a port of loopback.
func New(s Server, port int) *Handler {
	h := &Handler{
		server: s, guard: newGuard(port), streams: make(chan struct{}, maxStreams),
		patience: 5 * time.Second, quiet: 15 * time.Second, gather: 100 * time.Millisecond,
		mux: http.NewServeMux(),
	}
	static, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(err) // the directory is embedded above
	}
	h.mux.HandleFunc("GET /{$}", h.list)
	h.mux.HandleFunc("GET /deliveries/{seq}", h.delivery)
	h.mux.HandleFunc("GET /deliveries/{seq}/as/{form}", h.copyAs)
	h.mux.HandleFunc("GET /deliveries/{seq}/body", h.body)
	h.mux.HandleFunc("GET /events", h.events)
	for _, name := range []string{"console.css", "console.js", "icon.svg"} {
		h.mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, static, name) })
	}
	for path, do := range map[string]action{
		"/trigger": h.trigger, "/run": h.run, "/rotate": h.rotate, "/clock": h.clock, "/fault": h.fault,
		"/deliveries/{seq}/again": h.again, "/deliveries/{seq}/edit": h.edit,
	} {
		h.mux.HandleFunc("POST "+path, h.act(do))
	}
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.guard.protect(h.mux).ServeHTTP(w, r)
}

// seqOf is the number of the delivery in a request's path, 0 where there is none.
func seqOf(r *http.Request) int64 {
	seq, err := strconv.ParseInt(r.PathValue("seq"), 10, 64)
	if err != nil || seq < 0 {
		return 0
	}
	return seq
}

// newToken is what forms of ours carry and nobody else knows.
func newToken() string { return rand.Text() }
