package results

import "testing"

func TestPrefixIDs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		prefix, key string
		found       bool
	}{
		"key first":               {`{"key":"a","response":{"cand`, "a", true},
		"white space":             {` { "key" : "a" , "response" `, "a", true},
		"key behind the request":  {`{"request":{"key":"no"},"key":"a","resp`, "a", true},
		"custom id":               {`{"custom_id":"a","resp`, "a", true},
		"key of the metadata":     {`{"metadata":{"key":"a"},"resp`, "a", true},
		"key inside the response": {`{"response":{"key":"no","x":"`, "", false},
		"key in a text":           {`{"x":"\"key\":\"no\",","y`, "", false},
		"key cut off":             {`{"key":"a`, "", false},
		"at the end":              {`{"key":"a"`, "a", true},
		"number cut off":          {`{"key":12`, "", false},
		"number":                  {`{"key":12,`, "12", true},
		"number and space":        {`{"key":12 `, "", false},
		"null":                    {`{"key":null,`, "", false},
		"the last counts":         {`{"key":"a","key":"b","x":`, "b", true},
		"the last is null":        {`{"key":"a","key":null,"x":`, "", false},
		"escaped":                 {`{"k\u0065y":"\u0061","x`, "a", true},
		"list":                    {`[{"key":"a",`, "", false},
		"two objects":             {`{"key":"a"} {"key":"b"}`, "", false},
		"whole":                   {`{"key":"a"}` + "  ", "a", true},
		"no colon":                {`{"key" "a",`, "", false},
		"words":                   {`{key:"a",`, "", false},
		"nothing":                 {``, "", false},
	} {
		if line := prefixIDs([]byte(tc.prefix)).keyed(Line{}); line.Key != tc.key || line.HasKey != tc.found {
			t.Errorf("%s: %s has key %q, %v", name, tc.prefix, line.Key, line.HasKey)
		}
	}
}
