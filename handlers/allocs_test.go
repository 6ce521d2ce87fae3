package handlers

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"example.com/gemini-webhook/verify/verifytest"
)

// What a delivery costs is held by what it allocates, for times differ from
// machine to machine. Whoever raises the limit runs make bench.
func TestDeliveryAllocations(t *testing.T) {
	door := newReceiver(newVerifier(), acceptsAll{}, 256<<10, io.Discard)
	n := 0
	request := func() *http.Request {
		n++
		body := []byte(testBody)
		r := httptest.NewRequest(http.MethodPost, "/hook", bytes.NewReader(body))
		r.Header = verifytest.Static(testKey, fmt.Sprint("msg_", n), time.Now(), body)
		return r
	}
	send := func() {
		w := httptest.NewRecorder()
		if door.ServeHTTP(w, request()); w.Code != http.StatusOK {
			t.Fatalf("got %d", w.Code)
		}
	}
	sent := testing.AllocsPerRun(200, func() { request(); httptest.NewRecorder() })
	send()
	const limit = 66 // 55 without the race detector
	if got := testing.AllocsPerRun(200, send) - sent; got > limit {
		t.Errorf("%v allocations for a delivery, at most %d are wanted", got, limit)
	}
}
