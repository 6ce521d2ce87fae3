package store

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/secret"
)

func TestBackoff(t *testing.T) {
	t.Parallel()
	want := map[int]string{0: "5s", 11: "5s", 12: "10s", 13: "20s", 14: "40s", 15: "1m0s", 1000: "1m0s"}
	got := map[int]string{}
	for n := range want {
		got[n] = backoff(n).String()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("intervals after so many fruitless rounds (-want +got):\n%s", diff)
	}
}

// What holds values prints none of them.
func TestHoldersAreRedacted(t *testing.T) {
	t.Parallel()
	const text = "correct-horse-battery"
	set := snapshot{versions: []version{{number: 1, until: secret.Forever, values: []secret.Value{secret.NewValue([]byte(text))}}}}
	c := &cached{set: &set}
	var log bytes.Buffer
	plain, structured := slog.New(slog.NewTextHandler(&log, nil)), slog.New(slog.NewJSONHandler(&log, nil))
	for _, h := range []any{set, &set, c, &Set{secrets: []*cached{c}}, &Store{secrets: []*cached{c}}} {
		fmt.Fprintf(&log, "%v %+v %#v %s %q %x %d\n", h, h, h, h, h, h, h)
		plain.Info("holder", "h", h)
		structured.Info("holder", "h", h)
	}
	numbers := strings.Trim(fmt.Sprint([]byte(text)), "[]")
	for _, leak := range []string{text, fmt.Sprintf("%x", text), fmt.Sprintf("%X", text), numbers, base64.StdEncoding.EncodeToString([]byte(text))} {
		if strings.Contains(log.String(), leak) {
			t.Errorf("the secret shows as %s", leak)
		}
	}
}

// The TTL's jitter is what keeps instances from looking up together.
func TestJitter(t *testing.T) {
	t.Parallel()
	seen := map[time.Duration]bool{}
	for range 100 {
		got := jittered(5 * time.Minute)
		if seen[got] = true; got > 5*time.Minute || got < 4*time.Minute+30*time.Second {
			t.Errorf("%s", got)
		}
	}
	if len(seen) < 2 {
		t.Error("it is always the same")
	}
}
