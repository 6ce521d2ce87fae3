package buildtest

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/event"
)

// exclusion is the pattern of URLs that the request log leaves out. That script and
// module have the same, TestDeployMatchesTheModule holds.
func exclusion(t *testing.T) *regexp.Regexp {
	t.Helper()
	_, rest, ok := strings.Cut(readFile(t, "terraform/logging.tf"), `httpRequest.requestUrl=~\"`)
	pattern, _, closed := strings.Cut(rest, `\"`)
	if !ok || !closed {
		t.Fatal("logging.tf has no pattern for URLs")
	}
	if strings.Contains(pattern, ",") {
		t.Error("gcloud takes the filter of an exclusion apart at commas")
	}
	return regexp.MustCompile(pattern) // RE2, as Cloud Logging's
}

// TestTheRequestLogLeavesOutTokensAlone: of what a log may have, it has the rest.
func TestTheRequestLogLeavesOutTokensAlone(t *testing.T) {
	t.Parallel()
	const token = "Tk-0123456789_abcdefghijklmnopqrstuvwxyz"
	const host = "https://gemini-webhook-for-the-search-team-123456789012.europe-west1.run.app"
	pattern := exclusion(t)
	for path, dropped := range map[string]bool{
		"/":                                false,
		"":                                 false,
		"/gemini":                          false,
		"/health":                          false,
		"/team%20a/x%2Fy":                  false,
		"/%":                               false,
		"/dynamic":                         false,
		"/dynamic/short/label":             false, // no token
		"/.env?x=%27%20or%201%3D1":         false,
		"/" + strings.Repeat("a/", 100):    false,
		"/wp-admin/%2e%2e/%2e%2e/passwd":   false,
		"/" + strings.Repeat("%D0%BA", 40): false,

		"/dynamic/" + token:                                       true,
		"/dynamic/" + token + "/label":                            true,
		"/DYNAMIC/" + token:                                       true,
		"/%64ynamic/" + token:                                     true,
		"/dynamic%2F" + token:                                     true,
		"//dynamic//" + token:                                     true,
		"/" + token:                                               true,
		"/prefix/dynamic/" + token + ".json":                      true,
		"/gemini?token=" + token:                                  true,
		"/dynamic/%54k%2D" + token[3:]:                            true,
		"/dynamic/%2554k%252d" + token[3:]:                        true,
		"/dynamic/" + encodeAll(token):                            true,
		"/dynamic/" + encodeAll(encodeAll(token)):                 true,
		"/dynamic/" + encodeAll(encodeAll(encodeAll(token[:32]))): true,
	} {
		if got := pattern.MatchString(host + path); got != dropped {
			t.Errorf("%s: left out is %v, want %v", path, got, dropped)
		}
		// What our own lines redact is in no other log either.
		if escaped, err := url.Parse(host + path); err == nil && event.LoggedPath(escaped.EscapedPath()) != escaped.EscapedPath() {
			if !dropped && strings.Contains(event.LoggedPath(escaped.EscapedPath()), "REDACTED") {
				t.Errorf("%s is redacted in our lines, and in the request log", path)
			}
		}
	}
}

// encodeAll encodes every byte.
func encodeAll(s string) string {
	const hex = "0123456789abcdef"
	var out strings.Builder
	for i := range len(s) {
		out.WriteByte('%')
		out.WriteByte(hex[s[i]>>4])
		out.WriteByte(hex[s[i]&15])
	}
	return out.String()
}
