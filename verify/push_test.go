package verify_test

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

const (
	audience = "https://receiver.example/tasks/process"
	account  = "push@p.iam.gserviceaccount.com"
)

// newPush checks the tokens of an issuer, by its JWKS.
func newPush(t testing.TB) (*verifytest.Issuer, *verify.PushTokens) {
	t.Helper()
	issuer := newEd25519Issuer(t)
	keys := newKeySet(serve(t, issuer), newClock().Now)
	return issuer, &verify.PushTokens{Keys: keys, Audience: audience, ServiceAccount: account, Now: newClock().Now}
}

func TestPushTokens(t *testing.T) {
	t.Parallel()
	issuer, push := newPush(t)
	other, err := verifytest.NewIssuer() // same kid, another key
	must(t, err)
	claim := verifytest.Claim
	at := func(d time.Duration) int64 { return start.Add(d).Unix() }
	tests := map[string]tokenCase{
		"issuer without scheme":     {claim("iss", "accounts.google.com"), "ok"},
		"another issuer":            {claim("iss", "https://accounts.google.com.evil.example"), "issuer_mismatch"},
		"issuer with slash":         {claim("iss", "https://accounts.google.com/"), "issuer_mismatch"},
		"issuer http":               {claim("iss", "http://accounts.google.com"), "issuer_mismatch"},
		"issuer a list":             {claim("iss", []string{"https://accounts.google.com"}), "issuer_mismatch"},
		"no issuer":                 {verifytest.NoClaim("iss"), "issuer_mismatch"},
		"another audience":          {claim("aud", "https://other.example"), "audience_mismatch"},
		"audience and more":         {claim("aud", audience+"/"), "audience_mismatch"},
		"a list of the audience":    {claim("aud", []string{audience}), "ok"},
		"a list with the audience":  {claim("aud", []string{audience, "https://other.example"}), "audience_mismatch"},
		"a list of something":       {claim("aud", []any{audience, 1}), "audience_mismatch"},
		"no audience":               {verifytest.NoClaim("aud"), "audience_mismatch"},
		"another account":           {claim("email", "other@p.iam.gserviceaccount.com"), "bad_token"},
		"account in capitals":       {claim("email", strings.ToUpper(account)), "bad_token"},
		"no account":                {verifytest.NoClaim("email"), "bad_token"},
		"e-mail not verified":       {claim("email_verified", false), "bad_token"},
		"e-mail verified as text":   {claim("email_verified", "true"), "bad_token"},
		"e-mail verified as number": {claim("email_verified", 1), "bad_token"},
		"no e-mail verified":        {verifytest.NoClaim("email_verified"), "bad_token"},
		"expired within leeway":     {claim("exp", at(-29*time.Second)), "ok"},
		"expired":                   {claim("exp", at(-30*time.Second)), "token_expired"},
		"exp with fraction":         {claim("exp", float64(at(0))+0.5), "ok"},
		"issued within leeway":      {claim("iat", at(30*time.Second)), "ok"},
		"issued in the future":      {claim("iat", at(31*time.Second)), "token_not_yet_valid"},
		"not before, within leeway": {claim("nbf", at(30*time.Second)), "ok"},
		"not before":                {claim("nbf", at(31*time.Second)), "token_not_yet_valid"},
	}
	maps.Copy(tests, tokenCases())
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, err := issuer.Push(audience, account, start, tc.option)
			must(t, err)
			if got := outcome(push.Verify(t.Context(), []string{"Bearer " + token})); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}

	genuine, err := issuer.Push(audience, account, start)
	must(t, err)
	foreign, err := other.Push(audience, account, start)
	must(t, err)
	part := strings.Split(genuine, ".")
	foreignPart := strings.Split(foreign, ".")
	values := map[string]struct {
		values []string
		want   string
	}{
		"genuine":              {[]string{"Bearer " + genuine}, "ok"},
		"scheme in any case":   {[]string{"bEaReR " + genuine}, "ok"},
		"absent":               {nil, "bad_token"},
		"repeated":             {[]string{"Bearer " + genuine, "Bearer " + genuine}, "bad_token"},
		"empty":                {[]string{""}, "bad_token"},
		"no scheme":            {[]string{genuine}, "bad_token"},
		"Basic":                {[]string{"Basic " + genuine}, "bad_token"},
		"no token":             {[]string{"Bearer "}, "bad_token"},
		"two tokens":           {[]string{"Bearer " + genuine + " " + genuine}, "bad_token"},
		"a comma after":        {[]string{"Bearer " + genuine + ","}, "bad_token"},
		"over 8 KiB":           {[]string{"Bearer " + genuine + strings.Repeat("A", 8<<10)}, "bad_token"},
		"two parts":            {[]string{"Bearer " + part[0] + "." + part[1]}, "bad_token"},
		"four parts":           {[]string{"Bearer " + genuine + ".AAAA"}, "bad_token"},
		"a line break":         {[]string{"Bearer " + part[0] + "." + part[1] + "\n." + part[2]}, "bad_token"},
		"no signature":         {[]string{"Bearer " + part[0] + "." + part[1] + "."}, "signature_mismatch"},
		"another signature":    {[]string{"Bearer " + part[0] + "." + part[1] + "." + foreignPart[2]}, "signature_mismatch"},
		"another key, our kid": {[]string{"Bearer " + foreign}, "signature_mismatch"},
		"claims changed":       {[]string{"Bearer " + part[0] + "." + encodeJSON(map[string]any{"email": account}) + "." + part[2]}, "signature_mismatch"},
		"header no JSON":       {[]string{"Bearer AAAA." + part[1] + "." + part[2]}, "bad_token"},
		"header null":          {[]string{"Bearer " + base64.RawURLEncoding.EncodeToString([]byte("null")) + "." + part[1] + "." + part[2]}, "bad_token"},
		"alg twice":            {[]string{"Bearer " + base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","alg":"RS256","kid":"key-1"}`)) + "." + part[1] + "."}, "signature_mismatch"},
		"HMAC by public key":   {[]string{"Bearer " + confused(t, issuer, part[1])}, "algorithm_not_allowed"},
		"ES256, 3 bytes": {[]string{"Bearer " + encodeJSON(map[string]any{"alg": "ES256", "kid": "key-1"}) + "." + part[1] + ".AAAA"},
			"algorithm_not_allowed"},
	}
	for name, tc := range values {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(push.Verify(t.Context(), tc.values)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// publicRSA is the issuer's RSA key, as its JWKS shows it.
func publicRSA(t *testing.T, issuer *verifytest.Issuer) *rsa.PublicKey {
	t.Helper()
	keys, err := newKeySet(serve(t, issuer), newClock().Now).Keys(t.Context(), false)
	must(t, err)
	for _, k := range keys {
		if public, ok := k.Public.(*rsa.PublicKey); ok {
			return public
		}
	}
	t.Fatal("there is none")
	return nil
}

func encodeJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// confused is the classic forgery: HS256 with the public key as the secret.
func confused(t *testing.T, issuer *verifytest.Issuer, claims string) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(publicRSA(t, issuer))
	must(t, err)
	text := encodeJSON(map[string]any{"alg": "HS256", "kid": "key-1"}) + "." + claims
	mac := hmac.New(sha256.New, der)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// A receiver whose account or audience is empty accepts nobody, not even a
// token whose own is empty.
func TestPushTokensUnconfigured(t *testing.T) {
	t.Parallel()
	issuer, push := newPush(t)
	for _, tc := range []struct {
		audience, account, want string
		sends                   any // as aud
	}{
		{"", account, "audience_mismatch", ""},
		{"", account, "audience_mismatch", []string{""}}, // what an empty setting equals
		{"", account, "audience_mismatch", []string{}},
		{"", account, "audience_mismatch", nil},
		{audience, "", "bad_token", audience},
	} {
		token, err := issuer.Push(tc.audience, tc.account, start, verifytest.Claim("aud", tc.sends))
		must(t, err)
		push.Audience, push.ServiceAccount = tc.audience, tc.account
		if got := outcome(push.Verify(t.Context(), []string{"Bearer " + token})); got != tc.want {
			t.Errorf("audience %q, account %q, aud %q: got %s, want %s", tc.audience, tc.account, tc.sends, got, tc.want)
		}
	}
}

func TestPushTokensUnavailable(t *testing.T) {
	t.Parallel()
	issuer, push := newPush(t)
	issuer.Fail(500)
	token, err := issuer.Push(audience, account, start)
	must(t, err)
	if got := outcome(push.Verify(t.Context(), []string{"Bearer " + token})); got != "unavailable" {
		t.Errorf("got %s", got)
	}
}

func FuzzPushToken(f *testing.F) {
	issuer, push := newPush(f)
	genuine, err := issuer.Push(audience, account, start)
	must(f, err)
	f.Add("Bearer " + genuine)
	f.Add("Bearer " + genuine[:len(genuine)-3])
	f.Add("Bearer e30.e30.e30")
	f.Add("Bearer " + encodeJSON(map[string]any{"alg": "ES256", "kid": "key-1"}) + ".e30.AAAA")
	f.Add("Bearer " + encodeJSON(map[string]any{"alg": "RS256", "kid": "key-1", "crit": []string{"b64"}, "b64": false}) + ".e30.AAAA")
	f.Add("bearer ..")
	f.Fuzz(func(t *testing.T, value string) {
		err := push.Verify(t.Context(), []string{value})
		if verify.Code(err) == "" && err != nil {
			t.Errorf("an error without a code: %v", err)
		}
		// The signature's text may differ in bits that its bytes do not hold.
		signed := genuine[:strings.LastIndex(genuine, ".")+1]
		if err == nil && !strings.Contains(value, signed) {
			t.Errorf("accepted what was not issued: %q", value)
		}
	})
}
