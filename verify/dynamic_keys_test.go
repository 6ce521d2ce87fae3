package verify_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/gemini-webhook/verify/verifytest"
)

// newEd25519Issuer has an RSA key and one Ed25519 key for each kid.
func newEd25519Issuer(t testing.TB, kids ...string) *verifytest.Issuer {
	t.Helper()
	issuer, err := verifytest.NewIssuer()
	must(t, err)
	must(t, issuer.SetEd25519(kids...))
	return issuer
}

// One set may hold RSA and Ed25519 keys, or either.
func TestDynamicKeyTypes(t *testing.T) {
	t.Parallel()
	issuer := newEd25519Issuer(t, "")
	_, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	x := base64.RawURLEncoding.EncodeToString(private.Public().(ed25519.PublicKey))
	document := func(members string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"keys":[%s]}`, members) }
	}
	okp := func(more string) http.HandlerFunc {
		return document(`{"kty":"OKP","crv":"Ed25519","x":"` + x + `"` + more + `}`)
	}
	rsaJWK, err := json.Marshal(verifytest.JWK("key-1", publicRSA(t, issuer)))
	must(t, err)
	const others = `{"kty":"new"},{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"OKP","crv":"Ed448","x":"AAAA"},{"kty":"OKP","crv":"Ed25519","x":"AAAA"},null,`
	tests := map[string]struct {
		handler  http.Handler
		v1a, jwt string
	}{
		"Ed25519 alone":        {okp(``), "ok", "unknown_key"},
		"with kid":             {okp(`,"kid":"k"`), "ok", "unknown_key"},
		"EdDSA":                {okp(`,"alg":"EdDSA","use":"sig","key_ops":["verify"]`), "ok", "unknown_key"},
		"Ed25519 as algorithm": {okp(`,"alg":"Ed25519"`), "ok", "unknown_key"},
		"another algorithm":    {okp(`,"alg":"RS256"`), "unavailable", "unavailable"},
		"for encryption":       {okp(`,"use":"enc"`), "unavailable", "unavailable"},
		"for signing":          {okp(`,"key_ops":["sign"]`), "unavailable", "unavailable"},
		"a private key":        {okp(`,"d":"` + base64.RawURLEncoding.EncodeToString(private.Seed()) + `"`), "unavailable", "unavailable"},
		"RSA alone":            {document(string(rsaJWK)), "signature_mismatch", "ok"},
		"RSA and Ed25519":      {document(string(rsaJWK) + `,{"kty":"OKP","crv":"Ed25519","x":"` + x + `"}`), "ok", "ok"},
		"beside others":        {document(others + string(rsaJWK) + `,{"kty":"OKP","crv":"Ed25519","kid":"key-1","x":"` + x + `"}`), "ok", "ok"},
		"others alone":         {document(others[:len(others)-1]), "unavailable", "unavailable"},
		"the last of 64":       {document(strings.Repeat(another(t), 63) + `{"kty":"OKP","crv":"Ed25519","x":"` + x + `"}`), "ok", "unknown_key"},
		"the last of 65":       {document(strings.Repeat(another(t), 64) + `{"kty":"OKP","crv":"Ed25519","x":"` + x + `"}`), "unavailable", "unavailable"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newDynamicRigOf(t, issuer)
			r.all.Keys = newKeySet(serve(t, tc.handler), r.Now)
			signature := ed25519.Sign(private, []byte("msg_1."+seconds+"."+string(body)))
			v1a := verifytest.Headers("msg_1", seconds, "v1a,"+base64.StdEncoding.EncodeToString(signature))
			if got := r.code(t, v1a); got != tc.v1a {
				t.Errorf("v1a: got %s, want %s", got, tc.v1a)
			}
			if got := r.code(t, r.jwt(t)); got != tc.jwt {
				t.Errorf("JWT: got %s, want %s", got, tc.jwt)
			}
		})
	}
}

// another makes a stranger's key, with a comma.
func another(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	must(t, err)
	return `{"kty":"OKP","crv":"Ed25519","x":"` + base64.RawURLEncoding.EncodeToString(public) + `"},`
}

// 10,000 forged kids, signatures and tokens in a row, a hundred at a time,
// cause a handful of fetches and secret look-ups, and genuine deliveries in
// between are accepted.
func TestDynamicFlood(t *testing.T) {
	t.Parallel()
	stranger := newEd25519Issuer(t, "ed-1")
	r := newDynamicRig(t, open)
	v1a, jwt := r.ed25519(), r.jwt(t)
	forged := stranger.Ed25519(0, "msg_1", seconds, body)
	token, err := stranger.Token(verifytest.Claims(start))
	must(t, err)
	var accepted atomic.Int32
	for round := range 100 { // in 10 s
		var wg sync.WaitGroup
		for worker := range 10 {
			wg.Go(func() {
				for i := range 10 {
					n := round*100 + worker*10 + i
					kid := verifytest.Headers("msg_1", seconds, encodeJSON(map[string]any{"alg": "RS256", "kid": fmt.Sprint("kid-", n)})+".e30.AAAA")
					path, header, want := dynamicPath, kid, "unknown_key"
					switch n % 4 {
					case 1:
						header, want = verifytest.Headers("msg_1", seconds, forged), "signature_mismatch"
					case 2:
						header, want = verifytest.Headers("msg_1", seconds, token), "signature_mismatch"
					case 3:
						path, want = fmt.Sprintf("/dynamic/%040d", n), "origin_unproven"
					}
					if n%8 < 3 {
						path = "/open"
					}
					if _, got := r.send(t, path, header, body); got != want {
						t.Errorf("%d: got %s, want %s", n, got, want)
					}
				}
			})
		}
		for path, header := range map[string]http.Header{dynamicPath: v1a, "/open": jwt} {
			wg.Go(func() {
				if _, got := r.send(t, path, header, body); got != "ok" {
					t.Errorf("genuine: got %s", got)
				} else {
					accepted.Add(1)
				}
			})
		}
		wg.Wait()
		r.Add(100 * time.Millisecond)
	}
	lists, accesses := r.source.Lookups()
	if fetches := r.issuer.Fetches(); fetches > 3 || lists > 2 || accesses > 6 {
		t.Errorf("%d fetches, %d lists, %d accesses in 10 s", fetches, lists, accesses)
	}
	if accepted.Load() != 200 {
		t.Errorf("%d genuine deliveries are accepted, want 200", accepted.Load())
	}
	// What is new after the flood is found as fast as ever: as many keys as before.
	must(t, r.issuer.SetEd25519("ed-7", "ed-8", "ed-9"))
	r.source.Add(tokenSecret, token2, r.Now())
	r.Add(5 * time.Second)
	if _, got := r.send(t, "/dynamic/"+token2, r.ed25519(), body); got != "ok" {
		t.Errorf("a new key and a new token: got %s", got)
	}
}

// What time may cure is 503, whatever else is wrong with the delivery; what is
// good all the same is accepted.
func TestDynamicUnavailable(t *testing.T) {
	t.Parallel()
	issuer := newDynamicRig(t).issuer
	const hmac, v1a, jwt, badHMAC = 1, 2, 4, 8
	keysDown := func(r *dynamicRig) {
		r.all.Keys = newKeySet(serve(t, http.NotFoundHandler()), r.Now)
	}
	secretsDown := func(r *dynamicRig) { r.source.Do(func() { r.source.Err[secretA] = errDown }) }
	tokensDown := func(r *dynamicRig) { r.source.Do(func() { r.source.Err[tokenSecret] = errDown }) }
	for name, tc := range map[string]struct {
		down    func(*dynamicRig)
		path    string
		entries int
		want    string
	}{
		"keys, v1a":                  {keysDown, dynamicPath, v1a, "unavailable"},
		"keys, JWT":                  {keysDown, dynamicPath, jwt, "unavailable"},
		"keys, v1a and HMAC":         {keysDown, dynamicPath, v1a + hmac, "unavailable"},
		"keys, wrong token":          {keysDown, "/dynamic/" + token2, v1a, "origin_unproven"},
		"keys, other path":           {keysDown, "/hook", v1a, "origin_unproven"},
		"keys, open":                 {keysDown, "/open", v1a, "unavailable"},
		"keys, open, HMAC":           {keysDown, "/open", v1a + hmac, "ok"},
		"keys, open, bad HMAC":       {keysDown, "/open", jwt + badHMAC, "unavailable"},
		"secrets, HMAC":              {secretsDown, "/hook", hmac, "unavailable"},
		"secrets, HMAC and v1a":      {secretsDown, "/hook", hmac + v1a, "unavailable"},
		"secrets, v1a":               {secretsDown, "/hook", v1a, "origin_unproven"},
		"secrets, open, v1a":         {secretsDown, "/open", hmac + v1a, "ok"},
		"secrets, token":             {secretsDown, dynamicPath, hmac + v1a, "ok"},
		"tokens, v1a":                {tokensDown, dynamicPath, v1a, "unavailable"},
		"tokens, v1a and HMAC":       {tokensDown, dynamicPath, v1a + hmac, "unavailable"},
		"tokens, HMAC":               {tokensDown, dynamicPath, hmac, "mode_disabled"},
		"tokens, what is no token":   {tokensDown, "/dynamic/x", v1a, "origin_unproven"},
		"tokens, HMAC at other path": {tokensDown, "/hook", hmac, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newDynamicRigOf(t, issuer, tc.down)
			r.all.Open = tc.path == "/open"
			var entries []string
			for kind, entry := range map[int]string{
				hmac: genuine().Get("webhook-signature"), v1a: r.ed25519().Get("webhook-signature"), jwt: r.jwt(t).Get("webhook-signature"),
				badHMAC: verifytest.HMAC([]byte("another"), "msg_1", seconds, body),
			} {
				if tc.entries&kind != 0 {
					entries = append(entries, entry)
				}
			}
			if _, got := r.send(t, tc.path, verifytest.Headers("msg_1", seconds, entries...), body); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
