package outcome

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzString compares with encoding/json, which decodes what we encode.
func FuzzString(f *testing.F) {
	for _, s := range []string{"", "plain", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "é\u2028\u2029😀\uFFFD", "\xff\xc3\xed\xa0\x80", "a\xffb"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		encoded := appendString(nil, s)
		var got string
		if err := json.Unmarshal(encoded, &got); err != nil {
			t.Fatalf("%s: %v", encoded, err)
		}
		clean := string([]rune(s))
		if got != clean {
			t.Errorf("%q became %q", s, got)
		}
		if n, size := fitting(s, len(encoded)); n != len(s) || size != len(encoded)-2 {
			t.Errorf("fitting(%q) = %d, %d; it takes %d", s, n, size, len(encoded)-2)
		}
		limit &= 0xff
		n, size := fitting(s, limit)
		cut := appendString(nil, s[:n])
		if len(cut)-2 != size || size > limit || !strings.HasPrefix(clean, string([]rune(s[:n]))) {
			t.Errorf("%q cut to %d: %s", s, limit, cut)
		}
		if n < len(s) && size+6 <= limit {
			t.Errorf("%q cut to %d bytes where %d are allowed", s, size, limit)
		}
	})
}

func TestAppendRaw(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"a": "\ud800é"}`: `{"a": "\ud800é"}`,
		"\"\xff\xff\xc3\"": "\"\uFFFD\uFFFD\uFFFD\"",
	} {
		if got := string(appendRaw([]byte("x"), []byte(in))); got != "x"+want {
			t.Errorf("appendRaw(%q) = %q, want %q", in, got, want)
		}
	}
}
