package handlers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

type acceptsAll struct{}

func (acceptsAll) Enqueue(context.Context, string, ...[]byte) error { return nil }

// What a delivery costs is held by what it allocates, for times differ from
// machine to machine. Whoever raises the limit runs make bench.
func TestDeliveryAllocations(t *testing.T) {
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	door := NewReceiver(ReceiverConfig{
		Verifier:        &verify.Verifier{Secrets: testSecrets(time.Hour, log), Tolerance: time.Hour, Now: time.Now},
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
