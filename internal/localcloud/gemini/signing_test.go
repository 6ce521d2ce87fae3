package gemini

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai/interactions/models/operations"
	"google.golang.org/genai/interactions/models/webhooks"
)

func TestOverlapOfARotation(t *testing.T) {
	t.Parallel()
	type signs struct {
		Entries  int
		Old, New bool
	}
	for name, c := range map[string]struct {
		mode          Signing
		behavior      string
		during, after signs
	}{
		"both":        {SignBoth, "revoke_previous_secrets_after_h24", signs{2, true, true}, signs{1, false, true}},
		"old first":   {SignOldUntilExpiry, "revoke_previous_secrets_after_h24", signs{1, true, false}, signs{1, false, true}},
		"new at once": {SignNewAtOnce, "revoke_previous_secrets_after_h24", signs{1, false, true}, signs{1, false, true}},
		"immediately": {SignBoth, "revoke_previous_secrets_immediately", signs{1, false, true}, signs{1, false, true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			now := time.Now().Truncate(time.Second)
			r := newReceiver(t, nil)
			s, client := start(t, Options{Signing: c.mode, Now: func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				return now
			}})
			id, old := create(t, client, r.URL)
			next := rotate(t, client, id, c.behavior)
			expiry := now.Add(10 * time.Second).UTC() // 24 h at this scale

			deliver := func(n int) signs {
				must(t, errOf(s.Emit("batch.succeeded", map[string]any{"id": "batches/1"}, EmitOptions{})))
				g := r.wait(t, n)[n-1]
				return signs{g.entries(), g.verifies(t, old), g.verifies(t, next)}
			}
			if diff := cmp.Diff(c.during, deliver(1)); diff != "" {
				t.Errorf("during the overlap (-want +got):\n%s", diff)
			}
			res, err := client.Webhooks.Get(t.Context(), operations.GetWebhookRequest{ID: id})
			must(t, err)
			want := []webhooks.SigningSecret{{TruncatedSecret: ptr(next[:10] + "...")}}
			if c.behavior == "revoke_previous_secrets_after_h24" {
				want = append([]webhooks.SigningSecret{{TruncatedSecret: ptr(old[:10] + "..."), ExpireTime: &expiry}}, want...)
			}
			if diff := cmp.Diff(want, res.Webhook.SigningSecrets); diff != "" {
				t.Errorf("signing secrets (-want +got):\n%s", diff)
			}
			mu.Lock()
			now = expiry
			mu.Unlock()
			if diff := cmp.Diff(c.after, deliver(2)); diff != "" {
				t.Errorf("after the overlap (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSeveralRotations(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	a, b, c := newSecret([32]byte{1}), newSecret([32]byte{2}), newSecret([32]byte{3})
	ring := keyRing{}.rotated(a, time.Time{}).rotated(b, now.Add(day)).live(now.Add(time.Hour)).rotated(c, now.Add(25*time.Hour))
	for _, step := range []struct {
		at   time.Duration
		want staticSigner
	}{
		{time.Hour, staticSigner{c, b, a}},
		{day, staticSigner{c, b}}, // a keeps the expiry of its own rotation
		{25 * time.Hour, staticSigner{c}},
	} {
		got := newStaticSigner(ring, SignBoth, now.Add(step.at))
		if len(got) != len(step.want) {
			t.Fatalf("after %v: %d secrets sign, want %d", step.at, len(got), len(step.want))
		}
		for i := range got {
			if string(got[i].Reveal()) != string(step.want[i].Reveal()) {
				t.Errorf("after %v: entry %d is by another secret", step.at, i)
			}
		}
	}
}
