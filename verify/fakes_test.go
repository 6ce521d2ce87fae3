package verify_test

import (
	"encoding/base64"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/jwks"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/secret/store"
	"example.com/gemini-webhook/internal/secret/store/storetest"
	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

const (
	secretA = "projects/p/secrets/a"
	secretB = "projects/p/secrets/b"
	// What the versions 1, 2 of a secret hold in these tests.
	payload1 = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	payload2 = "whsec_bmV3ZXIta2V5LW5ld2VyLWtleS1uZXdlci1rZXkh"
)

var (
	start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	body  = []byte(`{"type":"batch.succeeded","data":{"id":"batch_1"}}`)
)

var errDown = errors.New("secret manager is down")

func newClock() *verifytest.Clock { return verifytest.NewClock(start) }

// rig is a verifier over a fake source and a clock.
type rig struct {
	*verifytest.Clock
	source *storetest.Source
	store  *store.Store
	all    *verify.Verifier
}

type rigOption func(*store.Config)

func revoked(versions ...secret.VersionName) rigOption {
	return func(c *store.Config) { c.Revoked = versions }
}

// newRig returns a verifier for secret A, or for those named, with an overlap
// of 24 h, a TTL of 5 min and a stale limit of 6 h.
func newRig(source *storetest.Source, secrets []secret.Name, options ...rigOption) *rig {
	r := &rig{Clock: newClock(), source: source}
	config := store.Config{TTL: 5 * time.Minute, StaleLimit: 6 * time.Hour, Now: r.Now, Log: slog.New(slog.DiscardHandler)}
	for _, o := range options {
		o(&config)
	}
	if secrets == nil {
		secrets = []secret.Name{secretA}
	}
	r.store = store.New(source, config)
	r.all = &verify.Verifier{
		Secrets:   r.store.Set(secrets, 24*time.Hour, secret.SigningKeys),
		Tolerance: 5 * time.Minute, Now: r.Now,
	}
	return r
}

func newKeySet(url string, now func() time.Time) *jwks.Set {
	return jwks.New(jwks.Config{URL: url, StaleLimit: 6 * time.Hour, Now: now, Log: slog.New(slog.DiscardHandler)})
}

// outcome is "ok" or the stable code.
func outcome(err error) string {
	switch code := verify.Code(err); {
	case err == nil:
		return "ok"
	case code == "":
		return "no code: " + err.Error()
	default:
		return code
	}
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// decode returns the key of a whsec_ secret.
func decode(secret string) []byte {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		panic(err)
	}
	return key
}

// key1 is the secret of payload1 alone.
func key1(t testing.TB) verify.StaticSecrets {
	t.Helper()
	keys, err := verify.NewStaticSecrets(payload1)
	must(t, err)
	return keys
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
