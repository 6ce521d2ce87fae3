package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
)

// front forwards TCP connections to an address that may change: behind it a
// receiver can be replaced.
type front struct {
	listener net.Listener

	mu     sync.Mutex
	target string // empty: connections are closed at once
	open   map[net.Conn]bool
	pipes  sync.WaitGroup
}

func newFront(t testing.TB, target string) *front {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	f := &front{listener: listener, target: target, open: make(map[net.Conn]bool)}
	f.pipes.Go(f.accept)
	t.Cleanup(func() {
		_ = f.listener.Close() // nobody connects any more
		f.set("")
		f.pipes.Wait()
	})
	return f
}

func (f *front) addr() string { return f.listener.Addr().String() }

// set changes where connections go, and cuts those there are.
func (f *front) set(target string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.target = target
	for conn := range f.open {
		_ = conn.Close()
	}
	clear(f.open)
}

func (f *front) accept() {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return // closed
		}
		f.mu.Lock()
		f.open[conn] = true
		target := f.target
		f.mu.Unlock()
		f.pipes.Go(func() { f.forward(conn, target) })
	}
}

func (f *front) forward(conn net.Conn, target string) {
	defer f.drop(conn)
	if target == "" {
		return
	}
	back, err := net.Dial("tcp", target)
	if err != nil {
		return // the process is dead: so is the connection
	}
	defer back.Close()
	f.mu.Lock()
	f.open[back] = f.open[conn]
	cut := !f.open[conn] // meanwhile
	f.mu.Unlock()
	if cut {
		return
	}
	defer f.drop(back)
	var backward sync.WaitGroup
	backward.Go(func() {
		_, _ = io.Copy(conn, back)
		_ = conn.Close()
	})
	_, _ = io.Copy(back, conn)
	// Half a connection will do for an answer that is still to come.
	_ = back.(*net.TCPConn).CloseWrite()
	backward.Wait()
}

func (f *front) drop(conn net.Conn) {
	_ = conn.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, conn)
}
