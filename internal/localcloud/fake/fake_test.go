package fake

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

func TestListener(t *testing.T) {
	t.Parallel()
	var l *Listener
	entered, slept := make(chan struct{}), make(chan bool, 1)
	l, err := HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(entered)
			slept <- l.Sleep(r.Context(), time.Hour)
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, l.Sleep(r.Context(), time.Millisecond))
	}))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(l.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); string(body) != "true" || err != nil {
		t.Errorf("a short sleep: %q, %v, want true", body, err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := http.Get(l.URL() + "/slow")
		failed <- err
	}()
	<-entered
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-failed; err == nil {
		t.Error("the request under way has an answer")
	}
	if <-slept {
		t.Error("slept for an hour")
	}
	if _, err := http.Get(l.URL()); err == nil {
		t.Error("still listening")
	}
}
