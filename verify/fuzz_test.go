package verify_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

// FuzzVerify sends anything anywhere. What is accepted must be one of the
// genuine deliveries, on a path that its mode is allowed on.
func FuzzVerify(f *testing.F) {
	r := newDynamicRig(f)
	jwt := r.jwt(f).Get("webhook-signature")
	carried := r.jwt(f, verifytest.Carry(body)).Get("webhook-signature")
	v1a := r.ed25519().Get("webhook-signature")
	hmac := genuine().Get("webhook-signature")
	for _, path := range []string{dynamicPath, "/dynamic/" + token2, "/", "/%64ynamic/%54" + token1[1:], "//dynamic/" + token1, "/dynamic%2f" + token1, "/dynamic/%", ""} {
		for _, signature := range []string{jwt, v1a, hmac, hmac + " " + v1a, "v1a,AAAA " + carried, strings.Repeat("v1,A ", 33), "v1,", ",", " "} {
			f.Add(path, "msg_1", seconds, signature, body)
		}
	}
	f.Add(dynamicPath, "msg.1", "01795262400", jwt, []byte(`{`))
	f.Add(dynamicPath, "msg_1", "99999999999999", v1a, []byte(nil))
	f.Fuzz(func(t *testing.T, path, id, timestamp, signature string, sent []byte) {
		h, err := verify.ParseHeaders(verifytest.Headers(id, timestamp, signature))
		if err != nil {
			if code := verify.Code(err); code != "bad_header" && code != "missing_header" {
				t.Errorf("headers: %v", err)
			}
			return
		}
		proof, err := r.all.Verify(t.Context(), path, h, sent)
		if err != nil {
			if verify.Code(err) == "" {
				t.Errorf("an error without a code: %v", err)
			}
			if holdsToken(err.Error()) {
				t.Errorf("the error holds the token: %v", err)
			}
			return
		}
		signedBody := id == "msg_1" && timestamp == seconds && string(sent) == string(body)
		var ok bool
		switch proof.Scheme {
		case "hmac-sha256":
			ok = signedBody && strings.Contains(signature, hmac) && proof.Origin == "signing_secret" && !strings.HasPrefix(path, "/dynamic/")
		case "ed25519":
			ok = signedBody && strings.Contains(signature, v1a) && proof.Origin == "path_token" && hasToken(path)
		case "rs256":
			ok = (strings.Contains(signature, jwt) || strings.Contains(signature, carried)) && proof.Origin == "path_token" && hasToken(path)
		}
		if !ok {
			t.Errorf("accepted on %q: id %q, timestamp %q, signature %q, body %q: %+v", path, id, timestamp, signature, sent, proof)
		}
	})
}

// hasToken says in its own way whether a path proves the origin.
func hasToken(path string) bool {
	segments := strings.SplitN(strings.TrimPrefix(path, "/"), "/", 3)
	if len(segments) < 2 {
		return false
	}
	first, err1 := url.PathUnescape(segments[0])
	second, err2 := url.PathUnescape(segments[1])
	return err1 == nil && err2 == nil && first == "dynamic" && second == token1
}

// FuzzJWT sends any token and body. What is accepted must be a genuine token,
// and the event what it carries.
func FuzzJWT(f *testing.F) {
	r := newDynamicRig(f)
	plain, carried := r.jwt(f).Get("webhook-signature"), r.jwt(f, verifytest.Carry(body)).Get("webhook-signature")
	part := strings.Split(plain, ".")
	for _, token := range []string{
		plain, carried, plain[:len(plain)-4], part[0] + "." + part[1] + ".", "e30.e30.e30", "..", "A.A.A",
		encodeJSON(map[string]any{"alg": "ES256", "kid": "key-1"}) + ".e30.AAAA",
		encodeJSON(map[string]any{"alg": "RS256", "kid": "key-1", "crit": []string{"b64"}, "b64": false}) + ".e30.AAAA",
		encodeJSON([]any{"alg"}) + "." + part[1] + "." + part[2],
	} {
		f.Add(token, body)
		f.Add(token, []byte(`{"type":1e999,"data":{"id":"batch_1"}}`))
		f.Add(token, []byte(nil))
	}
	h := verifytest.Headers("msg_1", seconds)
	f.Fuzz(func(t *testing.T, token string, sent []byte) {
		h := http.Header{"Webhook-Id": h["Webhook-Id"], "Webhook-Timestamp": h["Webhook-Timestamp"], "Webhook-Signature": {token}}
		proof, code := r.send(t, dynamicPath, h, sent)
		switch {
		case strings.HasPrefix(code, "no code"):
			t.Error(code)
		case code == "ok" && proof.Event == "" && strings.Contains(token, plain):
		case code == "ok" && proof.Event == string(body) && strings.Contains(token, carried):
		case code == "ok":
			t.Errorf("accepted %q with %q: %+v", token, sent, proof)
		}
	})
}
