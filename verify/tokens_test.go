package verify_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/secret/store/storetest"
	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

// tokenStep is a change to the world, and what a genuine v1a delivery gets
// after it under a token.
type tokenStep struct {
	name   string
	change func(*rig)
	token  string
	want   string
}

func none(*rig) {}

func after(d time.Duration) func(*rig) { return func(r *rig) { r.Add(d) } }

func rotateToken(payload string) func(*rig) {
	return func(r *rig) { r.source.Add(tokenSecret, payload, r.Now()) }
}

func tokenAnswer(err error) func(*rig) {
	return func(r *rig) {
		r.source.Do(func() { r.source.Err[tokenSecret] = err })
		r.Add(6 * time.Minute)
	}
}

// What a wrong and an old token get. (The life of a secret's versions:
// internal/secret/store; the form of a token: internal/secret.)
func TestTokensOverTime(t *testing.T) {
	t.Parallel()
	const bad = "origin_unproven"
	tests := map[string]struct {
		options []rigOption
		steps   []tokenStep
	}{
		"a new version at once, the old one for the overlap": {steps: []tokenStep{
			{"before", none, token1, "ok"},
			{"not yet there", none, token2, bad},
			{"new within 5 s of its first delivery", func(r *rig) { rotateToken(token2)(r); r.Add(5 * time.Second) }, token2, "ok"},
			{"old", none, token1, "ok"},
			{"old, a second before the end", after(96*time.Hour - 6*time.Second), token1, "ok"},
			{"old, at the end", after(time.Second), token1, bad},
			{"new", none, token2, "ok"},
		}},
		"a revoked old version in its overlap": {options: []rigOption{revoked(secret.Name(tokenSecret).Version(1))}, steps: []tokenStep{
			{"new", rotateToken(token2), token2, "ok"},
			{"old", none, token1, bad},
		}},
		"an outage keeps the last good set for the stale limit": {steps: []tokenStep{
			{"before", none, token1, "ok"},
			{"down", tokenAnswer(errDown), token1, "ok"},
			{"a wrong token meanwhile", none, token2, bad},
			{"at the limit", after(6*time.Hour - 6*time.Minute), token1, "ok"},
			{"after the limit", after(time.Second), token1, "unavailable"},
			{"a wrong token then", none, token2, "unavailable"},
			{"what is no token at all", none, "x", bad},
			{"back", tokenAnswer(nil), token1, "ok"},
		}},
	}
	issuer := newDynamicRig(t).issuer
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := storetest.Of(secretA, payload1)
			source.Add(tokenSecret, token1, start.Add(-30*24*time.Hour))
			r := newDynamicRigOn(t, newRig(source, nil, tc.options...), issuer)
			for _, s := range tc.steps {
				s.change(r.rig)
				if _, got := r.send(t, "/dynamic/"+s.token+"/x", r.ed25519(), body); got != s.want {
					t.Errorf("%s: got %s, want %s", s.name, got, s.want)
				}
			}
		})
	}
}

// A wrong token is refused before any key is fetched or secret looked up that
// it does not need, and what cannot be a token costs nothing at all.
func TestTokensBeforeEverything(t *testing.T) {
	t.Parallel()
	r := newDynamicRig(t)
	check := func(when string, lists, accesses, fetches int) {
		t.Helper()
		if l, a := r.source.Lookups(); l != lists || a != accesses || r.issuer.Fetches() != fetches {
			t.Errorf("%s: %d lists, %d accesses, %d fetches; want %d, %d, %d", when, l, a, r.issuer.Fetches(), lists, accesses, fetches)
		}
	}
	for _, path := range []string{"/dynamic/", "/dynamic/short", "/dynamic/" + token1 + "A%2F", "/dynamic/" + strings.Repeat("x", 5000), "/hook"} {
		if _, got := r.send(t, path, r.ed25519(), body); got != "origin_unproven" {
			t.Errorf("%.20s: got %s", path, got)
		}
	}
	if _, got := r.send(t, dynamicPath, genuine(), body); got != "mode_disabled" {
		t.Errorf("HMAC: got %s", got)
	}
	check("hopeless ones", 0, 0, 0)
	for range 1000 {
		if _, got := r.send(t, "/dynamic/"+token2, r.ed25519(), body); got != "origin_unproven" {
			t.Fatalf("got %s", got)
		}
	}
	check("a thousand wrong tokens", 1, 2, 0) // the newest version, and one probe
	// What can be verified by nobody does not cause a fetch either.
	for entry, want := range map[string]string{"v1a,AAAA": "signature_mismatch", "eyJh.eyJi.c2ln": "bad_token", "v2,x": "signature_mismatch"} {
		h := r.ed25519()
		h.Set("webhook-signature", entry)
		if got := r.code(t, h); got != want {
			t.Errorf("%s: got %s, want %s", entry, got, want)
		}
	}
	check("hopeless signatures", 1, 2, 0)
	if got := r.code(t, r.ed25519()); got != "ok" {
		t.Errorf("got %s", got)
	}
	check("a genuine one", 1, 2, 1)
}

// A stale delivery is refused whatever its token: it is no reason to look for a
// new version, or for a new key.
func TestTokensStaleWithoutProbe(t *testing.T) {
	t.Parallel()
	r := newDynamicRig(t)
	if got := r.code(t, r.ed25519()); got != "ok" {
		t.Fatalf("got %s", got)
	}
	lists, accesses := r.source.Lookups()
	old := r.ed25519()
	must(t, r.issuer.SetEd25519("ed-9"))
	forged, unknown := r.ed25519(), r.jwt(t, func(h, _ map[string]any) { h["kid"] = "key-9" })
	r.Add(7 * time.Minute) // past the tolerance, and the TTL
	for _, h := range []map[string][]string{old, forged, unknown} {
		for _, path := range []string{dynamicPath, "/dynamic/" + token2} {
			if _, got := r.send(t, path, h, body); got != "timestamp_out_of_range" {
				t.Errorf("got %s", got)
			}
		}
	}
	// The TTL's look-up is the only one.
	if l, a := r.source.Lookups(); l-lists != 1 || a-accesses != 1 || r.issuer.Fetches() != 1 {
		t.Errorf("%d lists, %d accesses, %d fetches", l, a, r.issuer.Fetches())
	}
}

// nearly is a secret whose stored hash differs from a token's in one bit.
type nearly struct {
	hash [sha256.Size]byte
	at   int
}

func (n nearly) Match(_ context.Context, m verify.Matcher, _ bool) (verify.Version, bool, error) {
	n.hash[n.at] ^= 1
	return verify.Version{}, m.Match(n.hash[:]), nil
}

func TestTokenHashesAreComparedWhole(t *testing.T) {
	t.Parallel()
	headers, err := verify.ParseHeaders(verifytest.Headers("msg_1", seconds, "v1a,AAAA"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sha256.Size {
		v := verify.Verifier{
			Tokens: nearly{sha256.Sum256([]byte(token1)), i}, Keys: verify.StaticKeys{},
			Tolerance: time.Minute, Now: func() time.Time { return start },
		}
		if _, err := v.Verify(t.Context(), "/dynamic/"+token1, headers, body); !errors.Is(err, verify.ErrOriginUnproven) {
			t.Errorf("byte %d of the hash changed: %v, want %v", i, err, verify.ErrOriginUnproven)
		}
	}
}
