package store_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/secret/store"
	"example.com/gemini-webhook/internal/secret/store/storetest"
	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

const (
	secretA = "projects/p/secrets/a"
	secretB = "projects/p/secrets/b"
	// What the versions 1, 2, 3 of a secret hold in these tests.
	payload1 = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	payload2 = "whsec_bmV3ZXIta2V5LW5ld2VyLWtleS1uZXdlci1rZXkh"
	payload3 = "whsec_dGhpcmQta2V5LXRoaXJkLWtleS10aGlyZC1rZXkh"
)

var (
	start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	body  = []byte(`{"type":"batch.succeeded","data":{"id":"batch_1"}}`)
)

var errDown = errors.New("secret manager is down")

// rig is a verifier of static deliveries whose secrets are in a store.
type rig struct {
	*verifytest.Clock
	source *storetest.Source
	all    *verify.Verifier
}

type rigOption func(*store.Config)

func revoked(versions ...secret.VersionName) rigOption {
	return func(c *store.Config) { c.Revoked = versions }
}

func logTo(w io.Writer) rigOption {
	return func(c *store.Config) { c.Log = slog.New(slog.NewTextHandler(w, nil)) }
}

func onClock(now func() time.Time) rigOption {
	return func(c *store.Config) { c.Now = now }
}

// newRig returns a verifier for secret A, or for those named, with an overlap
// of 24 h, a TTL of 5 min and a stale limit of 6 h.
func newRig(source *storetest.Source, secrets []secret.Name, options ...rigOption) *rig {
	r := &rig{Clock: verifytest.NewClock(start), source: source}
	config := store.Config{TTL: 5 * time.Minute, StaleLimit: 6 * time.Hour, Now: r.Now, Log: slog.New(slog.DiscardHandler)}
	for _, o := range options {
		o(&config)
	}
	if secrets == nil {
		secrets = []secret.Name{secretA}
	}
	set := store.New(source, config).Set(secrets, 24*time.Hour, secret.SigningKeys)
	r.all = &verify.Verifier{Secrets: set, Tolerance: 5 * time.Minute, Now: config.Now}
	return r
}

// deliver verifies a delivery signed now with the payload of a version, and returns the stable code.
func (r *rig) deliver(t *testing.T, payload string) string {
	t.Helper()
	return outcome(r.verify(t.Context(), t, payload, r.all.Now()))
}

// verify verifies a delivery signed at some time.
func (r *rig) verify(ctx context.Context, t *testing.T, payload string, at time.Time) error {
	t.Helper()
	h, err := verify.ParseHeaders(verifytest.Static(payload, "msg_1", at, body))
	if err != nil {
		t.Fatal(err)
	}
	proof, err := r.all.Verify(ctx, "/hook", h, body)
	if (err == nil) != (proof != verify.Proof{}) {
		t.Errorf("proof %+v with error %v", proof, err)
	}
	return err
}

// outcome is "ok" or the stable code.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return verify.Code(err)
}
