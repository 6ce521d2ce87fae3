package lenientjson

import (
	"encoding/json"
	"fmt"
	"testing"
)

func ExampleValue_Pick() {
	v := Of([]byte(`{"id": 17, "name": "a", "Name": "b", "tags": ["x", "y"], "name": "c"}`))
	var id, name, absent Value
	v.Pick(To("id", &id), To("name", &name), To("size", &absent))
	fmt.Println(id.StrOrNumber(), name.Str(), v.Get("tags").First().Str(), absent.Present())
	// Output: 17 c x false
}

// What the words for text mean, for each type of value.
func TestTexts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value, str, orNumber, scalar, text string
		isScalar                           bool
	}{
		{`"a\nb"`, "a\nb", "a\nb", "a\nb", "a\nb", true},
		{`""`, "", "", "", "", true},
		{`-1.50`, "", "-1.50", "-1.50", "-1.50", true},
		{`true`, "", "", "true", "true", true},
		{`false`, "", "", "false", "false", true},
		{`null`, "", "", "", "null", false},
		{`["a"]`, "", "", "", `["a"]`, false},
		{`{"a":1}`, "", "", "", `{"a":1}`, false},
		{``, "", "", "", "", false},
	} {
		v := Value(test.value)
		scalar, isScalar := v.Scalar()
		if v.Str() != test.str || v.StrOrNumber() != test.orNumber || scalar != test.scalar || isScalar != test.isScalar || v.Text() != test.text {
			t.Errorf("%s: %q, %q, %q %v, %q", test.value, v.Str(), v.StrOrNumber(), scalar, isScalar, v.Text())
		}
	}
}

func TestEmptyAndZero(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][2]bool{ // empty, zero
		`[]`: {true, false}, ` { } `: {true, false}, `[0]`: {false, false}, `{"a":[]}`: {false, false},
		`0`: {false, true}, `-0.0e5`: {false, true}, `1`: {false, false}, `""`: {false, false}, `null`: {false, false},
	} {
		if v := Of([]byte(value)); v.IsEmpty() != want[0] || v.IsZero() != want[1] {
			t.Errorf("%s: empty %v, zero %v, want %v", value, v.IsEmpty(), v.IsZero(), want)
		}
	}
}

// Whatever is valid is read as encoding/json reads it.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"b":[true,null,{"c":"d"}],"a":"last"}`, ` [ 1 , "x\\" , [[],{}] , -0.5e+7 ] `, `{}`, `"\ud83d\ude00 \ud800 \udc00\u0041 \/\b\f\n\r\t\"\\"`,
		"{\"k\xff\":\"\xff\xfe\"}", `{"\u0061":"\u00e9\uD834\udd1e","":{"":""}}`, `"\ud800\ud800\udc00"`, `42`, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if json.Valid(text) {
			same(t, Of(text), text)
		}
	})
}

func same(t *testing.T, v Value, text []byte) {
	t.Helper()
	switch {
	case v.IsString():
		var want string
		if err := json.Unmarshal(text, &want); err != nil || v.Str() != want {
			t.Fatalf("%q is read as %q, want %q (%v)", text, v.Str(), want, err)
		}
	case v.IsArray():
		var want []json.RawMessage
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		n := 0
		for name, element := range v.Members {
			if name != nil || n == len(want) || string(element) != string(want[n]) {
				t.Fatalf("%q: element %d is %q", text, n, element)
			}
			same(t, element, want[n])
			n++
		}
		if n != len(want) {
			t.Fatalf("%q: %d elements, want %d", text, n, len(want))
		}
	case v.IsObject():
		var want map[string]json.RawMessage
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		got := make(map[string]Value)
		for name, member := range v.Members {
			got[name.Str()] = member
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %d members, want %d", text, len(got), len(want))
		}
		for name, member := range want {
			if string(got[name]) != string(member) {
				t.Fatalf("%q: %q is %q", text, name, got[name])
			}
			if found := v.Get(name); !escaped(name) && string(found) != string(member) {
				t.Fatalf("%q: Get(%q) is %q", text, name, found)
			}
			same(t, got[name], member)
		}
	}
}

// escaped reports whether a text may come from invalid UTF-8, which is another
// text where names are compared.
func escaped(s string) bool {
	for _, r := range s {
		if r == '\uFFFD' {
			return true
		}
	}
	return false
}
