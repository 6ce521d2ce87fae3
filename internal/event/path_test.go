package event

import (
	"net/url"
	"strings"
	"testing"
)

const token = "Tk-0123456789_abcdefghijklmnopqrstuvwxyz"

func TestPublicPath(t *testing.T) {
	t.Parallel()
	tests := []struct{ path, want string }{
		// As sent.
		{"/", "/"},
		{"", ""},
		{"/gemini", "/gemini"},
		{"/team%20a/x/", "/team%20a/x/"},
		{"/dynamics/x/y", "/dynamics/x/y"},
		{"/hooks/dynamic/x", "/hooks/dynamic/x"},
		{"/hooks//x", "/hooks//x"},
		{"/a%2Fb", "/a%2Fb"},
		{"/%", "/%"},
		{"/%zz%2", "/%zz%2"},
		// Without the second segment.
		{"/dynamic", "/dynamic"},
		{"/dynamic/", "/dynamic"},
		{"/dynamic/" + token, "/dynamic"},
		{"/dynamic/" + token + "/", "/dynamic/"},
		{"/dynamic/" + token + "/label", "/dynamic/label"},
		{"/dynamic/" + token + "/label/more%20of%20it/", "/dynamic/label/more%20of%20it/"},
		{"/dynamic/t/t", "/dynamic/t"},
		{"dynamic/" + token + "/label", "dynamic/label"},
		{"/DYNAMIC/" + token + "/label", "/DYNAMIC/label"},
		{"/%64ynamic/" + token + "/label", "/%64ynamic/label"},
		{"/%64%59%6E%61%6d%69%63/" + token + "/label", "/%64%59%6E%61%6d%69%63/label"},
		{"/%2564ynamic/" + token + "/label", "/%2564ynamic/label"},
		{"/%25%36%34ynamic/" + token + "/label", "/%25%36%34ynamic/label"},
		{"/dynamic;v=1/" + token + "/label", "/dynamic;v=1/label"},
		{"/dynamic%00/" + token + "/label", "/dynamic%00/label"},
		{"/dynamic%20/" + token, "/dynamic%20"},
		{"/dynamic/%54k" + token[2:] + "/label", "/dynamic/label"},
		{"/gemini?dynamic/" + token, "/gemini"},
		{"/dynamic/" + token + "?" + token, "/dynamic"},
		// In doubt.
		{"//dynamic//" + token + "//label", "/dynamic"},
		{"//dynamic/" + token, "/dynamic"},
		{"/dynamic//" + token, "/dynamic"},
		{"/./dynamic/" + token, "/dynamic"},
		{"/dynamic/./" + token, "/dynamic"},
		{"/dynamic/../" + token, "/dynamic"},
		{"/x/../dynamic/" + token, "/dynamic"},
		{"/x/%2e%2e/dynamic/" + token, "/dynamic"},
		{"/x/%252e./dynamic/" + token, "/dynamic"},
		{"/dynamic%2F" + token, "/dynamic"},
		{"/dynamic%2f" + token + "/label", "/dynamic"},
		{"/dynamic%252F" + token, "/dynamic"},
		{"/dynamic%25%32%46" + token, "/dynamic"},
		{"/dynamic%2Fx/" + token, "/dynamic"},
		{"%2Fdynamic/" + token, "/dynamic"},
		{"/dynamic\\" + token, "/dynamic"},
		{"/dynamic%5C" + token, "/dynamic"},
		{"/dynamic/" + token + "/" + token, "/dynamic"},
		{"/dynamic/" + token + "/x" + strings.ReplaceAll(token, "T", "%54"), "/dynamic"},
	}
	for _, tc := range tests {
		if got := PublicPath(tc.path); got != tc.want {
			t.Errorf("PublicPath(%q) = %q, want %q", tc.path, got, tc.want)
		}
	}
}

// TestLoggedPath: what has the form of a token is left out wherever it stands.
func TestLoggedPath(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ab-_09", 6)[:33]
	tests := []struct{ path, want string }{
		// As published.
		{"/", "/"},
		{"", ""},
		{"/gemini", "/gemini"},
		{"/team%20a/x/", "/team%20a/x/"},
		{"/dynamic/" + token + "/label", "/dynamic/label"},
		{"//dynamic//" + token, "/dynamic"},
		{"/" + long[:31] + "/" + long[:31], "/" + long[:31] + "/" + long[:31]},
		{"/%D0%BA%D0%BE%D0%BC%D0%B0%D0%BD%D0%B4%D0%B0%D0%BA%D0%BE%D0%BC%D0%B0%D0%BD%D0%B4%D0%B0/x", "/%D0%BA%D0%BE%D0%BC%D0%B0%D0%BD%D0%B4%D0%B0%D0%BA%D0%BE%D0%BC%D0%B0%D0%BD%D0%B4%D0%B0/x"},
		// Where it does not belong.
		{"/" + long[:32], "/REDACTED"},
		{"/" + token, "/REDACTED"},
		{token, "REDACTED"},
		{"/dynamics/" + token + "/label", "/dynamics/REDACTED/label"},
		{"/prefix/dynamic/" + token + "/label", "/prefix/dynamic/REDACTED/label"},
		{"/hook/" + token + "/" + token + "/x", "/hook/REDACTED/REDACTED/x"},
		{"/dynamic/" + token + "/x" + token, "/dynamic"},
		{"/dynamic/" + token + "/another" + long, "/dynamic/REDACTED"},
		{"/hook/" + token + ".json", "/hook/REDACTED.json"},
		{"/hook/" + token + ";v=1", "/hook/REDACTED;v=1"},
		{"/hook/v=" + token, "/hook/v=REDACTED"},
		{"/hook%2F" + token + "%2Fx", "/hook%2FREDACTED%2Fx"},
		{"/hook/%54k%2D" + token[3:] + "/x", "/hook/REDACTED/x"},
		{"/hook/%2554k%25252D" + token[3:] + "/x", "/hook/REDACTED/x"},
		{"/hook/" + strings.Repeat("%61", 32), "/hook/REDACTED"},
		{"/hook/" + strings.Repeat("x", 500), "/hook/REDACTED"},
	}
	for _, tc := range tests {
		if got := LoggedPath(tc.path); got != tc.want {
			t.Errorf("LoggedPath(%q) = %q, want %q", tc.path, got, tc.want)
		}
	}
}

// FuzzLoggedPath puts a token anywhere and looks for it in the result, decoded any
// number of times.
func FuzzLoggedPath(f *testing.F) {
	f.Add("/", "/label")
	f.Add("/x/%", "%2F")
	f.Add("/x/%25%32", "=1")
	f.Add("/dynamic/x/", "")
	f.Fuzz(func(t *testing.T, before, after string) {
		got := LoggedPath(before + token + after)
		for decoded := got; ; {
			if strings.Contains(decoded, token) {
				t.Fatalf("LoggedPath(%q) = %q shows the token", before+token+after, got)
			}
			next, err := url.PathUnescape(decoded)
			if err != nil || next == decoded {
				return
			}
			decoded = next
		}
	})
}

// TestPublicPathLong guards against decoding that takes quadratic time.
func TestPublicPathLong(t *testing.T) {
	t.Parallel()
	long := "/%" + strings.Repeat("25", 1<<19) + "64ynamic/"
	if got := PublicPath(long + token); strings.Contains(got, token) {
		t.Error("the token shows")
	}
}

// FuzzPublicPath puts a token behind a first segment that some parser may read as
// "dynamic" and looks for it in the result.
func FuzzPublicPath(f *testing.F) {
	f.Add("/dynamic/", "/label")
	f.Add("//%64YNAMIC//", "")
	f.Add("/x/../dynamic/.%2f", "?a")
	f.Add("/dynamic%252F", "%2F")
	f.Add("/dynamic\\", "#")
	f.Add("/%25%32%35%36%34ynamic/", "/")
	f.Fuzz(func(t *testing.T, before, after string) {
		path := before + token + after
		got := PublicPath(path)
		if !readsDynamic(before) {
			return
		}
		for decoded := got; ; {
			if strings.Contains(decoded, token) {
				t.Fatalf("PublicPath(%q) = %q shows the token", path, got)
			}
			next, err := url.PathUnescape(decoded)
			if err != nil || next == decoded {
				return
			}
			decoded = next
		}
	})
}

// readsDynamic reports whether in some reading, decoded any number of times and
// with or without empty segments, what comes before the token is "dynamic" alone.
// It shares nothing with the code under test.
func readsDynamic(before string) bool {
	for {
		trimmed := strings.ToLower(strings.ReplaceAll(before, "\\", "/"))
		if strings.HasSuffix(trimmed, "/") && strings.Trim(trimmed, "/") == "dynamic" {
			return true
		}
		next, err := url.PathUnescape(before)
		if err != nil || next == before {
			return false
		}
		before = next
	}
}
