package devserver

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/gemini-webhook/verify/verifytest"
)

// Whoever reads holds up nobody who delivers.
func TestReadersAndSenders(t *testing.T) {
	s := server(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	changes := s.Changes(ctx)
	var reading, sending sync.WaitGroup
	for range 4 {
		reading.Go(func() {
			for ctx.Err() == nil {
				if all, _ := s.List(Query{Text: "nothing of that kind"}); len(all) > 0 {
					t.Errorf("found %+v", all)
				}
				if all, _ := s.List(Query{Limit: 1}); len(all) > 0 {
					s.Get(ctx, all[0].Seq)
				}
				s.State()
			}
		})
	}
	before := s.State().Counts
	const senders, each = 4, 10
	for range senders {
		sending.Go(func() {
			for range each {
				if _, err := s.Trigger(ctx, Trigger{Type: "interaction.failed"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	sending.Wait()
	if now := s.State().Counts; now.Accepted-before.Accepted != senders*each {
		t.Errorf("%d were accepted, want %d", now.Accepted-before.Accepted, senders*each)
	}
	stop()
	reading.Wait()
	told := make(map[int64]bool)
	for seq := range changes {
		told[seq] = true
	}
	if len(told) < senders*each {
		t.Errorf("a reader was told of %d deliveries, want all", len(told))
	}
}

// Whatever comes is recorded, but health checks.
func TestFrontRecords(t *testing.T) {
	s := server(t)
	url := s.listener.URL()
	before := s.State().Counts.Deliveries
	answer, err := http.Get(url + "/health")
	must(t, err)
	must(t, answer.Body.Close())
	answer, err = http.Get(url + "/dynamic/" + s.token + "/x")
	must(t, err)
	must(t, answer.Body.Close())
	must(t, post(url+"//x/../y", verifytest.Static(newest(s.keys.now(t.Context()).secrets), "msg_large", time.Now(), nil), make([]byte, maxBody+10)))
	if got := s.State().Counts.Deliveries - before; got != 2 {
		t.Fatalf("%d are recorded, want 2", got)
	}
	all, _ := s.List(Query{Limit: 2})
	large, method := get(t, s, all[0].Seq), get(t, s, all[1].Seq)
	if large.answered() != "413 body_too_large" || large.Request.Path != "//x/../y" || len(large.Request.Body) != maxBody || len(large.Request.Notes) != 1 {
		t.Errorf("%+v, path %s, %d bytes", large.Delivery, large.Request.Path, len(large.Request.Body))
	}
	if _, err := s.Again(t.Context(), large.Seq); err == nil {
		t.Error("a body that is not kept whole is sent again")
	}
	if method.answered() != "405 method_not_allowed" || method.Path != "/dynamic/x" || !strings.Contains(method.Request.Path, s.token) {
		t.Errorf("%+v of %s", method.Delivery, method.Request.Path)
	}
	if _, ok := large.Request.Header["X-Devserver-Sender"]; ok {
		t.Error("the front's own header is recorded")
	}
}

// With Forward another receiver gets what comes, and what it answers is recorded.
func TestForward(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the embedded cloud; run without -short")
	}
	env := os.Environ()
	t.Cleanup(func() { // of the server that the other tests share
		for _, pair := range env {
			name, value, _ := strings.Cut(pair, "=")
			_ = os.Setenv(name, value)
		}
	})
	got := make(chan *http.Request, 1)
	theirs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r
		w.WriteHeader(http.StatusTeapot)
	}))
	defer theirs.Close()
	s, err := Start(t.Context(), Options{Forward: theirs.URL + "/hooks/gemini"})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	seq, err := s.Trigger(t.Context(), Trigger{Type: "batch.failed"})
	must(t, err)
	d := get(t, s, seq)
	if r := <-got; r.URL.Path != "/hooks/gemini" || r.Header.Get("webhook-id") != d.WebhookID || r.Host != strings.TrimPrefix(theirs.URL, "http://") {
		t.Errorf("%s of %s at %s", r.URL.Path, r.Header.Get("webhook-id"), r.Host)
	}
	if d.Status != http.StatusTeapot || !d.Report.Genuine {
		t.Errorf("%+v", d.Delivery)
	}
	theirs.Close()
	seq, err = s.Trigger(t.Context(), Trigger{Type: "batch.failed"})
	must(t, err)
	if d := get(t, s, seq); d.answered() != "502 receiver_unreachable" {
		t.Errorf("%+v", d.Delivery)
	}
}

// Env names all that a program needs.
func TestEnv(t *testing.T) {
	s := server(t)
	env := make(map[string]string)
	for _, pair := range s.Env() {
		name, value, _ := strings.Cut(pair, "=")
		if _, again := env[name]; again {
			t.Errorf("%s is there twice", name)
		}
		env[name] = value
	}
	for _, a := range s.State().Addresses {
		if a.Value == "" || env[a.Name] != a.Value {
			t.Errorf("%s is %q, in the environment %q", a.Name, a.Value, env[a.Name])
		}
	}
	if env["WEBHOOK_URL"] != env["RECEIVER_URL"]+hookPath || !strings.HasPrefix(env["WEBHOOK_SECRET"], "whsec_") || env["STORAGE_EMULATOR_HOST"] == "" {
		t.Errorf("%v", env)
	}
}
