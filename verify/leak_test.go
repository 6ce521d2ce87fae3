package verify_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/verify/verifytest"
)

// holdsToken looks for the tokens of these tests in any percent-encoding, and
// for parts of them that would help to guess the rest.
func holdsToken(text string) bool {
	for range 10 {
		for _, token := range []string{token1, token2} {
			if strings.Contains(strings.ToLower(text), strings.ToLower(token[:12])) {
				return true
			}
		}
		decoded, err := url.QueryUnescape(text)
		if err != nil || decoded == text {
			return false
		}
		text = decoded
	}
	return false
}

// An operator can configure audience and issuer from one refused delivery, if
// it was Google's; of what strangers send nothing is repeated.
func TestDynamicErrorNamesClaims(t *testing.T) {
	t.Parallel()
	claim := verifytest.Claim
	other, err := verifytest.NewIssuer()
	must(t, err)
	many := func(option verifytest.Option) []verifytest.Option {
		return []verifytest.Option{claim("iss", "the-issuer"), option}
	}
	tests := map[string]struct {
		options []verifytest.Option
		code    string
		want    []string
	}{
		"audience":            {many(claim("aud", "projects/1")), "audience_mismatch", []string{`aud is "projects/1"`, `iss is "the-issuer"`}},
		"a list":              {many(claim("aud", []string{"a", "b"})), "audience_mismatch", []string{`aud is "a b"`}},
		"no audience":         {many(verifytest.NoClaim("aud")), "audience_mismatch", []string{"aud is none"}},
		"no issuer":           {[]verifytest.Option{claim("aud", "x"), verifytest.NoClaim("iss")}, "audience_mismatch", []string{"iss is none"}},
		"issuer":              {many(claim("aud", "us")), "issuer_mismatch", []string{`aud is "us"`, `iss is "the-issuer"`}},
		"expired":             {many(claim("exp", 1)), "token_expired", []string{`iss is "the-issuer"`}},
		"not yet":             {many(claim("nbf", 9e11)), "token_not_yet_valid", []string{`iss is "the-issuer"`}},
		"no exp":              {many(verifytest.NoClaim("exp")), "bad_token", []string{`iss is "the-issuer"`}},
		"control characters":  {many(claim("aud", "a\n\x1b[31m\"é")), "audience_mismatch", []string{`aud is "a\n\x1b[31m\"\u00e9"`}},
		"long":                {many(claim("aud", strings.Repeat("x", 5000))), "audience_mismatch", []string{`aud is "` + strings.Repeat("x", 200) + `"`}},
		"a number":            {many(claim("aud", 12)), "audience_mismatch", []string{"aud is of another type"}},
		"our URL":             {many(claim("aud", "https://r.example/dynamic/"+token1+"/x")), "audience_mismatch", []string{`aud is "https://r.example/dynamic/REDACTED"`}},
		"our other URL":       {many(claim("aud", "https://r.example/DYNAMIC/"+token2)), "audience_mismatch", []string{`aud is "https://r.example/DYNAMIC/REDACTED"`}},
		"our URL, encoded":    {many(claim("aud", "https%3A//r.example/%2564ynamic/%2554"+token1[1:])), "audience_mismatch", []string{`/dynamic/REDACTED"`}},
		"encoded ten times":   {many(claim("aud", "%"+strings.Repeat("25", 10)+"54"+token1[1:])), "audience_mismatch", []string{`aud is "REDACTED"`}},
		"our token":           {many(claim("aud", "x "+token1)), "audience_mismatch", []string{`aud is "REDACTED"`}},
		"our URL in a list":   {many(claim("aud", []string{"a", "https://r.example/dynamic/" + token1})), "audience_mismatch", []string{`dynamic/REDACTED"`}},
		"our URL, as escapes": {many(claim("aud", json.RawMessage(`["\u0064ynamic\/\u0054`+token1[1:]+`"]`))), "audience_mismatch", []string{`aud is "dynamic/REDACTED"`}},
		"our URL as issuer":   {[]verifytest.Option{claim("iss", "https://r.example/dynamic/"+token1)}, "audience_mismatch", []string{`iss is "https://r.example/dynamic/REDACTED"`}},
	}
	r := newDynamicRig(t, audiences("us"), issuers("them"))
	refused := func(t *testing.T, token string) error {
		t.Helper()
		h := parsed(t, verifytest.Headers("msg_1", seconds, token))
		_, err := r.all.Verify(t.Context(), dynamicPath, h, body)
		if err == nil {
			t.Fatal("it is accepted")
		}
		if holdsToken(err.Error()) {
			t.Errorf("the error holds the path token: %v", err)
		}
		return err
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, err := r.issuer.Token(verifytest.Claims(start), tc.options...)
			must(t, err)
			err = refused(t, token)
			if got := outcome(err); got != tc.code {
				t.Errorf("got %s, want %s", got, tc.code)
			}
			for _, text := range tc.want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%q lacks %q", err, text)
				}
			}
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			forged, forgeErr := other.Token(verifytest.Claims(start), tc.options...)
			if forgeErr != nil {
				t.Fatal(forgeErr)
			}
			if err := refused(t, forged); strings.Contains(err.Error(), "issuer") || strings.Contains(err.Error(), "aud") {
				t.Errorf("what a stranger sent is repeated: %v", err)
			}
		})
	}
}

// No error says anything of the path, the signature or the body.
func TestDynamicErrorsHoldNothing(t *testing.T) {
	t.Parallel()
	r := newDynamicRig(t)
	const marker = "MARKERmarker0123456789MARKERmarker0123456789"
	for _, path := range []string{"/dynamic/" + token2, "/dynamic/" + marker, "/" + marker, dynamicPath, "/dynamic/" + token1 + "/" + marker, "/dynamic/%zz" + token1} {
		for _, entry := range []string{
			"v1a," + marker, "v1a," + strings.Repeat(marker, 2)[:86] + "==", "v1," + marker, marker + "." + marker + "." + marker,
			encodeJSON(map[string]any{"alg": marker, "kid": marker}) + ".e30." + marker,
			encodeJSON(map[string]any{"alg": "RS256", "kid": marker}) + ".e30." + marker,
		} {
			h := parsed(t, verifytest.Headers("msg_1", seconds, entry))
			for _, late := range []time.Duration{0, time.Hour} {
				r.Add(late)
				_, err := r.all.Verify(t.Context(), path, h, []byte(`{"type":"`+marker+`"}`))
				if err == nil || strings.Contains(err.Error(), marker[:6]) || holdsToken(err.Error()) {
					t.Errorf("got %v", err)
				}
				r.Add(-late)
			}
		}
	}
}
