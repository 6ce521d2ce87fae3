package verify_test

import (
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"

	"example.com/gemini-webhook/verify"
)

// Project Wycheproof's vectors for JSON Web Signature: those of RS256 are
// accepted and refused as they say, and no other algorithm is accepted. They
// sign texts that are no claims, so this tests the signature alone.
func TestWycheproof(t *testing.T) {
	t.Parallel()
	text, err := fs.ReadFile(wycheproof.TestVectors, "json_web_signature_test.json")
	must(t, err)
	var file struct {
		TestGroups []struct {
			Comment         string
			Public, Private json.RawMessage
			Tests           []struct {
				TcID    int
				Comment string
				JWS     any // some are no text
				Result  string
			}
		}
	}
	must(t, json.Unmarshal(text, &file))
	accepted, refused := 0, 0
	for _, group := range file.TestGroups {
		var k struct{ Kty, Alg string }
		if err := json.Unmarshal(group.Public, &k); group.Public != nil && err != nil {
			t.Fatal(err)
		}
		keys := newKeySet(serveKeys(t, group.Public), newClock().Now) // of a secret key, no usable one
		for _, test := range group.Tests {
			token, isText := test.JWS.(string)
			if !isText {
				continue
			}
			_, err := verify.SignedPayload(t.Context(), keys, token, true)
			want := test.Result == "valid" && k.Kty == "RSA" && k.Alg == "RS256"
			if got := err == nil; got != want {
				t.Errorf("%s, %d %s (%s): accepted %t, want %t: %v", group.Comment, test.TcID, test.Comment, test.Result, got, want, err)
			}
			if err == nil {
				accepted++
			} else if refused++; verify.Code(err) == "" {
				t.Errorf("%d: an error without a code: %v", test.TcID, err)
			}
		}
	}
	if accepted != 8 || refused != 393 {
		t.Errorf("%d are accepted and %d refused, want 8 and 393: has the file changed?", accepted, refused)
	}
}
