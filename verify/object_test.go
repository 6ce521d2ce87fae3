package verify

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// encoding/json is the second opinion.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { } `, `{"a":1}`, `{"a":1,"a":2}`, `{ "a" : [1, {"b": "}"}] , "c" :null}`, `{"\u0061":"\"","b\\":"\\"}`,
		`{"a":-1.5e3}`, `{"a":true}`, `{"a":{}}x`, `[{"a":1}]`, `null`, ``, `{`, `{"a"}`, `{"a":"é\ud800"}`, "{\"a\":\"\xff\",\"\xff\":1}", `{"":""}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := parseObject(text)
		var want map[string]json.RawMessage
		if wanted := json.Unmarshal(text, &want) == nil && want != nil; ok != wanted {
			t.Fatalf("an object: %t, want %t", ok, wanted)
		}
		for name, value := range want {
			if strings.ContainsRune(name, utf8.RuneError) {
				continue // a name that is not UTF-8 is none that we look for
			}
			raw, ok := got.get(name)
			if !ok {
				t.Fatalf("%q is missing", name)
			}
			if diff := cmp.Diff(string(value), string(raw)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", name, diff)
			}
			var s string
			if value[0] == '"' {
				_ = json.Unmarshal(value, &s)
			}
			if got := got.text(name); got != s {
				t.Errorf("text of %q: %q, want %q", name, got, s)
			}
		}
	})
}
