package server

import (
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// Drain counts what is in flight, so that it can finish when the instance is
// stopped; the framework does not wait for it. The zero value is not ready: use
// NewDrain.
type Drain struct {
	stopping chan struct{}

	mu       sync.Mutex
	stopped  bool
	inFlight int
	idle     chan struct{} // closed when stopped and nothing is in flight
}

// NewDrain gives a Drain that lets requests in.
func NewDrain() *Drain {
	return &Drain{stopping: make(chan struct{}), idle: make(chan struct{})}
}

// Handler serves h while requests are let in, and refused afterwards.
func (d *Drain) Handler(h, refused http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !d.Enter() {
			refused.ServeHTTP(w, r)
			return
		}
		defer d.Leave()
		h.ServeHTTP(w, r)
	})
}

// Enter begins a piece of work, which ends with Leave. It reports false, and
// needs no Leave, once the instance stops.
func (d *Drain) Enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return false
	}
	d.inFlight++
	return true
}

// Leave ends what Enter began.
func (d *Drain) Leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inFlight--
	if d.stopped && d.inFlight == 0 {
		close(d.idle)
	}
}

// Stopping is closed when the instance stops: long work hands on what is left.
func (d *Drain) Stopping() <-chan struct{} { return d.stopping }

// Stop lets nothing in any more. The channel it returns is closed when the
// last work in flight has left.
func (d *Drain) Stop() (idle <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.stopped {
		d.stopped = true
		close(d.stopping)
		if d.inFlight == 0 {
			close(d.idle)
		}
	}
	return d.idle
}

// stopTimeout is most of the ten seconds between SIGTERM and SIGKILL.
const stopTimeout = 8 * time.Second

// ExitOnSIGTERM drains and ends the process on SIGTERM, for a server
// that is not Run's: its last answers may be lost.
func ExitOnSIGTERM(d *Drain, log *slog.Logger) { go d.exit(sigterm(), log, func() {}) }

// sigterm is also the terminal's interrupt, which stops a local run.
func sigterm() <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM, os.Interrupt)
	return c
}

func (d *Drain) exit(sigterm <-chan os.Signal, log *slog.Logger, flush func()) {
	<-sigterm
	select {
	case <-d.Stop():
		flush()
		os.Exit(0)
	case <-time.After(stopTimeout):
		log.Warn("stopped with requests in flight; their senders send them again")
		os.Exit(1)
	}
}
