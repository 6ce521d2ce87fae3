package vectors

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/gemini-webhook/verify/verifytest"
)

// Signer is what cases are made with: the keys that a receiver trusts, some that it
// does not, and the clock.
type Signer struct {
	Now         time.Time
	Seed        string // of webhook-ids, so that those of two runs differ
	Type        string // of the events
	Secret      string // the signing secret
	Audience    string // a token's aud
	Issuer      string // a token's iss
	StaticPath  string
	DynamicPath string

	rsa      *rsa.PrivateKey
	google   *verifytest.Issuer // what the receiver's key set has
	stranger *verifytest.Issuer // what it has not
	older    string             // a secret that is accepted as well
}

// testKid is the kid of RSA keys, of the trusted one and of the stranger's.
const testKid = "rsa-1"

// published is the signer of docs/vectors.json.
func published() *Signer {
	return &Signer{
		Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Seed: "docs/vectors.json", Type: "batch.succeeded",
		Secret: secretNew, older: secretOld,
		Audience: "https://receiver.example", Issuer: verifytest.TokenFrom,
		StaticPath: "/gemini", DynamicPath: "/dynamic/" + pathToken + "/nightly",
		rsa:    rsaKey,
		google: verifytest.NewIssuerOf(testKid, rsaKey, ed25519First, ed25519Second),
		// The stranger has a key of their own; that it is the same kind of key is what matters.
		stranger: verifytest.NewIssuerOf(testKid, strangerRSA, ed25519Stranger),
	}
}

// NewSigner makes keys for a receiver that is running. Its key set is served by
// ServeHTTP. The caller fills in the other fields.
func NewSigner(now time.Time) (*Signer, error) {
	trusted, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	strange, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	keys := make([]ed25519.PrivateKey, 3)
	for i := range keys {
		if _, keys[i], err = ed25519.GenerateKey(rand.Reader); err != nil {
			return nil, err
		}
	}
	// The kid is new too: what a receiver has cached must not be taken for it.
	kid := "rsa-" + rand.Text()
	return &Signer{
		Now: now, Seed: rand.Text(), Type: "webhook.ping",
		Audience: verifytest.Audience, Issuer: verifytest.TokenFrom,
		older: signingSecret(rand.Text()),
		rsa:   trusted, google: verifytest.NewIssuerOf(kid, trusted, keys[0], keys[1]),
		stranger: verifytest.NewIssuerOf(kid, strange, keys[2]),
	}, nil
}

// ServeHTTP serves the key set that a receiver is to trust, on any path.
func (s *Signer) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.google.ServeHTTP(w, r) }

// Fetches is how often the key set was asked for.
func (s *Signer) Fetches() int { return s.google.Fetches() }

// Static signs an event of the caller's with the signing secret.
func (s *Signer) Static(id string, body []byte) http.Header {
	seconds := unix(s.Now)
	return verifytest.Headers(id, seconds, verifytest.HMAC(keyOf(s.Secret), id, seconds, body))
}

// Ed25519 signs an event of the caller's as v1a.
func (s *Signer) Ed25519(id string, body []byte) http.Header {
	return s.google.DeliverEd25519(id, s.Now, body)
}

// JWT makes the token of an event of the caller's, which it carries.
func (s *Signer) JWT(id string, event []byte) (http.Header, error) {
	return s.google.DeliverJWT(id, s.Now,
		verifytest.Claim("aud", s.Audience), verifytest.Claim("iss", s.Issuer), verifytest.Carry(event))
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// keyOf reads a signing secret as it is meant: what follows whsec_ decoded, or the
// bytes themselves.
func keyOf(secret string) []byte {
	if text, ok := strings.CutPrefix(secret, "whsec_"); ok {
		if key, err := base64.StdEncoding.DecodeString(text); err == nil {
			return key
		}
	}
	return []byte(secret)
}

// draft is a delivery that is being made.
type draft struct {
	*Signer
	id        string
	timestamp string
	body      []byte
	signature string
	omit      string      // a header that is left out
	more      [][2]string // headers that come behind the others
	genuine   bool        // though it should not be: the secret reads the same either way
}

// draft begins the delivery of a case: genuine, but not signed yet.
func (s *Signer) draft(name string) *draft {
	sum := sha256.Sum256([]byte(s.Seed + " " + name))
	id := hex.EncodeToString(sum[:16])
	return &draft{Signer: s, id: "msg_" + id, timestamp: unix(s.Now), body: s.event(id)}
}

// event is the body of a delivery, as Gemini writes it.
func (s *Signer) event(id string) []byte {
	data := map[string]any{"id": "batches/" + id[:12]}
	if s.Type == "batch.succeeded" {
		data["output_file_uri"] = "gs://my-bucket/" + id[:12] + "/results.jsonl"
	}
	body, err := json.Marshal(map[string]any{
		"type": s.Type, "version": "v1", "timestamp": s.Now.UTC().Format(time.RFC3339), "data": data,
	})
	if err != nil {
		panic("vectors: " + err.Error()) // texts alone
	}
	return body
}

// request is the finished delivery.
func (d *draft) request(path string) Request {
	headers := [][2]string{{"content-type", "application/json"}}
	for _, h := range [][2]string{{"webhook-id", d.id}, {"webhook-timestamp", d.timestamp}, {"webhook-signature", d.signature}} {
		if h[0] != d.omit && d.omit != allHeaders {
			headers = append(headers, h)
		}
	}
	return Request{http.MethodPost, path, append(headers, d.more...), d.body}
}

// at moves the timestamp.
func (d *draft) at(distance time.Duration) { d.timestamp = unix(d.Now.Add(distance)) }

// hmac is a v1 entry by any key.
func (d *draft) hmac(key []byte) string {
	return verifytest.HMAC(key, d.id, d.timestamp, d.body)
}

// v1 is the entry that the signing secret makes.
func (d *draft) v1() string { return d.hmac(keyOf(d.Secret)) }

// v1a is the entry that a trusted Ed25519 key makes.
func (d *draft) v1a(index int) string {
	return d.google.Ed25519(index, d.id, d.timestamp, d.body)
}

// strangers are entries by keys that the receiver does not trust.
func (d *draft) strangersV1() string { return d.hmac(keyOf(secretWrong)) }

func (d *draft) strangersV1a() string {
	return d.stranger.Ed25519(0, d.id, d.timestamp, d.body)
}

// jwt is a token of the trusted key.
func (d *draft) jwt(options ...verifytest.Option) string { return d.token(d.google, options...) }

func (d *draft) token(by *verifytest.Issuer, options ...verifytest.Option) string {
	claims := verifytest.Claims(d.Now)
	claims["aud"], claims["iss"] = d.Audience, d.Issuer
	text, err := by.Token(claims, options...)
	if err != nil {
		panic("vectors: " + err.Error()) // claims are texts and numbers
	}
	return text
}

// embedded is a token that carries the body.
func (d *draft) embedded(options ...verifytest.Option) string {
	return d.jwt(append([]verifytest.Option{verifytest.Carry(d.body)}, options...)...)
}
