package gemini

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestJWKS(t *testing.T) {
	t.Parallel()
	s, _ := start(t, Options{})
	set, header := fetchKeys(t, s)
	var types []string
	kids := map[string]bool{}
	for _, k := range set.Keys {
		types = append(types, k.Kty)
		kids[k.Kid] = true
		if k.Kty == "RSA" && (k.Alg != "RS256" || len(unbase64(t, k.N)) != 256 || k.E != "AQAB") {
			t.Errorf("RSA key %+v", k)
		}
		if k.Kty == "OKP" && (k.Crv != "Ed25519" || len(unbase64(t, k.X)) != 32) {
			t.Errorf("OKP key %+v", k)
		}
	}
	if diff := cmp.Diff([]string{"RSA", "OKP", "OKP", "OKP"}, types); diff != "" || len(kids) != 4 || kids[""] {
		t.Errorf("kids %v, want four; types (-want +got):\n%s", kids, diff)
	}
	if got := header.Get("Cache-Control"); got != "public, max-age=3600" || !strings.HasPrefix(header.Get("Content-Type"), "application/json") {
		t.Errorf("Cache-Control %q, Content-Type %q", got, header.Get("Content-Type"))
	}
	again, _ := fetchKeys(t, s)
	if diff := cmp.Diff(set, again); diff != "" {
		t.Errorf("fetched again (-first +second):\n%s", diff)
	}
}

func TestRotationOfKeys(t *testing.T) {
	t.Parallel()
	for _, scheme := range []Scheme{SchemeEd25519, SchemeRS256} {
		t.Run(string(scheme), func(t *testing.T) {
			t.Parallel()
			var s *Server
			r := newReceiver(t, func(n int) int {
				if n == 1 {
					s.RotateKeys() // between the first attempt and the second
					return 503
				}
				return 200
			})
			s, _ = start(t, Options{DynamicSigningFor: all(scheme)})
			old, _ := fetchKeys(t, s)
			must(t, errOf(s.EmitTo(r.URL, "batch.succeeded", nil, EmitOptions{})))
			attempts := r.wait(t, 2)
			next, _ := fetchKeys(t, s)
			for _, kid := range old.kids() {
				if slices.Contains(next.kids(), kid) {
					t.Error("an old key is still in the JWKS")
				}
			}
			type signs struct{ Old, New bool }
			for i, want := range []signs{{true, false}, {false, true}} {
				got := signs{old.signedBy(t, scheme, attempts[i]), next.signedBy(t, scheme, attempts[i])}
				if got != want {
					t.Errorf("attempt %d is signed by %+v, want %+v", i+1, got, want)
				}
			}
			if attempts[0].header.Get("webhook-id") != attempts[1].header.Get("webhook-id") {
				t.Error("the second attempt has another id")
			}
		})
	}
}

func TestAllEd25519KeysSign(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s, _ := start(t, Options{})
	for range 40 {
		must(t, errOf(s.EmitTo(r.URL, "batch.succeeded", nil, EmitOptions{})))
	}
	set, _ := fetchKeys(t, s)
	counts := map[int]int{}
	for _, g := range r.wait(t, 40) {
		counts[set.ed25519(t, g)]++
	}
	if counts[-1] != 0 || counts[0] < 3 || counts[1] < 3 || counts[2] < 3 {
		t.Errorf("deliveries by key: %v", counts)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	metadata := map[string]any{"job": "42"}
	data := map[string]any{"id": "batches/1"}
	for name, c := range map[string]struct {
		claims func(map[string]any)
		want   func(at float64, event envelope) map[string]any
	}{
		"unchanged": {nil, func(at float64, e envelope) map[string]any {
			return map[string]any{"iat": at, "exp": at + 300, "type": "batch.failed", "version": "v1", "timestamp": e.Timestamp,
				"data": data, "user_metadata": metadata}
		}},
		"changed": {func(claims map[string]any) {
			clear(claims)
			claims["aud"] = []string{"a", "b"}
		}, func(float64, envelope) map[string]any { return map[string]any{"aud": []any{"a", "b"}} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, nil)
			now := time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)
			s, _ := start(t, Options{DynamicSigningFor: all(SchemeRS256), Claims: c.claims, Now: func() time.Time { return now }})
			must(t, errOf(s.EmitTo(r.URL, "batch.failed", data, EmitOptions{UserMetadata: metadata})))
			g := r.wait(t, 1)[0]
			set, _ := fetchKeys(t, s)
			event := decodeEvent(t, g.body)
			if diff := cmp.Diff(c.want(g.seconds(t), event), set.rs256(t, g)); diff != "" || event.Type != "batch.failed" {
				t.Errorf("event %q; claims (-want +got):\n%s", event.Type, diff)
			}
		})
	}
}

func TestTokenKeepsNumbers(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s, _ := start(t, Options{DynamicSigningFor: all(SchemeRS256)})
	must(t, errOf(s.EmitTo(r.URL, "batch.failed", map[string]any{"id": uint64(12345678901234567890)}, EmitOptions{})))
	payload := unbase64(t, strings.Split(r.wait(t, 1)[0].header.Get("webhook-signature"), ".")[1])
	if !strings.Contains(string(payload), `"data":{"id":12345678901234567890}`) {
		t.Errorf("payload %s", payload)
	}
}
