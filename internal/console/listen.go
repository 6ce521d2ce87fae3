package console

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// ErrNotLoopback: the page would be there for others than this machine.
var ErrNotLoopback = errors.New("the page listens on loopback alone: give 127.0.0.1:PORT, localhost:PORT or [::1]:PORT")

// Listen listens on an address of loopback, HOST:PORT; port 0 is any that is free.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w (%.100q)", ErrNotLoopback, address)
	}
	if host == "localhost" {
		host = "127.0.0.1" // whatever a resolver says
	}
	if ip, err := netip.ParseAddr(host); err != nil || ip != netip.AddrFrom4([4]byte{127, 0, 0, 1}) && ip != netip.IPv6Loopback() {
		return nil, fmt.Errorf("%w (%.100q)", ErrNotLoopback, address)
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
}

// Serve serves the page until ctx is over. The listener is one of Listen.
func Serve(ctx context.Context, l net.Listener, s Server) error {
	at, ok := l.Addr().(*net.TCPAddr)
	if !ok || !at.IP.IsLoopback() {
		_ = l.Close()
		return ErrNotLoopback
	}
	server := &http.Server{
		Handler:           New(s, at.Port),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
