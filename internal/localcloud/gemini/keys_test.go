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
	for name, c := range map[string]struct {
		opts  Options
		types []string
		kids  int
		cache string
	}{
		"defaults":          {Options{}, []string{"RSA", "OKP", "OKP", "OKP"}, 4, "public, max-age=3600"},
		"without kid":       {Options{KeysWithoutKid: true, JWKSMaxAge: time.Minute}, []string{"RSA", "OKP", "OKP", "OKP"}, 1, "public, max-age=60"},
		"with unknown type": {Options{UnknownKeyType: true}, []string{"AKP", "RSA", "OKP", "OKP", "OKP"}, 5, "public, max-age=3600"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := start(t, c.opts)
			set, header := fetchKeys(t, s)
			var types []string
			kids := map[string]bool{}
			for _, k := range set.Keys {
				types = append(types, k.Kty)
				if k.Kid != "" {
					kids[k.Kid] = true
				}
				if k.Kty == "RSA" && (k.Alg != "RS256" || len(unbase64(t, k.N)) != 256 || k.E != "AQAB") {
					t.Errorf("RSA key %+v", k)
				}
				if k.Kty == "OKP" && (k.Crv != "Ed25519" || len(unbase64(t, k.X)) != 32) {
					t.Errorf("OKP key %+v", k)
				}
			}
			if diff := cmp.Diff(c.types, types); diff != "" || len(kids) != c.kids {
				t.Errorf("%d kids, want %d; types (-want +got):\n%s", len(kids), c.kids, diff)
			}
			if got := header.Get("Cache-Control"); got != c.cache || !strings.HasPrefix(header.Get("Content-Type"), "application/json") {
				t.Errorf("Cache-Control %q, Content-Type %q", got, header.Get("Content-Type"))
			}
			again, _ := fetchKeys(t, s)
			if diff := cmp.Diff(set, again); diff != "" {
				t.Errorf("fetched again (-first +second):\n%s", diff)
			}
			if n := s.JWKSFetches(); n != 2 {
				t.Errorf("%d fetches counted, want 2", n)
			}
		})
	}
}

func TestKeysFollowFromTheSeed(t *testing.T) {
	t.Parallel()
	kids := func(seed uint64) []string {
		s, _ := start(t, Options{Seed: seed})
		set, _ := fetchKeys(t, s)
		return set.kids()
	}
	first, second, other := kids(7), kids(7), kids(8)
	if diff := cmp.Diff(first[1:], second[1:]); diff != "" {
		t.Errorf("Ed25519 keys of the same seed (-first +second):\n%s", diff)
	}
	if first[0] == second[0] {
		t.Error("two servers have the same RSA kid, with different keys")
	}
	if slices.ContainsFunc(other, func(kid string) bool { return slices.Contains(first, kid) }) {
		t.Error("another seed has the same keys")
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
			s, _ = start(t, Options{DynamicSigning: scheme})
			old, _ := fetchKeys(t, s)
			if _, err := s.EmitTo(r.URL, "batch.succeeded", nil, EmitOptions{}); err != nil {
				t.Fatal(err)
			}
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
		if _, err := s.EmitTo(r.URL, "batch.succeeded", nil, EmitOptions{}); err != nil {
			t.Fatal(err)
		}
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
		token  Token
		inData bool
		want   func(at float64, event envelope) map[string]any
	}{
		"defaults": {want: func(at float64, e envelope) map[string]any {
			return map[string]any{"iat": at, "exp": at + 300, "type": "batch.failed", "version": "v1", "timestamp": e.Timestamp,
				"data": data, "user_metadata": metadata}
		}},
		"metadata in data": {inData: true, want: func(at float64, e envelope) map[string]any {
			return map[string]any{"iat": at, "exp": at + 300, "type": "batch.failed", "version": "v1", "timestamp": e.Timestamp,
				"data": map[string]any{"id": "batches/1", "user_metadata": metadata}}
		}},
		"without the event": {token: Token{Audience: "a", Issuer: "i", WithoutEvent: true, Lifetime: -time.Minute},
			want: func(at float64, _ envelope) map[string]any {
				return map[string]any{"iat": at, "exp": at - 60, "aud": "a", "iss": "i"}
			}},
		"changed": {token: Token{WithoutEvent: true, Claims: func(claims map[string]any) {
			claims["aud"] = []string{"a", "b"}
			delete(claims, "exp")
		}}, want: func(at float64, _ envelope) map[string]any {
			return map[string]any{"iat": at, "aud": []any{"a", "b"}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, nil)
			now := time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)
			s, _ := start(t, Options{DynamicSigning: SchemeRS256, Token: c.token, MetadataInData: c.inData, Now: func() time.Time { return now }})
			if _, err := s.EmitTo(r.URL, "batch.failed", data, EmitOptions{UserMetadata: metadata}); err != nil {
				t.Fatal(err)
			}
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
	s, _ := start(t, Options{DynamicSigning: SchemeRS256})
	if _, err := s.EmitTo(r.URL, "batch.failed", map[string]any{"id": uint64(12345678901234567890)}, EmitOptions{}); err != nil {
		t.Fatal(err)
	}
	payload := unbase64(t, strings.Split(r.wait(t, 1)[0].header.Get("webhook-signature"), ".")[1])
	if !strings.Contains(string(payload), `"data":{"id":12345678901234567890}`) {
		t.Errorf("payload %s", payload)
	}
}

func TestClaimsThatAreNoJSON(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s, _ := start(t, Options{DynamicSigning: SchemeRS256, Token: Token{Claims: func(claims map[string]any) { claims["x"] = func() {} }}})
	if _, err := s.EmitTo(r.URL, "batch.failed", nil, EmitOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an attempt", func() bool { return len(s.Deliveries()) > 0 })
	if d := s.Deliveries()[0]; d.Err == nil || !strings.Contains(d.Err.Error(), "Token.Claims") || len(r.all()) != 0 {
		t.Errorf("error %v, %d requests; want one that names Token.Claims, and none", d.Err, len(r.all()))
	}
}
