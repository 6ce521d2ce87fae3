package results

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTooLong(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		prefix, key string
		found       bool
	}{
		"key first":               {`{"key":"a","response":{"cand`, "a", true},
		"white space":             {` { "key" : "a" , "response" `, "a", true},
		"key behind the request":  {`{"request":{"key":"no"},"key":"a","resp`, "a", true},
		"key inside the response": {`{"response":{"key":"no","x":"`, "", false},
		"key in a text":           {`{"x":"\"key\":\"no\",","y`, "", false},
		"key cut off":             {`{"key":"a`, "", false},
		"number cut off":          {`{"key":12`, "", false},
		"number":                  {`{"key":12,`, "12", true},
		"number and space":        {`{"key":12 `, "", false},
		"null":                    {`{"key":null,`, "", false},
		"the last counts":         {`{"key":"a","key":"b","x":`, "b", true},
		"the last is null":        {`{"key":"a","key":null,"x":`, "", false},
		"escaped":                 {`{"k\u0065y":"\u0061","x`, "a", true},
		"not UTF-8":               {"{\"key\":\"a\xff\xfe\",\"x\":\"\xc3", "a\uFFFD", true},
		"list":                    {`[{"key":"a",`, "", false},
		"two objects":             {`{"key":"a"} {"key":"b"}`, "", false},
		"whole":                   {`{"key":"a"}` + "  ", "a", true},
		"no colon":                {`{"key" "a",`, "", false},
		"words":                   {`{key:"a",`, "", false},
		"nothing":                 {``, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := invalid(CodeLineTooLong)
			want.Key, want.HasKey = tc.key, tc.found
			if diff := cmp.Diff(want, TooLong([]byte(tc.prefix))); diff != "" {
				t.Errorf("TooLong(%s) (-want +got):\n%s", tc.prefix, diff)
			}
		})
	}
}
