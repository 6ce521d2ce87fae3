package vectors_test

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"example.com/gemini-webhook/internal/nodetest"
	"example.com/gemini-webhook/internal/vectors"
)

// verdict is what somebody else makes of a vector.
type verdict struct {
	Name     string
	Accepted bool
}

// differing are the vectors that somebody else decides otherwise, by name.
func differing(t *testing.T, f vectors.File, of func(vectors.Vector) bool, verdicts []verdict) (names []string) {
	t.Helper()
	decided := map[string]bool{}
	for _, v := range verdicts {
		decided[v.Name] = v.Accepted
	}
	count := 0
	for _, v := range f.Vectors {
		if !of(v) {
			continue
		}
		accepted, tried := decided[v.Name]
		if count++; !tried {
			t.Errorf("%s was not tried", v.Name)
		} else if accepted != v.Expect.Accepted {
			names = append(names, v.Name)
		}
	}
	if count < 10 {
		t.Errorf("%d vectors were compared", count)
	}
	return names
}

func wantDiffering(t *testing.T, want, got []string) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what they decide otherwise (-known +got):\n%s", diff)
	}
}

func every(vectors.Vector) bool { return true }

func static(v vectors.Vector) bool { return v.Scheme == vectors.HMAC }

// token says whether a vector is about the token alone: not about the headers
// beside it, nor about the body.
func token(v vectors.Vector) bool {
	return v.Scheme == vectors.RS256 && v.Expect.Class != vectors.Body && !strings.HasPrefix(v.Name, "jwt/header-") && v.Name != "jwt/beside-others"
}

// TestInteropExample: the example in docs/vectors.mjs, in Node with its own crypto
// and nothing else, decides every vector as it says.
func TestInteropExample(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("../../docs/vectors.mjs")
	must(t, err)
	f := file(t)
	var got []verdict
	nodetest.Run(t, t.TempDir(), string(script), f, &got)
	wantDiffering(t, nil, differing(t, f, every, got))
}

const nodeStandardWebhooks = `
import { Webhook } from 'standardwebhooks';
import { readFileSync } from 'node:fs';
const file = JSON.parse(readFileSync(0));
const verdicts = file.vectors.filter(v => v.scheme === 'hmac-sha256').map(v => {
  Date.now = () => v.now * 1000;
  globalThis.Date = class extends Date { constructor(...a) { a.length ? super(...a) : super(v.now * 1000); } };
  const headers = {};
  for (const [name, value] of v.request.headers) { // as Node's server does
    const n = name.toLowerCase();
    headers[n] = n in headers ? headers[n] + ', ' + value : value;
  }
  const body = Buffer.from(v.request.body ?? v.request.body_base64 ?? '', v.request.body_base64 ? 'base64' : 'utf8');
  const accepted = file.keys[v.keys].secrets.some(secret => {
    const webhook = secret.startsWith('whsec_') ? new Webhook(secret) : new Webhook(secret, { format: 'raw' });
    try { webhook.verify(body, headers); return true; } catch (e) { return e instanceof SyntaxError; } // it parses what it has verified
  });
  return { name: v.name, accepted };
});
console.log(JSON.stringify(verdicts));`

// TestInteropStandardWebhooksNode: Standard Webhooks' package for Node.
func TestInteropStandardWebhooksNode(t *testing.T) {
	t.Parallel()
	dir := nodetest.Install(t, "standardwebhooks@1.1.1")
	f := file(t)
	var got []verdict
	nodetest.Run(t, dir, nodeStandardWebhooks, f, &got)
	wantDiffering(t, []string{
		"header/id-long", "header/id-with-dot", "header/id-with-space", "header/signature-twice", "header/timestamp-twice",
		"list/many", "list/second-comma", "timestamp/signed-otherwise",
		"static/body-binary", // which it decodes as text, and so refuses
	}, differing(t, f, static, got))
}

const nodeJose = `
import { jwtVerify, createLocalJWKSet } from 'jose';
import { readFileSync } from 'node:fs';
const file = JSON.parse(readFileSync(0));
const verdicts = [];
for (const v of file.vectors.filter(v => v.scheme === 'rs256')) {
  const keys = file.keys[v.keys];
  const list = v.request.headers.find(h => h[0] === 'webhook-signature')[1];
  const options = { algorithms: ['RS256'], currentDate: new Date(v.now * 1000), clockTolerance: 60, requiredClaims: ['exp'], maxTokenAge: file.tolerance_seconds - 60 };
  if (keys.audiences) options.audience = keys.audiences;
  if (keys.issuers) options.issuer = keys.issuers;
  const accepted = await jwtVerify(list, createLocalJWKSet(keys.jwks), options).then(() => true, () => false);
  verdicts.push({ name: v.name, accepted });
}
console.log(JSON.stringify(verdicts));`

// TestInteropJose: the package jose for Node.
func TestInteropJose(t *testing.T) {
	t.Parallel()
	dir := nodetest.Install(t, "jose@6.2.18")
	f := file(t)
	var got []verdict
	nodetest.Run(t, dir, nodeJose, f, &got)
	wantDiffering(t, []string{"jwt/kid-missing"}, differing(t, f, token, got))
}

// TestInteropStandardWebhooksGo: Standard Webhooks' library for Go, whose clock
// cannot be set: of the timestamps it judges the form alone.
func TestInteropStandardWebhooksGo(t *testing.T) {
	t.Parallel()
	f := file(t)
	var got []verdict
	for _, v := range f.Vectors {
		if v.Scheme != vectors.HMAC || v.Expect.Class == vectors.Time {
			continue
		}
		header := http.Header{}
		for _, h := range v.Request.Headers {
			header.Add(h[0], h[1])
		}
		accepted := false
		for _, secret := range f.Keys[v.Keys].Secrets {
			webhook, err := standardwebhooks.NewWebhookRaw([]byte(secret))
			if strings.HasPrefix(secret, "whsec_") {
				webhook, err = standardwebhooks.NewWebhook(secret)
			}
			must(t, err)
			accepted = accepted || webhook.VerifyIgnoringTimestamp(v.Request.Body, header) == nil
		}
		got = append(got, verdict{v.Name, accepted})
	}
	wantDiffering(t, []string{
		"header/id-long", "header/id-twice", "header/id-with-dot", "header/id-with-space", "header/signature-twice", "header/timestamp-twice",
		"list/many", "list/second-comma", "timestamp/signed-otherwise",
		"timestamp/milliseconds", "timestamp/negative", // of which the time is wrong
	}, differing(t, f, func(v vectors.Vector) bool { return static(v) && v.Expect.Class != vectors.Time }, got))
}

// TestInteropGolangJWT: golang-jwt, with what it has to be told.
func TestInteropGolangJWT(t *testing.T) {
	t.Parallel()
	f := file(t)
	var got []verdict
	for _, v := range f.Vectors {
		if !token(v) {
			continue
		}
		keys := f.Keys[v.Keys]
		now := time.Unix(v.Now, 0)
		options := []jwt.ParserOption{
			jwt.WithValidMethods([]string{"RS256"}), jwt.WithLeeway(time.Minute), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
			jwt.WithTimeFunc(func() time.Time { return now }), jwt.WithStrictDecoding(),
		}
		if keys.Audiences != nil {
			options = append(options, jwt.WithAudience(keys.Audiences...), jwt.WithIssuer(keys.Issuers[0]))
		}
		_, err := jwt.Parse(v.Request.Headers[len(v.Request.Headers)-1][1], keyOf(t, keys), options...)
		got = append(got, verdict{v.Name, err == nil})
	}
	wantDiffering(t, []string{
		"jwt/crit",    // which it does not look at
		"jwt/iat-old", // which it leaves to others
	}, differing(t, f, token, got))
}

// keyOf finds the RSA key of a token's kid.
func keyOf(t *testing.T, keys vectors.Keys) jwt.Keyfunc {
	t.Helper()
	var set struct {
		Keys []struct{ Kty, Kid, N, E string }
	}
	text, err := json.Marshal(keys.JWKS)
	must(t, err)
	must(t, json.Unmarshal(text, &set))
	number := func(text string) *big.Int {
		b, err := base64.RawURLEncoding.DecodeString(text)
		must(t, err)
		return new(big.Int).SetBytes(b)
	}
	return func(token *jwt.Token) (any, error) {
		for _, k := range set.Keys {
			if k.Kty == "RSA" && k.Kid == token.Header["kid"] {
				return &rsa.PublicKey{N: number(k.N), E: int(number(k.E).Int64())}, nil
			}
		}
		return nil, jwt.ErrTokenUnverifiable
	}
}
