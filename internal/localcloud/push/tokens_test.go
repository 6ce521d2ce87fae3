package push_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"example.com/gemini-webhook/internal/localcloud/push"
)

const account = "pusher@project.iam.gserviceaccount.com"

// TestTokenOfADelivery verifies, with another library, the token that reaches
// the endpoint against the key set as it is served.
func TestTokenOfADelivery(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Second)
	tokens, err := push.NewTokens(func() time.Time { return now })
	must(t, err)
	certs := httptest.NewServer(tokens)
	t.Cleanup(certs.Close)
	r, _ := newFake(t)
	e := newEndpoint(t, nil)
	r.start(t, push.Subscription{PushEndpoint: e.URL + "/tasks/process", Audience: "receiver", ServiceAccount: account},
		func(c *push.Config) { c.Tokens = tokens })
	r.publish(t, "work", &pubsubpb.PubsubMessage{Data: []byte("x")})
	eventually(t, "it was delivered", func() bool { return len(e.got()) == 1 })
	keys := fetchKeys(t, certs.URL+push.CertsPath)
	text, ok := strings.CutPrefix(e.got()[0].header.Get("Authorization"), "Bearer ")
	token, err := jwt.ParseString(text, jwt.WithKeySet(keys), jwt.WithIssuer("https://accounts.google.com"),
		jwt.WithAudience("receiver"), jwt.WithRequiredClaim("exp"))
	if !ok || err != nil {
		t.Fatalf("bearer %v: %v", ok, err)
	}
	var email, azp string
	var verified bool
	for claim, to := range map[string]any{"email": &email, "azp": &azp, "email_verified": &verified} {
		if err := token.Get(claim, to); err != nil {
			t.Error(err)
		}
	}
	subject, _ := token.Subject()
	issued, _ := token.IssuedAt()
	expires, _ := token.Expiration()
	if email != account || !verified || subject == "" || azp != subject || len(subject) != 21 {
		t.Errorf("email %q verified %v, azp %q, sub %q", email, verified, azp, subject)
	}
	if !issued.Equal(now) || !expires.Equal(now.Add(time.Hour)) {
		t.Errorf("issued %v, expires %v; want %v and an hour later", issued, expires, now)
	}
}

// TestCertificates: the key is served as a certificate, too, under the same id.
func TestCertificates(t *testing.T) {
	t.Parallel()
	tokens, err := push.NewTokens(nil)
	must(t, err)
	certs := httptest.NewServer(tokens)
	t.Cleanup(certs.Close)
	res, err := http.Get(certs.URL + push.CertificatesPath)
	must(t, err)
	defer res.Body.Close()
	var byID map[string]string
	must(t, json.NewDecoder(res.Body).Decode(&byID))
	key, _ := fetchKeys(t, certs.URL+push.CertsPath).Key(0)
	id, _ := key.KeyID()
	block, _ := pem.Decode([]byte(byID[id]))
	if block == nil {
		t.Fatalf("no certificate of %s in %v", id, byID)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	must(t, err)
	token, err := tokens.Mint("aud", account)
	must(t, err)
	if _, err := jwt.ParseString(token, jwt.WithKey(jwa.RS256(), certificate.PublicKey)); err != nil {
		t.Error(err)
	}
}

func fetchKeys(t *testing.T, url string) jwk.Set {
	t.Helper()
	res, err := http.Get(url)
	must(t, err)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	must(t, err)
	keys, err := jwk.Parse(data)
	if err != nil || keys.Len() != 1 {
		t.Fatalf("key set %s: %v", data, err)
	}
	return keys
}

// TestRotate: a token of the old key is good until then and no longer.
func TestRotate(t *testing.T) {
	t.Parallel()
	tokens, err := push.NewTokens(nil)
	must(t, err)
	certs := httptest.NewServer(tokens)
	t.Cleanup(certs.Close)
	old, err := tokens.Mint("aud", account)
	must(t, err)
	if _, err := jwt.ParseString(old, jwt.WithKeySet(fetchKeys(t, certs.URL+push.CertsPath))); err != nil {
		t.Errorf("before: %v", err)
	}
	must(t, tokens.Rotate())
	fresh, err := tokens.Mint("aud", account)
	must(t, err)
	keys := fetchKeys(t, certs.URL+push.CertsPath)
	if _, err := jwt.ParseString(fresh, jwt.WithKeySet(keys)); err != nil {
		t.Errorf("a token of the new key: %v", err)
	}
	if _, err := jwt.ParseString(old, jwt.WithKeySet(keys)); err == nil {
		t.Error("a token of the old key is still good")
	}
}
