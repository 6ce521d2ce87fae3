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
	if n := strings.Count(log.String(), "push refused"); n != refusalLines {
		t.Errorf("%d lines for 200 forged pushes, want %d", n, refusalLines)
	}
}

func TestALongPathIsNotALongLine(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 1024)
	r := d.genuine(t)
	r.URL.Path = "/" + strings.Repeat("x/", maxURIBytes/2-1)
	r.Header.Set("webhook-id", "msg_forged")
	if status, _ := d.send(t, r); status != 401 {
		t.Fatalf("got %d", status)
	}
	if n := len(d.log.String()); n > 4096 {
		t.Errorf("one refusal logged %d bytes", n)
	}
}

// A token in a URL that was mistyped is a token all the same.
func TestATokenInTheWrongPlaceIsNotLogged(t *testing.T) {
	t.Parallel()
	const token = "Tk-0123456789_abcdefghijklmnopqrstuvwxyz"
	d := newDoor(t, 1024)
	for _, path := range []string{"/" + token, "/dynamics/" + token + "/label", "/prefix/dynamic/" + token, "/dynamic/x/" + token} {
		r := d.genuine(t)
		r.URL.Path = path
		r.Header.Set("webhook-id", "msg_forged")
		if status, answer := d.send(t, r); status != 401 || strings.Contains(answer, token) {
			t.Fatalf("%s: got %d %s", path, status, answer)
		}
	}
	if log := d.log.String(); strings.Contains(log, token) || strings.Count(log, "REDACTED") != 4 {
		t.Errorf("want the four paths without the token:\n%s", log)
	}
}
