package batch

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQueuedRanges(t *testing.T) {
	t.Parallel()
	r := Range{Format: format, Key: "abc", Object: 3, Interval: Interval{5, toEnd}, Event: []byte("e")}
	got, err := DecodeRange(r.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&r, got); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
	large := r
	large.Event = make([]byte, maxRangeEvent+1)
	if got, err = DecodeRange(large.Encode()); err != nil || got.Event != nil {
		t.Errorf("a large event must be left out: %d bytes, %v", len(got.Event), err)
	}
	for name, data := range map[string]string{
		"not JSON":          `x`,
		"no format":         `{"key":"abc","range":{"start":0,"end":1}}`,
		"a later format":    `{"format":2,"key":"abc","range":{"start":0,"end":1}}`,
		"an empty range":    `{"format":1,"key":"abc","range":{"start":1,"end":1}}`,
		"a negative start":  `{"format":1,"key":"abc","range":{"start":-1,"end":1}}`,
		"a negative object": `{"format":1,"key":"abc","object":-1,"range":{"start":0,"end":1}}`,
		"another folder":    `{"format":1,"key":"../x","range":{"start":0,"end":1}}`,
		"no key":            `{"format":1,"range":{"start":0,"end":1}}`,
	} {
		if _, err := DecodeRange([]byte(data)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzDecodeRange(f *testing.F) {
	f.Add([]byte(`{"format":1,"key":"abc","object":3,"range":{"start":5,"end":9},"event":"ZQ=="}`))
	f.Add([]byte(`{"format":1,"key":"a/b","range":{"start":0,"end":1}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := DecodeRange(data)
		if err != nil {
			return
		}
		if !validKey(r.Key) || r.Object < 0 || r.Start < 0 || r.Start >= r.End {
			t.Fatalf("accepted %+v", r)
		}
	})
}
