package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"example.com/gemini-webhook/internal/vectors"
)

// conformance is "webhookctl conformance".
type conformance struct {
	URL  string `arg:"" name:"url" placeholder:"URL" help:"Address of the receiver, with the path of static deliveries."`
	JSON bool   `name:"json" help:"Print JSON, a case a line."`
	signingFlags
	tokenFlags
	keyFlags
	Audiences []string `env:"JWT_AUDIENCES" placeholder:"AUD" help:"What the receiver takes as a JWT's aud; the first is used."`
	Issuers   []string `env:"JWT_ISSUERS" placeholder:"ISS" help:"The same of iss."`
	Strict    bool     `help:"Cases of level should count as well: what Standard Webhooks leaves open is wrong where it is not refused."`
	Exact     bool     `help:"Compare statuses and error codes as well, which are those of this repository's receiver."`
}

// Help is kong's, for details.
func (conformance) Help() string {
	return `The cases are those of docs/vectors.json (docs/vectors.md), signed anew with the
receiver's own secret at the time they are sent. The events are of the type
webhook.ping: use a receiver where they do no harm.

Dynamic cases need a receiver that takes its keys from this command: JWKS_URL at
the address of --jwks-listen. Where it has path tokens, they go below the newest.

Each case prints a line: right; wrong; lenient, where a receiver accepts what is
wrong only in this repository's eyes (level should); untried, and why. A receiver
that refuses the genuine delivery of a scheme shows nothing by refusing the others:
those are untried.

For example:

  go run ./cmd/webhookctl conformance http://127.0.0.1:8080/gemini --secret-file=secret.txt

--json prints for each {name, result, expected, class, level, status, code, reason,
why}; result is right, wrong, lenient or untried.

` + codesHelp + `

Here 1 means that something is wrong, or that no genuine delivery was accepted.`
}

// trial is what came of a case.
type trial struct {
	Name     string        `json:"name"`
	Result   string        `json:"result"`
	Expected string        `json:"expected"`
	Class    vectors.Class `json:"class,omitempty"`
	Level    vectors.Level `json:"level"`
	Status   int           `json:"status,omitempty"`
	Code     string        `json:"code,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	Why      string        `json:"why"`
}

// trials are a run of the command.
type trials struct {
	conformance
	signer          *vectors.Signer
	static, dynamic *url.URL        // nil: that mode cannot be tried
	genuine         map[string]bool // schemes whose genuine delivery was accepted
}

// Run tries the cases.
func (c conformance) Run(ctx context.Context, s streams) error {
	t, end, err := c.prepare(ctx, s)
	if err != nil {
		return err
	}
	defer end()
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	count := map[string]int{}
	for _, c := range vectors.Cases() {
		made := t.try(ctx, c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		count[made.Result]++
		if t.JSON {
			err = printLine(s.out, made)
		} else {
			_, err = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", made.Result, made.Name, made.Expected, made.said())
		}
		if err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(s.messages, "%d right, %d wrong, %d lenient, %d untried\n", count["right"], count["wrong"], count["lenient"], count["untried"])
	switch {
	case len(t.genuine) == 0:
		return errNothingShown
	case count["wrong"] > 0:
		return errFound
	}
	return nil
}

// said is what a line of the table ends with.
func (t trial) said() string {
	answer := ""
	if t.Status != 0 {
		answer = strings.TrimSpace(fmt.Sprintf("%d %s", t.Status, t.Code))
	}
	if t.Result == "right" {
		return answer
	}
	parts := []string{}
	for _, part := range []string{answer, t.Reason} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if t.Result != "untried" {
		parts = append(parts, t.Why)
	}
	return strings.Join(parts, ": ")
}

// prepare reads the keys, and serves those of dynamic cases.
func (c conformance) prepare(ctx context.Context, s streams) (t *trials, end func() error, err error) {
	t, end = &trials{conformance: c, genuine: map[string]bool{}}, func() error { return nil }
	to, err := target("URL", c.URL)
	if err != nil {
		return nil, nil, err
	}
	if t.signer, err = vectors.NewSigner(time.Now()); err != nil {
		return nil, nil, err
	}
	if len(c.Audiences) > 0 {
		t.signer.Audience = c.Audiences[0]
	}
	if len(c.Issuers) > 0 {
		t.signer.Issuer = c.Issuers[0]
	}
	if c.SecretFile != "" || len(c.SigningSecrets) > 0 {
		key, _, err := c.signer(ctx)
		if err != nil {
			return nil, nil, err
		}
		t.static, t.signer.Secret = to, string(key.Reveal())
	}
	address, err := c.address()
	if err != nil {
		return nil, nil, err
	}
	if address != "" {
		if t.dynamic, err = c.dynamicTarget(ctx, to); err != nil {
			return nil, nil, err
		}
		if end, err = serveKeys(address, t.signer, s); err != nil {
			return nil, nil, err
		}
	}
	if t.static == nil && t.dynamic == nil {
		return nil, nil, usage("give the receiver's signing secret (--signing-secrets or --secret-file), or --jwks-listen for dynamic deliveries")
	}
	return t, end, nil
}

// untriable says why a case cannot be tried; "" where it can.
func (t *trials) untriable(c vectors.Case) string {
	if why := t.lacks(c); why != "" {
		return why
	}
	if !c.Expect.Accepted && !t.genuine[c.Scheme] {
		return "a genuine delivery was not accepted, so that refusing shows nothing"
	}
	return ""
}

// lacks says what a case needs that this run does not have.
func (t *trials) lacks(c vectors.Case) string {
	plain := !strings.HasPrefix(t.signer.Secret, "whsec_")
	switch {
	case c.ExactClock:
		return "it needs a clock that stands still"
	case c.Scheme == vectors.HMAC && t.static == nil:
		return "the receiver's signing secret is not given"
	case c.Scheme != vectors.HMAC && t.dynamic == nil:
		return "the receiver does not trust keys of this command: --jwks-listen"
	case c.Keys == vectors.KeysPlain && !plain, strings.HasPrefix(c.Name, "secret/") && plain:
		return "it needs a secret of the other form"
	case c.Name == "rotated/by-the-older":
		return "it needs the older secret"
	case c.Keys == vectors.KeysAudience && len(t.Audiences) == 0:
		return "the receiver's audience is not given: --audiences"
	case c.Name == "audience/issuer-another" && len(t.Issuers) == 0:
		return "the receiver's issuer is not given: --issuers"
	}
	return ""
}

// try sends a case.
func (t *trials) try(ctx context.Context, c vectors.Case) trial {
	made := trial{Name: c.Name, Level: c.Level, Class: c.Expect.Class, Why: c.Why, Result: "untried", Expected: "refused"}
	if c.Expect.Accepted {
		made.Expected = "accepted"
	}
	if made.Reason = t.untriable(c); made.Reason != "" {
		return made
	}
	t.signer.Now = time.Now()
	request, shows := t.signer.Request(c)
	if !shows {
		made.Reason = "the secret reads the same in this wrong way"
		return made
	}
	to := t.static
	if c.Scheme != vectors.HMAC {
		to = t.dynamic
	}
	var got receipt
	var err error
	if first := c.Expect.Accepted && !t.genuine[c.Scheme]; first && c.Scheme != vectors.HMAC {
		got, err = introduce(ctx, t.signer, to, func() (vectors.Request, error) { return request, nil })
	} else {
		got, err = deliver(ctx, to, request)
	}
	if err != nil {
		made.Result, made.Reason = "wrong", err.Error()
		return made
	}
	t.judge(c, got, &made)
	return made
}

// judge compares an answer with what is expected.
func (t *trials) judge(c vectors.Case, got receipt, made *trial) {
	made.Status = got.status
	var body struct {
		Error string `json:"error"`
	}
	if json.Unmarshal([]byte(got.body), &body) == nil {
		made.Code = body.Error
	}
	if slices.Contains(noVerdict, got.status) {
		made.Reason = "that is no verdict on the delivery"
		return
	}
	made.Result = t.verdict(c, got)
	if made.Result == "right" && c.Expect.Accepted {
		t.genuine[c.Scheme] = true
	}
	if t.Exact && made.Result == "right" && (got.status != c.Expect.Status || made.Code != c.Expect.Code) {
		made.Result = "wrong"
		made.Reason = strings.TrimSpace(fmt.Sprintf("expected %d %s", c.Expect.Status, c.Expect.Code))
	}
}

// noVerdict are statuses that say nothing about who signed.
var noVerdict = []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusTooManyRequests}

// verdict compares what a receiver decided.
func (t *trials) verdict(c vectors.Case, got receipt) string {
	decided := got.accepted() || got.status >= 400 && got.status <= 499
	switch {
	case decided && got.accepted() == c.Expect.Accepted:
		return "right"
	case decided && c.Level == vectors.Should && !t.Strict:
		return "lenient"
	}
	return "wrong"
}
