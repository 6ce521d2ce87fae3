package handlers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/progress"
	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

// What a delivery and a line cost is held by what they allocate, for times
// differ from machine to machine. Whoever raises a limit runs make bench.

type acceptsAll struct{}

func (acceptsAll) Enqueue(context.Context, string, ...[]byte) error { return nil }

func (acceptsAll) Publish(context.Context, outcome.Message) func(context.Context) error {
	return func(context.Context) error { return nil }
}

func TestDeliveryAllocations(t *testing.T) {
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	store := verify.NewSecretStore(oneSecret{}, verify.SecretConfig{TTL: time.Hour, StaleLimit: time.Hour, Now: time.Now, Log: log})
	door := NewReceiver(ReceiverConfig{
		Verifier:        &verify.Verifier{Static: verify.NewStatic(store, []string{testSecret}, time.Hour), Tolerance: time.Hour, Now: time.Now},
		Queue:           acceptsAll{},
		ReplayTolerance: time.Hour,
		MaxBodyBytes:    256 << 10,
		Now:             time.Now,
		Log:             log,
	})
	n := 0
	deliver := func() {
		n++
		body := []byte(testBody)
		r := httptest.NewRequest(http.MethodPost, "/hook", bytes.NewReader(body))
		r.Header = verifytest.Static(testKey, fmt.Sprint("msg_", n), time.Now(), body)
		w := httptest.NewRecorder()
		if door.ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Fatalf("got %d", w.Code)
		}
	}
	request := testing.AllocsPerRun(200, func() {
		n++
		body := []byte(testBody)
		r := httptest.NewRequest(http.MethodPost, "/hook", bytes.NewReader(body))
		r.Header = verifytest.Static(testKey, fmt.Sprint("msg_", n), time.Now(), body)
		httptest.NewRecorder()
	})
	deliver()
	const limit = 66 // 55 without the race detector
	if got := testing.AllocsPerRun(200, deliver) - request; got > limit {
		t.Errorf("%v allocations for a delivery, at most %d are wanted", got, limit)
	}
}

// oneObject is a Cloud Storage that has one object.
type oneObject struct {
	object.Storage
	content []byte
}

func (o oneObject) Open(_ context.Context, _ object.Object, offset, length int64) (io.ReadCloser, error) {
	end := min(offset+length, int64(len(o.content)))
	return io.NopCloser(bytes.NewReader(o.content[offset:end])), nil
}

func TestLineAllocations(t *testing.T) {
	const lines = 1000
	content := []byte(strings.ReplaceAll(jsonl(lines), "answer", strings.Repeat("answer ", 250)))
	p := NewProcessor(ProcessorConfig{
		Results:      acceptsAll{},
		Objects:      &object.Store{Storage: oneObject{content: content}, Allowed: object.Allowed{Locations: []object.Location{{Bucket: resultBucket}}}},
		Factory:      outcome.NewFactory("test", time.Now),
		MaxLineBytes: 16 << 20, Stopping: make(chan struct{}), Now: time.Now,
	})
	one := progress.Object{Object: object.Object{Bucket: resultBucket, Name: "results.jsonl", Generation: 1, Size: int64(len(content))}}
	d := event.Delivery{ID: "msg_1", ReceivedAt: time.Now(), Mode: "static", Scheme: "hmac-sha256", Origin: "signing_secret", Path: "/hook"}
	plan := &progress.Plan{Mode: progress.Lines, Event: event.Encode(d, []byte(testBody)), Objects: []progress.Object{one}}
	item := work{cutoff: time.Now().Add(time.Hour)}
	per := testing.AllocsPerRun(3, func() {
		done, err := p.lines(t.Context(), item, plan, one, progress.Interval{End: one.Size})
		if err != nil || len(done) != 1 || done[0].Counts.Succeeded != lines {
			t.Fatalf("%+v, %v", done, err)
		}
	}) / lines
	const limit = 14 // 13, and its share of the range
	if per > limit {
		t.Errorf("%.1f allocations for a line, at most %d are wanted", per, limit)
	}
}
