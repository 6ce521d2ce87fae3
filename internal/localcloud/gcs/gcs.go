// Package gcs is a Cloud Storage server in process, for the demo, for
// end-to-end tests and for tests of faults. Google's Go client, gcloud and
// anything else that speaks the JSON or the XML API can use it: set
// STORAGE_EMULATOR_HOST to Server.Addr, or pass option.WithEndpoint
// (Server.Endpoint()) with option.WithoutAuthentication().
//
// It is strict where the service is strict (preconditions, generations,
// checksums, ranges, chunk sizes) and answers 400 to every call, parameter
// and object field that it does not know, so that nothing is silently ignored.
//
// It keeps everything in memory, checks no credentials, and has no versioning,
// no compose, copy, rewrite, move or patch, no ACLs, no encryption keys and no
// gRPC API.
package gcs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// Errors of Start.
var (
	// ErrNotLoopback means that the address is not a loopback address: the
	// server checks no credentials and must stay on this machine.
	ErrNotLoopback = errors.New("gcs: address is not loopback, use 127.0.0.1:PORT")
	// ErrStarted means that Start was called twice, or after Close.
	ErrStarted = errors.New("gcs: server was started or closed before, make a new one")
)

// Options configures a Server; the zero value is ready for use.
type Options struct {
	// Now is the clock of timeCreated and updated; time.Now where nil.
	Now func() time.Time
}

// Server is a Cloud Storage server. All methods are safe for concurrent use,
// and those that handle objects work before Start too.
type Server struct {
	store *store

	mu      sync.Mutex
	fail    func(Op) *Fault
	counts  map[Kind]int64
	uploads map[string]*upload
	http    *http.Server
	addr    string
	served  chan struct{} // closed when the accept loop has ended
	closed  chan struct{} // closed by Close; ends delays and stalls
	once    sync.Once
}

// New returns a server that does not listen yet.
func New(opts Options) *Server {
	now := opts.Now
	if now == nil {
		now = time.Now
	}
	return &Server{
		store:   newStore(now),
		counts:  map[Kind]int64{},
		uploads: map[string]*upload{},
		closed:  make(chan struct{}),
	}
}

// Start listens on addr, host:port on a loopback address; empty means a free
// port of 127.0.0.1. It returns once connections are accepted. Errors:
// ErrNotLoopback, ErrStarted, and those of net.Listen.
func (s *Server) Start(addr string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
		return ErrStarted
	default:
	}
	if s.http != nil {
		return ErrStarted
	}
	ln, err := listen(addr)
	if err != nil {
		return err
	}
	s.addr = ln.Addr().String()
	s.http = &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second}
	s.served = make(chan struct{})
	go func() {
		defer close(s.served)
		_ = s.http.Serve(ln) // always http.ErrServerClosed, after Close
	}()
	return nil
}

// Handler is the server without its listener, for a server of the caller's.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

func listen(addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("gcs: listen: %w", err)
	}
	if !tcp.IP.IsLoopback() {
		return nil, ErrNotLoopback
	}
	return net.ListenTCP("tcp", tcp)
}

// Addr is the host:port listened on, as STORAGE_EMULATOR_HOST wants it; empty
// before Start.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// URL is the server's root, without a slash at the end.
func (s *Server) URL() string { return "http://" + s.Addr() }

// Endpoint is the value for option.WithEndpoint.
func (s *Server) Endpoint() string { return s.URL() + "/storage/v1/" }

// Close stops listening, cuts open connections and ends stalled answers. The
// objects stay readable from Go. Calling it again does nothing.
func (s *Server) Close() error {
	var err error
	s.once.Do(func() {
		close(s.closed)
		s.mu.Lock()
		srv := s.http
		s.mu.Unlock()
		if srv != nil {
			err = srv.Close()
			<-s.served
		}
	})
	return err
}

// Fail installs a hook that is asked before every operation which fault it
// shall suffer; nil from the hook is none, a nil hook removes it. The hook may
// be called from several goroutines at once.
func (s *Server) Fail(hook func(Op) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = hook
}

// Count is how many requests of that kind were received, failed ones
// included, since New or ResetCounts. Calls from Go are not counted.
func (s *Server) Count(kind Kind) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[kind]
}

// Counts is a copy of all counters.
func (s *Server) Counts() map[Kind]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// ResetCounts sets all counters to zero.
func (s *Server) ResetCounts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.counts)
}

// begin counts the operation and asks the hook for its fault.
func (s *Server) begin(op Op) Fault {
	s.mu.Lock()
	s.counts[op.Kind]++
	hook := s.fail
	s.mu.Unlock()
	if hook == nil {
		return Fault{}
	}
	if f := hook(op); f != nil {
		return *f
	}
	return Fault{}
}

// wait sleeps for d. Where the request or the server ends before, it ends the
// handler, and the client gets no answer.
func (s *Server) wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return
	case <-ctx.Done():
	case <-s.closed:
	}
	panic(http.ErrAbortHandler)
}
