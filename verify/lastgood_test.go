package verify

import (
	"crypto/ed25519"
	"testing"
)

// The key that verified last is tried first, also where the set comes in another
// order.
func TestLastGoodKeyFirst(t *testing.T) {
	t.Parallel()
	message := []byte("message")
	var keys []Key
	var signatures [][]byte
	for range 3 {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, Key{Public: public})
		signatures = append(signatures, ed25519.Sign(private, message))
	}
	v := &Verifier{}
	for _, by := range []int{0, 2, 1, 1, 0, 2} {
		if !v.signed(keys, message, signatures[by:by+1]) {
			t.Errorf("key %d is not found", by)
		}
		if got := v.firstOf(keys); got != by {
			t.Errorf("key %d is first after key %d was good", got, by)
		}
	}
	if v.signed(keys, []byte("another"), signatures) || v.signed(keys, message, nil) || v.firstOf(keys) != 2 {
		t.Error("a forgery counts")
	}
	for _, tc := range []struct {
		name string
		keys []Key
		want int
	}{
		{"the same", keys, 2},
		{"another order", []Key{keys[1], keys[2], keys[0]}, 1},
		{"without it", keys[:2], 0},
		{"none", nil, 0},
	} {
		if got := v.firstOf(tc.keys); got != tc.want {
			t.Errorf("%s: key %d is first, want %d", tc.name, got, tc.want)
		}
	}
	if !v.signed(keys[:2], message, signatures) {
		t.Error("no key is found where the last good one is gone")
	}
}
