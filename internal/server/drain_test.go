package server

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestDrain(t *testing.T) {
	t.Parallel()
	drain := NewDrain()
	entered, proceed := make(chan struct{}), make(chan struct{})
	h := drain.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-proceed
		fmt.Fprint(w, "done")
	}), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "stopping", http.StatusServiceUnavailable)
	}))
	request := func() *http.Response {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
		return w.Result()
	}
	first := make(chan *http.Response)
	go func() { first <- request() }()
	<-entered
	select {
	case <-drain.Stopping():
		t.Error("stopping before Stop")
	default:
	}
	idle := drain.Stop()
	<-drain.Stopping()
	if got := request().StatusCode; got != http.StatusServiceUnavailable {
		t.Errorf("a new request: got %d, want 503", got)
	}
	select {
	case <-idle:
		t.Fatal("idle with a request in flight")
	default:
	}
	close(proceed)
	answer := <-first
	if body, err := io.ReadAll(answer.Body); answer.StatusCode != 200 || string(body) != "done" || err != nil {
		t.Errorf("the request in flight: got %d %q, %v, want 200 done", answer.StatusCode, body, err)
	}
	<-idle
	<-drain.Stop() // again: idle at once
}

func TestDrainWhenIdle(t *testing.T) {
	t.Parallel()
	drain := NewDrain()
	if !drain.Enter() {
		t.Fatal("nothing is let in")
	}
	drain.Leave()
	<-drain.Stop()
	if drain.Enter() {
		t.Error("let in after Stop")
	}
}
