package verify_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/secret/store/storetest"
	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

const (
	tokenSecret = "projects/p/secrets/path-token"
	// What the versions 1, 2 of the token secret hold in these tests.
	token1 = "Tk1_0123456789-abcdefghijklmnopqrstuvwxyzAB"
	token2 = "Tk2_0123456789-abcdefghijklmnopqrstuvwxyzAB"

	dynamicPath = "/dynamic/" + token1 + "/nightly"
)

// dynamicRig is a rig whose verifier knows the issuer's keys (RSA, and three
// Ed25519 keys, one of them without kid) and the path token.
type dynamicRig struct {
	*rig
	issuer *verifytest.Issuer
}

type dynamicOption func(*dynamicRig)

func open(r *dynamicRig) { r.all.Open = true }

func withoutTokens(r *dynamicRig) { r.all.Tokens = nil }

func withoutStatic(r *dynamicRig) { r.all.Secrets = nil }

func withoutDynamic(r *dynamicRig) { r.all.Keys, r.all.Tokens = nil, nil }

func audiences(list ...string) dynamicOption {
	return func(r *dynamicRig) { r.all.Audiences = list }
}

func issuers(list ...string) dynamicOption {
	return func(r *dynamicRig) { r.all.Issuers = list }
}

func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// serveKeys serves a JWKS with these members.
func serveKeys(t testing.TB, keys ...any) string {
	t.Helper()
	document, err := json.Marshal(map[string]any{"keys": keys})
	must(t, err)
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(document) }))
}

// newDynamicRig has secret A with payload1 and the token secret with token1,
// which overlaps for 96 h.
func newDynamicRig(t testing.TB, options ...dynamicOption) *dynamicRig {
	t.Helper()
	return newDynamicRigOf(t, newEd25519Issuer(t, "ed-1", "", "ed-3"), options...)
}

// newDynamicRigOf is a rig that knows the keys of an issuer.
func newDynamicRigOf(t testing.TB, issuer *verifytest.Issuer, options ...dynamicOption) *dynamicRig {
	t.Helper()
	source := storetest.Of(secretA, payload1)
	source.Add(tokenSecret, token1, start.Add(-time.Hour))
	return newDynamicRigOn(t, newRig(source, nil), issuer, options...)
}

// newDynamicRigOn adds the dynamic mode to a rig.
func newDynamicRigOn(t testing.TB, base *rig, issuer *verifytest.Issuer, options ...dynamicOption) *dynamicRig {
	t.Helper()
	r := &dynamicRig{rig: base, issuer: issuer}
	r.all.Keys = newKeySet(serve(t, issuer), r.Now)
	r.all.Tokens = r.store.Set([]secret.Name{tokenSecret}, 96*time.Hour, secret.PathTokens)
	for _, o := range options {
		o(r)
	}
	return r
}

// ed25519 returns the headers of a v1a delivery signed now.
func (r *dynamicRig) ed25519() http.Header {
	return r.issuer.DeliverEd25519("msg_1", r.Now(), body)
}

// jwt returns the headers of a JWT delivery signed now.
func (r *dynamicRig) jwt(t testing.TB, options ...verifytest.Option) http.Header {
	t.Helper()
	header, err := r.issuer.DeliverJWT("msg_1", r.Now(), options...)
	must(t, err)
	return header
}

// send verifies a delivery and returns "ok" or the stable code, with the proof,
// also of one that is genuine but stale. It checks that the proof fits and that
// the error does not hold the path token.
func (r *dynamicRig) send(t testing.TB, path string, header http.Header, body []byte) (verify.Proof, string) {
	t.Helper()
	h, err := verify.ParseHeaders(header)
	if err != nil {
		return verify.Proof{}, outcome(err)
	}
	proof, err := r.all.Verify(t.Context(), path, h, body)
	code := outcome(err)
	if (err == nil) != (proof != verify.Proof{}) {
		t.Errorf("proof %+v with error %v", proof, err)
	}
	if stale, ok := errors.AsType[*verify.StaleError](err); ok {
		if code != "timestamp_out_of_range" && code != "mode_disabled" || stale.Proof == (verify.Proof{}) {
			t.Errorf("%s: genuine but stale, proof %+v", code, stale.Proof)
		}
		proof = stale.Proof
	}
	if err != nil && holdsToken(err.Error()) {
		t.Errorf("the error holds the token: %v", err)
	}
	return proof, code
}

// code is send without the proof, on the dynamic path.
func (r *dynamicRig) code(t testing.TB, header http.Header) string {
	t.Helper()
	_, code := r.send(t, dynamicPath, header, body)
	return code
}
