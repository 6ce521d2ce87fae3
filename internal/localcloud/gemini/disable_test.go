package gemini

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"google.golang.org/genai/interactions/models/operations"
	"google.golang.org/genai/interactions/models/webhooks"
)

func TestFailuresDisableAWebhook(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status, after, wantAttempts int
	}{
		"too many failures": {500, 3, 3},
		"gone":              {http.StatusGone, -1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, func(n int) int {
				switch {
				case n <= c.wantAttempts:
					return c.status
				case n == c.wantAttempts+1: // after enabling, failures count from nothing
					return 500
				}
				return 200
			})
			s, client := start(t, Options{DisableAfter: c.after})
			id, _ := create(t, client, r.URL)
			sent, err := s.Emit("batch.succeeded", nil, EmitOptions{})
			must(t, err)
			eventually(t, "the webhook to be disabled", func() bool { return webhookState(t, client, id) == stateFailed })
			if ids, err := s.Emit("batch.succeeded", nil, EmitOptions{}); err != nil || len(ids) != 0 {
				t.Errorf("an event for a disabled webhook: ids %v, error %v", ids, err)
			}
			time.Sleep(50 * time.Millisecond)
			if n := len(r.all()); n != c.wantAttempts {
				t.Errorf("%d attempts, want %d", n, c.wantAttempts)
			}

			must(t, errOf(client.Webhooks.Update(t.Context(), operations.UpdateWebhookRequest{
				ID: id, Body: webhooks.WebhookUpdate{State: ptr(webhooks.WebhookUpdateStateEnabled)},
			})))
			last := r.wait(t, c.wantAttempts+2)[c.wantAttempts+1]
			if got := last.header.Get("webhook-id"); got != sent[0] {
				t.Error("what was held is not what is delivered after enabling")
			}
		})
	}
}

// A test may put a webhook into that state at once; only enabling helps.
func TestDisable(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s, client := start(t, Options{})
	id, _ := create(t, client, r.URL)
	must(t, s.Disable(id))
	if got := webhookState(t, client, id); got != stateFailed {
		t.Errorf("state %q", got)
	}
	if ids, err := s.Emit("batch.succeeded", nil, EmitOptions{}); err != nil || len(ids) != 0 {
		t.Errorf("an event for a disabled webhook: ids %v, error %v", ids, err)
	}
	if err := s.Disable("none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a webhook that is none: %v", err)
	}
}

func TestOnlyConsecutiveFailuresDisable(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(n int) int { return []int{200, 500}[n%2] }) // the odd ones fail
	s, client := start(t, Options{DisableAfter: 2})
	id, _ := create(t, client, r.URL)
	for n := 2; n <= 8; n += 2 { // each event fails once and then succeeds
		must(t, errOf(s.Emit("batch.succeeded", nil, EmitOptions{})))
		eventually(t, "both attempts", func() bool { return len(s.Deliveries()) == n })
	}
	if got := webhookState(t, client, id); got != stateEnabled {
		t.Errorf("state %q after four failures that were not consecutive", got)
	}
}
