package explain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/verify"
)

// recorder is versions that say which of them matched.
type recorder struct {
	versions []Version
	found    *Version
}

// Match implements verify.Secrets.
func (r *recorder) Match(_ context.Context, m verify.Matcher, _ bool) (verify.Version, bool, error) {
	for i, v := range r.versions {
		for _, value := range v.Values {
			if m.Match(value.Reveal()) {
				r.found = &r.versions[i]
				return verify.Version{Secret: v.Name}, true, nil
			}
		}
	}
	return verify.Version{}, false, nil
}

// accepted are the versions that receivers accept; nil stays nil.
func accepted(versions []Version) *recorder {
	if versions == nil {
		return nil
	}
	r := &recorder{}
	for _, v := range versions {
		if v.Refused == "" {
			r.versions = append(r.versions, v)
		}
	}
	return r
}

// verifier is a receiver's with these secrets and tokens.
func (e *explainer) verifier(secrets, tokens *recorder) *verify.Verifier {
	v := &verify.Verifier{
		Open: e.Open, Audiences: e.Audiences, Issuers: e.Issuers, Tolerance: e.Tolerance,
		Keys: e.Keys, Now: func() time.Time { return e.Now },
	}
	if e.Keys == nil {
		v.Keys = noKeySet{}
	}
	if secrets != nil {
		v.Secrets = secrets
	}
	if tokens != nil {
		v.Tokens = tokens
	}
	return v
}

// noKeySet stands for a key set that was not given.
type noKeySet struct{}

func (noKeySet) Keys(context.Context, bool) ([]verify.Key, error) {
	return nil, errors.New("no key set was given")
}

// probe verifies a signature of that form on the delivery's path, to see what the
// path allows.
func (e *explainer) probe(ctx context.Context, entry string, tokens *recorder) error {
	header := http.Header{verify.HeaderID: {"msg_1"}, verify.HeaderTimestamp: {"1"}, verify.HeaderSignature: {entry}}
	parsed, err := verify.ParseHeaders(header)
	if err != nil {
		return err
	}
	v := e.verifier(&recorder{}, tokens)
	v.Keys, v.Now = verify.StaticKeys(nil), func() time.Time { return time.Unix(1, 0) }
	_, err = v.Verify(ctx, e.Path, parsed, nil)
	return err
}

// path says what the path allows, and whether its token is one.
func (e *explainer) path(ctx context.Context) {
	shown := fmt.Sprintf("%.200q", event.PublicPath(e.Path))
	if err := e.probe(ctx, "v1,x", nil); !errors.Is(err, verify.ErrModeDisabled) {
		e.say("path", Held, shown+": signatures of signing secrets", "", "")
		return
	}
	tokens := accepted(e.Tokens)
	err := e.probe(ctx, "v1a,x", tokens)
	switch {
	case tokens != nil && tokens.found != nil:
		e.say("path", Held, fmt.Sprintf("%s: Google's signatures, under the token %s", shown, tokens.found.Name), "", "")
		return
	case e.Tokens != nil:
		all := &recorder{versions: e.Tokens}
		if _ = e.probe(ctx, "v1a,x", all); all.found != nil {
			e.say("path", Failed, fmt.Sprintf("%s, with the token %s, which receivers do not accept: %s", shown, all.found.Name, all.found.Refused),
				"a version that is accepted", "use the URL that webhookctl dynamic-uri prints")
			return
		}
	}
	e.say("path", Failed, fmt.Sprintf("%s: %v", shown, err), "/dynamic/<token>, with an accepted version of DYNAMIC_TOKEN_SECRET", adviceOf(err))
}

// maxExplained entries of the signature list are looked at one by one.
const maxExplained = 8

// signatures looks at each entry as if it were the only one.
func (e *explainer) signatures(ctx context.Context) {
	known := false
	defer func() {
		if !known {
			e.say("signature", Failed, "none of the entries is of a form that is known", headerWants["webhook-signature"], adviceOf(verify.ErrBadHeader))
		}
	}()
	for i, entry := range strings.Fields(e.Header.Get(verify.HeaderSignature)) {
		if i == maxExplained {
			e.say("signature", Note, fmt.Sprintf("there are more than %d entries", maxExplained), "", "")
			return
		}
		name, kind := fmt.Sprintf("signature %d", i+1), kindOf(entry)
		header := e.Header.Clone()
		header.Set(verify.HeaderSignature, entry)
		parsed, err := verify.ParseHeaders(header)
		if err != nil || kind == "" {
			e.say(name, Note, "of no form that is known: it is passed over", "", "")
			continue
		}
		known = true
		e.signature(ctx, name, kind, parsed)
	}
}

func kindOf(entry string) string {
	version, _, found := strings.Cut(entry, ",")
	switch {
	case !found:
		return "a JWT (rs256)"
	case version == "v1":
		return "v1 (hmac-sha256)"
	case version == "v1a":
		return "v1a (ed25519)"
	}
	return ""
}

// signature says what one entry comes to.
func (e *explainer) signature(ctx context.Context, name, kind string, h verify.Headers) {
	secrets := accepted(e.Secrets)
	proof, err := e.then(h, secrets).Verify(ctx, e.Path, h, e.Body)
	switch {
	case err == nil && proof.Mode == verify.ModeStatic:
		e.say(name, Held, kind+", by "+secrets.found.Name, "", "")
	case err == nil:
		e.say(name, Held, kind+", by a key of the sender's key set", "", "")
	default:
		came, do := fmt.Sprintf("%s: %v", kind, err), adviceOf(err)
		if errors.Is(err, verify.ErrSignatureMismatch) {
			if why, cure := e.diagnose(ctx, h); why != "" {
				came, do = kind+": "+why, cure
			}
		}
		e.say(name, Failed, came, "a signature over webhook-id.webhook-timestamp.body by a key that is accepted", do)
	}
}

// change is a mistake that is often made: what it makes of the body, or of a secret.
type change struct {
	why, do string
	body    func([]byte) []byte
	key     func(secret.Value) []byte
}

var (
	bodies = []change{
		{why: "the body without the line end behind it", do: "the capture, or something on the way, adds a line end: take the raw bytes", body: func(b []byte) []byte { return bytes.TrimRight(b, "\r\n") }},
		{why: "the body with a line end behind it", do: "the capture has dropped a line end: take the raw bytes", body: func(b []byte) []byte { return append(bytes.Clone(b), '\n') }},
		{why: "the body with LF for CRLF", do: "something turns line ends into CRLF: take the raw bytes", body: func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")) }},
		{why: "the body as compact JSON", do: "something has parsed the JSON and written it again: verify the bytes before anything reads them", body: compact},
		{why: "an empty body", do: "the sender signed no body: see who added one", body: func([]byte) []byte { return nil }},
	}
	readings = []change{
		{why: "the secret's text with whsec_", do: "the sender has to decode what follows whsec_ from base64 for the key", key: secret.Value.Reveal},
		{why: "the secret's text behind whsec_, not decoded", do: "the sender has to decode what follows whsec_ from base64 for the key", key: func(v secret.Value) []byte { return bytes.TrimPrefix(v.Reveal(), []byte("whsec_")) }},
	}
)

func compact(b []byte) []byte {
	var out bytes.Buffer
	if json.Compact(&out, b) != nil {
		return b
	}
	return out.Bytes()
}

// maxDiagnosed is how long a body may be for all the mistakes to be tried on it.
const maxDiagnosed = 1 << 20

// diagnose tries what else the signature may be of: versions that are not accepted,
// bodies that the capture has changed, secrets that the sender reads wrongly.
func (e *explainer) diagnose(ctx context.Context, h verify.Headers) (why, do string) {
	all := &recorder{versions: e.Secrets}
	if e.fits(ctx, h, all, e.Body) {
		v := all.found
		return fmt.Sprintf("it is of %s, which receivers do not accept: %s", v.Name, v.Refused),
			"if that version is Gemini's, enable or store it again; if it was replaced, the sender must use the newest"
	}
	if len(e.Body) > maxDiagnosed {
		return "", ""
	}
	for _, b := range bodies {
		if e.fits(ctx, h, &recorder{versions: e.Secrets}, b.body(e.Body)) {
			return "it fits " + b.why, b.do
		}
	}
	for _, r := range readings {
		misread := &recorder{}
		for _, v := range e.Secrets {
			misread.versions = append(misread.versions, Version{Values: []secret.Value{secret.NewValue(r.key(v.Text))}})
		}
		if e.fits(ctx, h, misread, e.Body) {
			return "it was made with " + r.why + " as its key", r.do
		}
	}
	return "", ""
}

// fits says whether the signature is good for that body with those secrets.
func (e *explainer) fits(ctx context.Context, h verify.Headers, secrets *recorder, body []byte) bool {
	_, err := e.then(h, secrets).Verify(ctx, e.Path, h, body)
	return err == nil
}

// then is a verifier at the time that the delivery says: what is wrong with the clock
// is said once, and not of every signature.
func (e *explainer) then(h verify.Headers, secrets *recorder) *verify.Verifier {
	v := e.verifier(secrets, accepted(e.Tokens))
	v.Now = func() time.Time { return time.Unix(h.Timestamp, 0) }
	return v
}
