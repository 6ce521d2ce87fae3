package gemini

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRotations has a secret that was rotated twice, an hour after another, and one that was revoked.
func TestRotations(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	a, b, c := newSecret([32]byte{1}), newSecret([32]byte{2}), newSecret([32]byte{3})
	twice := keyRing{}.rotated(a, time.Time{}).rotated(b, now.Add(day)).live(now.Add(time.Hour)).rotated(c, now.Add(25*time.Hour))
	revoked := keyRing{}.rotated(a, time.Time{}).rotated(b, now.Add(day)).rotated(c, time.Time{})
	for _, step := range []struct {
		ring keyRing
		mode Signing
		at   time.Duration
		want staticSigner
	}{
		{twice, SignBoth, time.Hour, staticSigner{c, b, a}},
		{twice, SignBoth, day, staticSigner{c, b}}, // a keeps the expiry of its own rotation
		{twice, SignBoth, 25 * time.Hour, staticSigner{c}},
		{twice, SignOldUntilExpiry, time.Hour, staticSigner{a}},
		{twice, SignOldUntilExpiry, day, staticSigner{b}},
		{twice, SignOldUntilExpiry, 25 * time.Hour, staticSigner{c}},
		{twice, SignNewAtOnce, time.Hour, staticSigner{c}},
		{revoked, SignBoth, 0, staticSigner{c}},
		{revoked, SignOldUntilExpiry, 0, staticSigner{c}},
	} {
		var got, want []string
		for _, key := range newStaticSigner(step.ring, step.mode, now.Add(step.at)) {
			got = append(got, string(key.Reveal()))
		}
		for _, key := range step.want {
			want = append(want, string(key.Reveal()))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("mode %d after %v: what signs (-want +got):\n%s", step.mode, step.at, diff)
		}
	}
}
