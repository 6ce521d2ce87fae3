package handlers

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestRefusalsAreLimited(t *testing.T) {
	t.Parallel()
	var r refusals
	now := time.Now()
	logged := 0
	for i := range 10_000 {
		ok, summary := r.admit("signature_mismatch", now.Add(time.Duration(i)*time.Millisecond))
		if ok {
			logged++
		}
		if summary != nil {
			t.Fatal("a summary before the window has ended")
		}
	}
	if logged != refusalLines {
		t.Errorf("%d logged, want %d", logged, refusalLines)
	}
	if ok, _ := r.admit("timestamp_out_of_range", now.Add(11*time.Second)); !ok {
		t.Error("another kind is drowned")
	}
	for window, want := range []string{1: "level=WARN msg=more not_logged=map[signature_mismatch:9995]\n", 2: ""} { // nothing was suppressed in the last
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		if ok := r.admitOrCount(t.Context(), logger, "more", "bad_header", now.Add(time.Duration(window)*refusalWindow)); !ok || log.String() != want {
			t.Errorf("after %d windows: %v, logged %q, want %q", window, ok, &log, want)
		}
	}
}

func TestFloodOfForgeriesIsNotAFloodOfLines(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 1024)
	for range 200 {
		r := d.genuine(t)
		r.Header.Set("webhook-id", "msg_forged")
		if status, _ := d.send(t, r); status != 401 {
			t.Fatalf("got %d", status)
		}
	}
	if status, _ := d.send(t, d.genuine(t)); status != 200 {
		t.Errorf("the genuine one: %d", status)
	}
	log := d.log.String()
	if n := strings.Count(log, "delivery refused"); n != refusalLines {
		t.Errorf("%d lines, want %d", n, refusalLines)
	}
	if !strings.Contains(log, "delivery accepted") {
		t.Error("the accepted delivery is not logged")
	}
}

// With a delivery of somebody else's, a stranger can be accepted again and again.
func TestFloodOfRepeatsIsNotAFloodOfLines(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 1024)
	at := time.Now()
	for range 200 {
		if status, _ := d.send(t, d.signed(t, at, testBody)); status != 200 {
			t.Fatalf("got %d", status)
		}
	}
	if n := strings.Count(d.log.String(), "delivery accepted"); n != 1+refusalLines {
		t.Errorf("%d lines, want one and %d of repeats", n, refusalLines)
	}
}
