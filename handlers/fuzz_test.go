package handlers

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Whatever is pushed is an envelope that encodes back to what it says, or is
// refused as none.
func FuzzReadEnvelope(f *testing.F) {
	f.Add([]byte(`{"message":{"data":"eA==","attributes":{"kind":"event"},"messageId":"1","publishTime":"2026-01-22T12:00:00Z"},"subscription":"projects/p/subscriptions/s","deliveryAttempt":3}`))
	f.Add([]byte(`{"message":{"data":"not base64!"}}`))
	f.Add([]byte(`{"message":null}`))
	f.Add([]byte(`{"deliveryAttempt":"5"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/tasks/process", strings.NewReader(string(body)))
		w, err := readEnvelope(httptest.NewRecorder(), r)
		if err != nil {
			if pushStatus(err) != http.StatusBadRequest {
				t.Fatalf("%v is answered %d", err, pushStatus(err))
			}
			return
		}
		var e envelope
		if json.Unmarshal(body, &e) != nil || e.Message == nil || string(e.Message.Data) != string(w.Data) {
			t.Fatalf("accepted %q as %+v", body, w)
		}
	})
}
