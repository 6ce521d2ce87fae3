package secret_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/secret"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"projects/p/secrets/s":                               true,
		"projects/123456789/secrets/Signing_secret-1":        true,
		"projects/example.com:p-1/secrets/s":                 true,
		"projects/p/secrets/" + strings.Repeat("s", 255):     true,
		"projects/p/secrets/" + strings.Repeat("s", 256):     false,
		"projects/" + strings.Repeat("p", 63) + "/secrets/s": true,
		"projects/" + strings.Repeat("p", 64) + "/secrets/s": false,
		"":                                false,
		"s":                               false,
		"p/s":                             false,
		"projects/p/secrets/s/versions/1": false,
		"projects/p/secrets/s/":           false,
		"/projects/p/secrets/s":           false,
		"projects//secrets/s":             false,
		"projects/p/secrets/":             false,
		"projects/P/secrets/s":            false,
		"projects/p/secrets/s s":          false,
		"projects/p/secrets/s\n":          false,
		"projects/p/secret/s":             false,
		"projects/p/topics/s":             false,
		"projects/p:/secrets/s":           false,
		"projects/-p/secrets/s":           false,
		"//secretmanager.googleapis.com/projects/p/secrets/s": false,
		"projects/p/locations/europe-west1/secrets/s":         false,
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw":              false,
		"projects/p/secrets/s,projects/p/secrets/t":           false,
		"projects/p/secrets/" + "é":                           false,
		" projects/p/secrets/s":                               false,
	} {
		got, err := secret.ParseName(text)
		if ok := err == nil && string(got) == text; ok != want || !want && (got != "" || !errors.Is(err, secret.ErrName)) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
		if err != nil && text != "" && text != "s" && strings.Contains(err.Error(), text) {
			t.Errorf("the error holds the text: %v", err)
		}
		var flag secret.Name
		if err := flag.UnmarshalText([]byte(text)); (err == nil) != (want || text == "") || flag != got {
			t.Errorf("%q as a flag: %q, %v", text, flag, err)
		}
	}
}

func TestParseVersionName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"projects/p/secrets/s/versions/1":                   true,
		"projects/p/secrets/s/versions/999999999999999999":  true,
		"projects/p/secrets/s/versions/1000000000000000000": false,
		"projects/p/secrets/s/versions/0":                   false,
		"projects/p/secrets/s/versions/01":                  false,
		"projects/p/secrets/s/versions/latest":              false,
		"projects/p/secrets/s/versions/":                    false,
		"projects/p/secrets/s":                              false,
		"projects/p/secrets//versions/1":                    false,
		"":                                                  false,
	} {
		got, err := secret.ParseVersionName(text)
		if ok := err == nil && got.String() == text && got == got.Secret.Version(got.Number); ok != want || !want && !errors.Is(err, secret.ErrVersionName) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// Google names a project by its number where we name it by its id.
func TestNamesOfOneSecret(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		a, b secret.Name
		want bool
	}{
		{"projects/p/secrets/s", "projects/p/secrets/s", true},
		{"projects/p/secrets/s", "projects/123/secrets/s", true},
		{"projects/123/secrets/s", "projects/p/secrets/s", true},
		{"projects/p/secrets/s", "projects/q/secrets/s", false},
		{"projects/p/secrets/s", "projects/123/secrets/t", false},
		{"projects/123/secrets/s", "projects/456/secrets/s", true}, // Secret Manager is asked
	} {
		if got := tc.a.MayBe(tc.b); got != tc.want {
			t.Errorf("%q and %q: %v, want %v", tc.a, tc.b, got, tc.want)
		}
	}
}

func ExampleParseName() {
	name, err := secret.ParseName("projects/my-project/secrets/signing")
	fmt.Println(name.Project(), name.ID(), name.Version(3), err)
	_, err = secret.ParseName("projects/my-project/secrets/signing/versions/3")
	fmt.Println("SIGNING_SECRETS:", err)
	// Output:
	// my-project signing projects/my-project/secrets/signing/versions/3 <nil>
	// SIGNING_SECRETS: must have the form projects/PROJECT/secrets/SECRET, without a version
}
