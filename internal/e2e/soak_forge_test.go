package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/push"
	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

// forger has what strangers can have: keys of their own, what they overheard,
// Google's public keys, and jobs of theirs that Google signs.
type forger struct {
	issuer *verifytest.Issuer // RSA and Ed25519 keys that are not Google's
	tokens *push.Tokens       // likewise
}

func newForger(s *soak) *forger {
	issuer, err := verifytest.NewIssuer()
	must(s.t, err)
	must(s.t, issuer.SetEd25519("another"))
	tokens, err := push.NewTokens(nil)
	must(s.t, err)
	return &forger{issuer: issuer, tokens: tokens}
}

// forge sends one of each kind, and each until it has a definite answer.
func (s *soak) forge() {
	s.forgeStatic()
	s.forgeDynamic()
	s.forgeStrangersJobs()
	s.forgeOverheard()
	s.forgePushes()
}

// fake sends what make makes for a name, again and again in case that it takes
// the time into account.
func (s *soak) fake(kind, url string, make func(name string) (http.Header, []byte)) {
	name := s.books.forge(kind)
	s.wire.begin(func() {
		s.insist(func() bool {
			header, body := make(name)
			a, err := trySend(s.t, http.MethodPost, url, header, string(body))
			return err == nil && s.books.judged(kind, name, a.status)
		})
	})
}

func (s *soak) forgeStatic() {
	secret := s.secret // a rotation may be under way
	signed := func(secret string, age time.Duration) func(string) (http.Header, []byte) {
		return func(name string) (http.Header, []byte) {
			body := []byte(interaction(name))
			return verifytest.Static(secret, "msg_"+name, time.Now().Add(-age), body), body
		}
	}
	s.fake("another secret", s.url()+hookPath, signed(another, 0))
	s.fake("stale", s.url()+hookPath, signed(secret, tolerance+time.Minute))
	s.fake("from the future", s.url()+hookPath, signed(secret, -tolerance-time.Minute))
	s.fake("our secret on a dynamic path", s.dynamicURL("v1a"), signed(secret, 0))
	s.fake("id with a dot", s.url()+hookPath, func(name string) (http.Header, []byte) {
		// The signed text is that of another delivery, cut in another place.
		body, now := []byte(interaction(name)), time.Now()
		header := verifytest.Static(secret, "msg", now, append([]byte(stampOf(now)+"."), body...))
		header.Set("webhook-id", "msg."+stampOf(now))
		return header, body
	})
}

func (s *soak) forgeDynamic() {
	s.fake("Ed25519 key of another", s.dynamicURL("v1a"), func(name string) (http.Header, []byte) {
		body := []byte(interaction(name))
		return s.forger.issuer.DeliverEd25519("msg_"+name, time.Now(), body), body
	})
	kid, public := s.googlesKey()
	jwt := func(kind string, token func(claims map[string]any) string) {
		s.fake(kind, s.dynamicURL("jwt"), func(name string) (http.Header, []byte) {
			body, claims := []byte(interaction(name)), verifytest.Claims(time.Now())
			verifytest.Carry(body)(nil, claims)
			return verifytest.Headers("msg_"+name, stampOf(time.Now()), token(claims)), body
		})
	}
	of := func(options ...verifytest.Option) func(map[string]any) string {
		return func(claims map[string]any) string {
			token, err := s.forger.issuer.Token(claims, options...)
			if err != nil {
				s.t.Error(err)
			}
			return token
		}
	}
	jwt("JWT of another key", of(verifytest.Header("kid", kid)))
	jwt("JWT with a key set of its own", of(verifytest.Header("kid", kid), verifytest.Header("jku", "http://127.0.0.1:1/jwks")))
	none := func(claims map[string]any) string { return unsigned("none", kid, claims) }
	jwt("JWT alg none", func(claims map[string]any) string { return none(claims) + "." })
	jwt("JWT alg none and some signature", func(claims map[string]any) string { return none(claims) + ".c2lnbmVk" })
	jwt("JWT HS256 with the public key", func(claims map[string]any) string {
		text := unsigned("HS256", kid, claims)
		mac := hmac.New(sha256.New, public)
		mac.Write([]byte(text))
		return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	})
}

func stampOf(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// unsigned is a JWT without its last part.
func unsigned(alg, kid string, claims map[string]any) string {
	segment := func(v any) string {
		text, _ := json.Marshal(v) // maps of plain values
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return segment(map[string]any{"alg": alg, "typ": "JWT", "kid": kid}) + "." + segment(claims)
}

// googlesKey is the RSA key of Gemini's key set, as PEM.
func (s *soak) googlesKey() (kid string, public []byte) {
	resp, err := http.Get(s.cloud.Gemini.URL() + gemini.JWKSPath)
	must(s.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(s.t, err)
	var set struct {
		Keys []struct{ Kty, Kid, N, E string }
	}
	must(s.t, json.Unmarshal(text, &set))
	for _, k := range set.Keys {
		if k.Kty == "RSA" {
			n, err := base64.RawURLEncoding.DecodeString(k.N)
			must(s.t, err)
			der, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537})
			must(s.t, err)
			return k.Kid, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		}
	}
	s.t.Fatal("no RSA key in Gemini's key set")
	return "", nil
}

// forgeStrangersJobs has Google sign jobs of others with our address.
func (s *soak) forgeStrangersJobs() {
	const wrong = "0123456789abcdefghijklmnopqrstuvwxyz"
	token := s.pathToken()
	for kind, path := range map[string]string{
		"job of a stranger without token":            hookPath,
		"job of a stranger with a wrong token":       "/dynamic/" + wrong + "/v1a",
		"job of a stranger with half a token":        "/dynamic/" + token[:len(token)-1],
		"job of a stranger with the token elsewhere": "/other/" + token,
		"job of a stranger with the token behind":    "/dynamic/" + wrong + "/" + token,
		"job of a stranger with the token asked for": "/dynamic?token=" + token,
	} {
		for _, scheme := range []gemini.Scheme{gemini.SchemeEd25519, gemini.SchemeRS256} {
			name := s.books.forge(kind)
			_, err := s.cloud.Gemini.EmitTo(s.url()+path, "interaction.completed", map[string]any{"id": name},
				gemini.EmitOptions{ID: "msg_" + name, Scheme: scheme})
			must(s.t, err)
		}
	}
}

// forgeOverheard changes the body of what Gemini sent, and sends it elsewhere.
func (s *soak) forgeOverheard() {
	for kind, like := range map[string]func(*request) bool{
		"changed body":     (*request).static,
		"changed body v1a": (*request).v1a,
		"changed body JWT": (*request).signedEvent,
	} {
		for _, q := range s.wire.some(1, func(q *request) bool { return like(q) && strings.HasPrefix(q.resource, soakName) }) {
			s.fake(kind, q.url, func(name string) (http.Header, []byte) {
				return q.header.Clone(), bytes.Replace(q.body, []byte(q.resource), []byte(name), 1)
			})
		}
	}
}

// forgePushes calls the private door as if it were Pub/Sub.
func (s *soak) forgePushes() {
	env := environment(s.cloud)
	audience, account := env["PUSH_AUDIENCE"], env["PUSH_SERVICE_ACCOUNT"]
	mint := func(tokens *push.Tokens, audience, account string) string {
		token, err := tokens.Mint(audience, account)
		must(s.t, err)
		return token
	}
	for kind, token := range map[string]string{
		"push without a token":       "",
		"push of another key":        mint(s.forger.tokens, audience, account),
		"push for another audience":  mint(s.tokens, "https://elsewhere.example", account),
		"push of another account":    mint(s.tokens, audience, "somebody@elsewhere.iam.gserviceaccount.com"),
		"push with an expired token": s.expired(audience, account),
		"push alg none": unsigned("none", "", map[string]any{
			"aud": audience, "email": account, "email_verified": true, "iss": push.Issuer,
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		}) + ".",
	} {
		s.fake(kind, "http://"+s.door.addr()+"/tasks/process", func(name string) (http.Header, []byte) {
			data := event.Encode(event.Delivery{
				ID: "msg_" + name, ReceivedAt: time.Now(), Mode: verify.ModeStatic, Scheme: "hmac-sha256", Origin: "signing_secret", Path: hookPath,
			}, []byte(interaction(name)))
			return bearer(token), []byte(envelope(&pubsubpb.PubsubMessage{
				Data: data, Attributes: map[string]string{"kind": "event"}, MessageId: name,
			}, 1))
		})
	}
}

// expired is a token of Pub/Sub's own key, two hours old.
func (s *soak) expired(audience, account string) string {
	now := s.pushClock.offset.Swap(int64(-2 * time.Hour)) // a push that takes it meanwhile is pushed again
	defer s.pushClock.offset.Store(now)
	token, err := s.tokens.Mint(audience, account)
	must(s.t, err)
	return token
}
