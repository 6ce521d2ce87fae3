package handlers

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/jwks"
	"example.com/gemini-webhook/verify"
)

// With DOORS=both the tasks door is on the internet.
func TestFloodOfForgedPushesIsNotAFloodOfLines(t *testing.T) {
	t.Parallel()
	log := &lockedBuffer{}
	logger := slog.New(slog.NewJSONHandler(log, nil))
	certs := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(certs.Close)
	s := httptest.NewServer(&Doors{
		Tasks: &Processor{
			Tokens: &verify.PushTokens{
				Keys:     jwks.New(jwks.Config{URL: certs.URL, StaleLimit: time.Hour, Now: time.Now, Log: logger}),
				Audience: "https://receiver.example", ServiceAccount: "push@p.iam.gserviceaccount.com", Now: time.Now,
			},
			Now: time.Now, Log: logger,
		}, Log: logger,
	})
	t.Cleanup(s.Close)
	for range 200 {
		resp, err := http.Post(s.URL+"/tasks/process", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 401 {
			t.Fatalf("got %d", resp.StatusCode)
		}
	}
	if n := strings.Count(log.String(), "push refused"); n > refusalLines {
		t.Errorf("%d lines for 200 forged pushes, want %d", n, refusalLines)
	}
}

func TestALongPathIsNotALongLine(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 1024)
	r := d.genuine(t)
	r.URL.Path = "/" + strings.Repeat("x", maxURIBytes-1)
	r.Header.Set("webhook-id", "msg_forged")
	if status, _ := d.send(t, r); status != 401 {
		t.Fatalf("got %d", status)
	}
	if n := len(d.log.String()); n > 4096 {
		t.Errorf("one refusal logged %d bytes", n)
	}
}
