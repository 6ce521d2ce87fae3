package receiver

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOtherTargetsAreLeftAlone(t *testing.T) {
	t.Parallel()
	Prepare("SomethingElse")
	if service != nil {
		t.Error("prepared for another function")
	}
	w := httptest.NewRecorder()
	serve(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != 500 || !strings.Contains(w.Body.String(), "FUNCTION_TARGET") {
		t.Errorf("got %d %q, want 500 that says what to set", w.Code, w.Body)
	}
}
