package e2e

import (
	"net/http"
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/localcloud"
)

// The log says nothing that strangers sent, and no secret.
func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{env: []string{"LOG_LEVEL=debug"}})
	const marker = "marker-of-a-payload"
	body := interaction(marker)
	header := r.signed("msg_1", body)
	header.Set("Cookie", marker)
	if a := r.deliver(header, body); a.status != http.StatusOK {
		t.Fatalf("got %v", a)
	}
	for _, change := range []func(http.Header){
		func(h http.Header) { h.Set("webhook-signature", "v1,"+marker) },
		func(h http.Header) { h.Set("webhook-timestamp", marker) },
		func(h http.Header) { h.Set("webhook-id", marker+".") },
		func(h http.Header) { h.Set("webhook-signature", "v1,MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=") },
	} {
		h := header.Clone()
		change(h)
		if a := r.deliver(h, body); a.status/100 != 4 {
			t.Errorf("got %v, want a refusal", a)
		}
	}
	send(t, http.MethodPost, r.url()+"/tasks/process", bearer(marker), marker)
	r.wait("the outcome", func() bool { return r.seen.has("interaction.completed") && r.seen.idle() })
	logs := r.child.logs.String()
	if !strings.Contains(logs, "delivery accepted") || !strings.Contains(logs, "delivery refused") {
		t.Errorf("the log does not say what happened:\n%s", logs)
	}
	for what, text := range map[string]string{
		"what a stranger sent": marker, "the signing secret": r.secret, "the key": strings.TrimPrefix(r.secret, "whsec_"),
		"a signature": strings.TrimPrefix(header.Get("webhook-signature"), "v1,"), "a token": "eyJ", "the API key": localcloud.APIKey,
	} {
		if strings.Contains(logs, text) {
			t.Errorf("the log holds %s:\n%s", what, logs)
		}
	}
}
