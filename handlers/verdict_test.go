package handlers

import (
	"testing"
	"time"

	"example.com/gemini-webhook/verify"
)

// A line names the version that verified in a word, and only while it is one.
func TestSecretVersionInAWord(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for want, version := range map[string]verify.Version{
		"":       {},
		"newest": {Secret: testSecret, Created: now.Add(-time.Hour)},
		"older":  {Secret: testSecret, Until: now.Add(endingSoon)},
		"ending": {Secret: testSecret, Until: now.Add(endingSoon - time.Second)},
	} {
		if got := secretVersion(verify.Proof{Version: version}, now); got != want {
			t.Errorf("%+v: %q, want %q", version, got, want)
		}
	}
}
