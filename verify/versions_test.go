package verify_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

// slowSource is a Secret Manager with latency.
type slowSource struct {
	*fakeSource
	delay time.Duration
}

func (s slowSource) Access(ctx context.Context, secret string, number int64) ([]byte, error) {
	select {
	case <-time.After(s.delay):
		return s.fakeSource.Access(ctx, secret, number)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Six keys an hour, which RotateSigningSecret lets through, are 144 versions
// within the overlap: a new instance must still come to know the newest.
func TestManyVersionsWithinTheOverlap(t *testing.T) {
	t.Parallel()
	source := newSource()
	for i := range 143 {
		source.add(secretA, payload2, start.Add(time.Duration(i-144)*10*time.Minute))
	}
	source.add(secretA, payload1, start)
	r := newRig(source, nil)
	r.store = verify.NewSecretStore(slowSource{source, 20 * time.Millisecond}, verify.SecretConfig{TTL: 5 * time.Minute, StaleLimit: 6 * time.Hour, Now: r.Now, Log: slog.New(slog.DiscardHandler)})
	static := verify.NewStatic(r.store, []string{secretA}, 24*time.Hour)
	h, err := verify.ParseHeaders(verifytest.Static(payload1, "msg_1", r.Now(), body))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := static.Verify(t.Context(), h, body); err != nil {
		t.Errorf("the newest key: %v", err)
	}
}
