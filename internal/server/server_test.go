package server

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// start listens on a free port and returns its address.
func start(t *testing.T, h http.HandlerFunc) (*http.Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	addr := l.Addr().String()
	l.Close()
	t.Setenv("PORT", addr[strings.LastIndexByte(addr, ':')+1:])
	t.Setenv("LOCAL_ONLY", "true")
	s, err := listen(h, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s, addr
}

func TestThePathArrivesAsItWasSent(t *testing.T) {
	_, addr := start(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.EscapedPath()) })
	if os.Getenv("PORT") != "0" {
		t.Errorf("PORT=%s is left to the framework, want another", os.Getenv("PORT"))
	}
	for _, path := range []string{"/", "//dynamic/TOKEN", "/x/../dynamic/TOKEN", "/./dynamic//TOKEN", "/%64ynamic/TOKEN"} {
		conn, err := net.Dial("tcp", addr)
		must(t, err)
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", path)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		body, _ := io.ReadAll(resp.Body)
		conn.Close()
		if resp.StatusCode != 200 || string(body) != path || resp.Header.Get("Location") != "" {
			t.Errorf("%s: %d %q, Location %q", path, resp.StatusCode, body, resp.Header.Get("Location"))
		}
	}
}

func TestDeadlineOfThePlatform(t *testing.T) {
	t.Setenv("CLOUD_RUN_TIMEOUT_SECONDS", "540")
	_, addr := start(t, func(w http.ResponseWriter, r *http.Request) {
		if deadline, ok := r.Context().Deadline(); ok {
			fmt.Fprint(w, time.Until(deadline).Round(time.Minute))
		}
	})
	resp, err := http.Get("http://" + addr)
	must(t, err)
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != "9m0s" {
		t.Errorf("deadline in %q, want 9m0s", body)
	}
}

func TestHugeHeadersAreRefused(t *testing.T) {
	_, addr := start(t, func(http.ResponseWriter, *http.Request) {})
	r, err := http.NewRequest(http.MethodPost, "http://"+addr, nil)
	must(t, err)
	r.Header.Set("X", strings.Repeat("x", 2*maxHeaderBytes))
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %d, want 431", resp.StatusCode)
	}
}

// Whoever withholds headers has a connection for ten seconds, not for ever.
func TestHeadersThatDoNotArrive(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for " + headerTimeout.String() + "; run without -short")
	}
	_, addr := start(t, func(http.ResponseWriter, *http.Request) { t.Error("a request without its headers is handled") })
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(headerTimeout + 5*time.Second))
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: x\r\nwebhook-id: m")
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("after %s: %v, want the connection closed", headerTimeout+5*time.Second, err)
	}
}

func TestFlushSendsTheLastAnswer(t *testing.T) {
	entered := make(chan struct{})
	s, addr := start(t, func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		time.Sleep(50 * time.Millisecond)
		fmt.Fprint(w, "done")
	})
	go func() {
		<-entered
		flush(s)
	}()
	resp, err := http.Get("http://" + addr)
	must(t, err)
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); string(body) != "done" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
	if _, err := http.Get("http://" + addr); err == nil {
		t.Error("still listening")
	}
}

func TestAPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	t.Setenv("PORT", l.Addr().String()[len("127.0.0.1:"):])
	t.Setenv("LOCAL_ONLY", "true")
	if _, err := listen(http.NotFoundHandler(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("no error")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
