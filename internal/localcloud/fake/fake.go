// Package fake is what the servers of the embedded cloud have in common: they
// listen on a free port of loopback, count their calls and fail on purpose.
package fake

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// headerTimeout is for a client that sends no whole header.
const headerTimeout = 10 * time.Second

// Listener is a server that listens on loopback.
type Listener struct {
	addr   string
	served sync.WaitGroup // the accept loop
	stop   func()
	closed chan struct{}
	once   sync.Once
}

// HTTP serves h. Close cuts requests that are under way.
func HTTP(h http.Handler) (*Listener, error) {
	s := &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout}
	return listen(s.Serve, func() { _ = s.Close() }) // its error is of a listener that is closed
}

// GRPC serves s. Close cuts calls that are under way.
func GRPC(s *grpc.Server) (*Listener, error) { return listen(s.Serve, s.Stop) }

func listen(serve func(net.Listener) error, stop func()) (*Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	s := &Listener{addr: l.Addr().String(), stop: stop, closed: make(chan struct{})}
	s.served.Go(func() { _ = serve(l) }) // ends with Close
	return s, nil
}

// Addr is the host:port listened on.
func (l *Listener) Addr() string { return l.addr }

// URL is the root for HTTP clients, without a slash at the end.
func (l *Listener) URL() string { return "http://" + l.addr }

// Close stops listening and ends every Sleep. Closing twice is fine.
func (l *Listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.stop()
		l.served.Wait()
	})
	return nil
}

// Sleep waits for d; false where the request or the server ended before.
func (l *Listener) Sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-l.closed:
	}
	return false
}

// Calls counts calls by their kind and lets a test choose what goes wrong. The
// zero value is ready for use, by several goroutines at once.
type Calls[Kind comparable, Op, Fault any] struct {
	mu     sync.Mutex
	hook   func(Op) *Fault
	counts map[Kind]int
}

// Fail installs a hook that is asked before every call which fault it shall
// suffer; nil from the hook is none, a nil hook removes it. Calls that come at
// once ask at once.
func (c *Calls[Kind, Op, Fault]) Fail(hook func(Op) *Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hook = hook
}

// Count is how many calls of a kind were received, failed ones included.
func (c *Calls[Kind, Op, Fault]) Count(kind Kind) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[kind]
}

// Begin counts a call and gives its fault.
func (c *Calls[Kind, Op, Fault]) Begin(kind Kind, op Op) (none Fault) {
	c.mu.Lock()
	if c.counts == nil {
		c.counts = make(map[Kind]int)
	}
	c.counts[kind]++
	hook := c.hook
	c.mu.Unlock()
	if hook == nil {
		return none
	}
	if f := hook(op); f != nil {
		return *f
	}
	return none
}
