package pubsub

import (
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc/codes"
)

// TestDeadLetterRoles: who may not pull, or publish, is told the role.
func TestDeadLetterRoles(t *testing.T) {
	t.Parallel()
	_, c := start(t,
		pstest.WithErrorInjection("Pull", codes.PermissionDenied, "injected"),
		pstest.WithErrorInjection("Publish", codes.PermissionDenied, "injected"))
	d := c.DeadLetters("s", "t")
	if _, err := d.Pull(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "roles/pubsub.subscriber on the subscription s") {
		t.Errorf("pull: %v", err)
	}
	if err := d.Enqueue(t.Context(), "event", []byte("x")); err == nil || !strings.Contains(err.Error(), "roles/pubsub.publisher on the topic t") {
		t.Errorf("enqueue: %v", err)
	}
	_, c = start(t)
	if _, err := c.DeadLetters("none", "t").Pull(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "there is no subscription none") {
		t.Errorf("no subscription: %v", err)
	}
}
