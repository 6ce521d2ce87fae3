package store_test

import (
	"testing"
	"time"

	"example.com/gemini-webhook/internal/secret/store/storetest"
)

// Six keys an hour, which RotateSigningSecret lets through, are 144 versions
// within the overlap: a new instance must still come to know the newest.
func TestManyVersionsWithinTheOverlap(t *testing.T) {
	t.Parallel()
	source := storetest.NewSource()
	for i := range 143 {
		source.Add(secretA, payload2, start.Add(time.Duration(i-144)*10*time.Minute))
	}
	source.Add(secretA, payload1, start)
	source.Delay = 20 * time.Millisecond
	if got := newRig(source, nil).deliver(t, payload1); got != "ok" {
		t.Errorf("the newest key: %s", got)
	}
}
