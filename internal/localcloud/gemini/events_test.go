package gemini

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai/interactions/models/operations"
	"google.golang.org/genai/interactions/models/webhooks"
)

func TestWhoGetsAnEvent(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s, client := start(t, Options{})
	batchHook, _ := create(t, client, r.URL, "batch.failed")
	videoHook, _ := create(t, client, r.URL, "video.generated")
	off, _ := create(t, client, r.URL, "batch.failed", "video.generated")
	must(t, errOf(client.Webhooks.Update(t.Context(), operations.UpdateWebhookRequest{
		ID: off, Body: webhooks.WebhookUpdate{State: ptr(webhooks.WebhookUpdateStateDisabled)},
	})))
	for name, c := range map[string]struct {
		send func() ([]string, error)
		want []string
	}{
		"subscribed":           {func() ([]string, error) { return s.Emit("batch.failed", nil, EmitOptions{ID: "a"}) }, []string{batchHook}},
		"not subscribed":       {func() ([]string, error) { return s.Emit("batch.succeeded", nil, EmitOptions{ID: "b"}) }, nil},
		"not subscribable":     {func() ([]string, error) { return s.Emit("batch.cancelled", nil, EmitOptions{ID: "c"}) }, []string{batchHook}},
		"of an unknown family": {func() ([]string, error) { return s.Emit("model.retired", nil, EmitOptions{ID: "d"}) }, []string{batchHook, videoHook}},
		"addressed": {func() ([]string, error) {
			return s.Emit("batch.failed", nil, EmitOptions{ID: "f", Webhooks: []string{videoHook}})
		}, []string{videoHook}},
		"addressed and disabled": {func() ([]string, error) {
			return s.Emit("batch.failed", nil, EmitOptions{ID: "g", Webhooks: []string{off}})
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			ids, err := c.send()
			if err != nil || len(ids) != len(c.want) {
				t.Fatalf("ids %v, error %v; want %d deliveries", ids, err, len(c.want))
			}
			got := map[string]bool{}
			eventually(t, "the deliveries", func() bool {
				for _, d := range s.Deliveries() {
					if len(ids) > 0 && d.ID == ids[0] {
						got[d.WebhookID] = true
					}
				}
				return len(got) == len(c.want)
			})
			for _, id := range c.want {
				if !got[id] {
					t.Errorf("webhook %s did not get it", id)
				}
			}
		})
	}
	if _, err := s.Emit("batch.failed", nil, EmitOptions{Webhooks: []string{"nobody"}}); !errors.Is(err, ErrNotFound) {
		t.Errorf("addressed to nobody: %v, want ErrNotFound", err)
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	_, client := start(t, Options{Now: func() time.Time { return time.Now().Truncate(time.Second) }})
	id, secret := create(t, client, r.URL, "video.generated")
	must(t, errOf(client.Webhooks.Update(t.Context(), operations.UpdateWebhookRequest{ // a ping comes all the same
		ID: id, Body: webhooks.WebhookUpdate{State: ptr(webhooks.WebhookUpdateStateDisabled)},
	})))
	for _, body := range []*webhooks.PingWebhookRequest{nil, {}} {
		must(t, errOf(client.Webhooks.Ping(t.Context(), operations.PingWebhookRequest{ID: id, Body: body})))
	}
	for _, g := range r.wait(t, 2) {
		event := decodeEvent(t, g.body)
		if diff := cmp.Diff(map[string]any{"id": id}, event.Data); event.Type != "webhook.ping" || diff != "" || !g.verifies(t, secret) {
			t.Errorf("ping %q (-want +got):\n%s", event.Type, diff)
		}
	}
}
