package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/endpoint"
	"example.com/gemini-webhook/internal/vectors"
	"example.com/gemini-webhook/verify"
)

// trigger is "webhookctl trigger".
type trigger struct {
	Type   string   `arg:"" placeholder:"TYPE" help:"Type of the event, as batch.succeeded."`
	Scheme string   `enum:"v1,v1a,jwt" default:"v1" help:"How it is signed: v1 with the signing secret, v1a or jwt with keys that are made for it."`
	URL    string   `name:"url" placeholder:"URL" help:"Where it is sent. By default http://127.0.0.1:PORT/."`
	Port   string   `env:"PORT" default:"8080" help:"Port of the receiver on this machine."`
	Set    []string `sep:"none" placeholder:"PATH=VALUE" help:"Set a member of the event, as data.id=batches/1; VALUE is JSON, or else a text. Can be repeated."`
	Signer string   `name:"signer-url" env:"WEBHOOK_SIGNER_URL" placeholder:"URL" help:"Where webhookctl dev signs v1a and jwt with keys that its receiver knows."`
	JSON   bool     `name:"json" help:"Print JSON."`
	signingFlags
	tokenFlags
	keyFlags
}

// Help is kong's, for details.
func (trigger) Help() string {
	return `The event has data such as Gemini sends: ids of what does not exist, which --set
replaces. What the receiver makes of it is real: it is published.

The types are ` + strings.Join(vectors.SampleTypes(), ",\n") + `.

v1 is signed with the newest version of the first of the signing secrets, or with a
file's. v1a and jwt are signed with keys that live as long as the command, and served
on loopback: the receiver must have JWKS_URL at that address. In the environment of
"webhookctl dev" they are signed with the keys that its receiver knows. Where it has
path tokens, they go below the newest.

It does not go to a receiver elsewhere unless --url says so.

For example:

  go run ./cmd/webhookctl trigger batch.succeeded --secret-file=secret.txt --set=data.id=batches/mine

--json prints {type, scheme, url, webhook_id, status, body, latency_ms}.

` + codesHelp + `

Here 0 means that the receiver answered 2xx, 1 that it did not.`
}

// triggered is what the command prints.
type triggered struct {
	Type      string `json:"type"`
	Scheme    string `json:"scheme"`
	URL       string `json:"url"` // without the token
	WebhookID string `json:"webhook_id"`
	Status    int    `json:"status"`
	Body      string `json:"body"`
	LatencyMS int64  `json:"latency_ms"`
}

// Run sends the event.
func (t trigger) Run(ctx context.Context, s streams) error {
	now := time.Now()
	event, ok := vectors.Sample(t.Type, now)
	if !ok {
		return usage("TYPE is none of %s", strings.Join(vectors.SampleTypes(), ", "))
	}
	for _, set := range t.Set {
		if err := setMember(event, set); err != nil {
			return err
		}
	}
	body, err := json.Marshal(event)
	if err != nil {
		return err
	}
	if t.URL == "" {
		t.URL = "http://127.0.0.1:" + t.Port + "/"
	}
	to, err := target("--url", t.URL)
	if err != nil {
		return err
	}
	result := triggered{Type: t.Type, Scheme: t.Scheme, WebhookID: "msg_" + strings.ToLower(rand.Text())}
	send := t.static
	if t.Scheme != "v1" {
		send = t.dynamic
	}
	got, to, err := send(ctx, s, to, result.WebhookID, body)
	if err != nil {
		return err
	}
	result.URL = shownURL(to)
	result.Status, result.Body, result.LatencyMS = got.status, got.body, got.took.Milliseconds()
	return result.print(s, t.JSON)
}

// static sends the event signed with the signing secret.
func (t trigger) static(ctx context.Context, _ streams, to *url.URL, id string, body []byte) (receipt, *url.URL, error) {
	key, _, err := t.signer(ctx)
	if err != nil {
		return receipt{}, nil, err
	}
	signer := &vectors.Signer{Now: time.Now(), Secret: string(key.Reveal())}
	got, err := deliver(ctx, to, requestOf(signer.Static(id, body), body))
	return got, to, err
}

// dynamic sends it signed with keys that are served meanwhile.
func (t trigger) dynamic(ctx context.Context, s streams, to *url.URL, id string, body []byte) (got receipt, at *url.URL, err error) {
	if t.Signer != "" {
		return t.signed(ctx, to, id, body)
	}
	address, err := t.address()
	if err != nil {
		return got, nil, err
	}
	if address == "" {
		return got, nil, usage("--scheme %s wants --jwks-listen, the address on loopback that the receiver's JWKS_URL has", t.Scheme)
	}
	if to, err = t.dynamicTarget(ctx, to); err != nil {
		return got, nil, err
	}
	signer, err := vectors.NewSigner(time.Now())
	if err != nil {
		return got, nil, err
	}
	end, err := serveKeys(address, signer, s)
	if err != nil {
		return got, nil, err
	}
	defer end()
	got, err = introduce(ctx, signer, to, func() (vectors.Request, error) { return t.sign(signer, id, body) })
	return got, to, err
}

// signed sends what webhookctl dev has signed.
func (t trigger) signed(ctx context.Context, to *url.URL, id string, body []byte) (got receipt, at *url.URL, err error) {
	signer, err := endpoint.Parse(t.Signer)
	if err != nil {
		return got, nil, usage("--signer-url %w", err)
	}
	if to, err = t.dynamicTarget(ctx, to); err != nil {
		return got, nil, err
	}
	header, err := askSigner(ctx, signer.JoinPath(t.Scheme), id, body)
	if err != nil {
		return got, nil, fmt.Errorf("have the event signed: %w", err)
	}
	got, err = deliver(ctx, to, requestOf(header, body))
	return got, to, err
}

// askSigner gives the headers that a signer of package devserver makes.
func askSigner(ctx context.Context, at *url.URL, id string, body []byte) (http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("--signer-url is no address")
	}
	request.Header.Set(verify.HeaderID, id)
	answer, err := deliveries.Do(request)
	if err != nil {
		return nil, errors.New("no answer at WEBHOOK_SIGNER_URL: is webhookctl dev still running?")
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		return nil, fmt.Errorf("WEBHOOK_SIGNER_URL answered %s", answer.Status)
	}
	header := http.Header{}
	for _, name := range []string{verify.HeaderID, verify.HeaderTimestamp, verify.HeaderSignature} {
		header.Set(name, answer.Header.Get(name))
	}
	return header, nil
}

// sign signs with the keys that are served.
func (t trigger) sign(signer *vectors.Signer, id string, body []byte) (vectors.Request, error) {
	signer.Now = time.Now()
	header, err := signer.Ed25519(id, body), error(nil)
	if t.Scheme == "jwt" {
		header, err = signer.JWT(id, body)
	}
	return requestOf(header, body), err
}

func (r triggered) print(s streams, asJSON bool) error {
	var err error
	if asJSON {
		err = printJSON(s.out, r)
	} else {
		_, err = fmt.Fprintf(s.out, "status      %d %s\nbody        %s\nlatency     %d ms\nwebhook-id  %s\n", r.Status, http.StatusText(r.Status), r.Body, r.LatencyMS, r.WebhookID)
	}
	if err == nil && (r.Status < 200 || r.Status > 299) {
		return fmt.Errorf("the receiver at %s did not accept it", r.URL)
	}
	return err
}

// maxDepth of a member's path.
const maxDepth = 16

// setMember sets a member of an event. Objects on the way are made.
func setMember(event map[string]any, set string) error {
	path, text, ok := strings.Cut(set, "=")
	names := strings.Split(path, ".")
	if !ok || len(names) > maxDepth {
		return usage("--set wants PATH=VALUE, as data.id=batches/1")
	}
	var value any = text
	var parsed any
	if json.Unmarshal([]byte(text), &parsed) == nil {
		value = parsed
	}
	for _, name := range names[:len(names)-1] {
		inner, ok := event[name].(map[string]any)
		if !ok {
			if event[name] != nil {
				return usage("--set %s: %s is no object", path, name)
			}
			inner = map[string]any{}
			event[name] = inner
		}
		event = inner
	}
	name := names[len(names)-1]
	if name == "" {
		return usage("--set wants PATH=VALUE, as data.id=batches/1")
	}
	event[name] = value
	return nil
}

// errNothingShown: no genuine delivery was accepted.
var errNothingShown = errors.New("no genuine delivery was accepted: the receiver's secret or key set is another, or the address is")
