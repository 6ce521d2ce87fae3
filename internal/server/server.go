// Package server owns the life of the process: it listens, drains on SIGTERM
// and flushes the last answers. Its HTTP server stands before the Functions
// Framework's, which cannot be configured: its mux answers a path with empty
// or dot segments by a redirect that repeats it, and with it the token in a
// dynamic webhook's path; a header may take for ever to arrive; and SIGTERM
// ends the process with answers unsent.
//
// The framework reads PORT after the packages are initialized. Run takes that
// port before, and leaves the framework one on loopback that nobody uses.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 620 * time.Second // longer than Google's front end keeps connections: it closes them, not we
	maxHeaderBytes = 64 << 10          // webhook-signature may have 16 KiB
	flushTimeout   = time.Second
)

// Run serves h in the background, on the port that the environment names
// (default 8080), and points the framework's own server elsewhere. On SIGTERM
// it drains, flushes and ends the process. Requests get the deadline that the
// platform gives them (CLOUD_RUN_TIMEOUT_SECONDS), as from the framework. With
// LOCAL_ONLY=true it listens on loopback only.
func Run(h http.Handler, drain *Drain, log *slog.Logger) error {
	signals := sigterm() // before the first request can be in flight
	s, err := listen(h, log)
	if err != nil {
		return err
	}
	go drain.exit(signals, log, func() { flush(s) })
	return nil
}

func listen(h http.Handler, log *slog.Logger) (*http.Server, error) {
	port, host := os.Getenv("PORT"), ""
	if port == "" {
		port = "8080"
	}
	if os.Getenv("LOCAL_ONLY") == "true" {
		host = "127.0.0.1"
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("listen on PORT: %w", err)
	}
	if err := errors.Join(os.Setenv("PORT", "0"), os.Setenv("LOCAL_ONLY", "true")); err != nil {
		return nil, err
	}
	s := &http.Server{
		Handler:           withDeadline(h, os.Getenv("CLOUD_RUN_TIMEOUT_SECONDS")),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // strangers' broken connections
	}
	go func() {
		if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the server ended", "error", err.Error())
			os.Exit(1)
		}
	}()
	return s, nil
}

// withDeadline gives each request's context the platform's timeout.
func withDeadline(h http.Handler, seconds string) http.Handler {
	n, err := strconv.Atoi(seconds)
	if err != nil || n <= 0 {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Duration(n)*time.Second)
		defer cancel()
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// flush waits until the last answers are on their way and closes the server.
func flush(s *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	_ = s.Shutdown(ctx) // the process ends, whatever is left
}
