package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/capture"
	"example.com/gemini-webhook/internal/explain"
	"example.com/gemini-webhook/internal/jwks"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/verify"
)

// verification is "webhookctl verify".
type verification struct {
	Request string `arg:"" placeholder:"REQUEST" help:"File with the captured request, or - for standard input."`
	signingFlags
	tokenFlags
	JSON bool `name:"json" help:"Print JSON."`

	Now       string        `placeholder:"TIME" help:"When it was captured, in RFC 3339 or Unix seconds. By default now."`
	Tolerance time.Duration `env:"REPLAY_TOLERANCE" default:"5m" help:"How far webhook-timestamp may be from that (the receiver's REPLAY_TOLERANCE)."`

	SecretOverlap   time.Duration `name:"signing-secret-overlap" env:"SIGNING_SECRET_OVERLAP" default:"24h" help:"How long a version is accepted after the next one."`
	TokenOverlap    time.Duration `name:"dynamic-token-overlap" env:"DYNAMIC_TOKEN_OVERLAP" default:"96h" help:"The same of path tokens."`
	RevokedVersions []string      `env:"REVOKED_VERSIONS" placeholder:"VERSION" help:"Versions that are never accepted, comma-separated."`
	DynamicOpen     bool          `env:"DYNAMIC_OPEN" help:"Google's signatures are accepted on any path."`
	JWKSURL         string        `name:"jwks-url" env:"JWKS_URL" default:"https://generativelanguage.googleapis.com/.well-known/jwks.json" help:"Key set of dynamic deliveries. It is fetched where one has to be verified."`
	JWKSFile        string        `name:"jwks-file" placeholder:"FILE" help:"The key set as a file."`
	Audiences       []string      `env:"JWT_AUDIENCES" placeholder:"AUD" help:"What a JWT's aud may be, comma-separated; none: anything."`
	Issuers         []string      `env:"JWT_ISSUERS" placeholder:"ISS" help:"The same of iss."`
}

// Help is kong's, for details.
func (verification) Help() string {
	return `REQUEST is a delivery as it was captured, in one of these forms:

  HTTP text      POST /path HTTP/1.1, headers, an empty line, the body as it is
  curl           the command line that would send it, with the body written out
  JSON           {method, path or url, headers, body or body_base64}; a vector of
                 docs/vectors.json; a HAR file with one entry

Each check prints a line: ok, FAIL or note, what came, what was expected, and what
to do. Checks behind the first that fails are made all the same. Where a signature
is of nobody, versions that are not accepted and the usual mistakes are tried: line
ends that were added, JSON that was written again, a secret that was not decoded.

Nothing in the request is run, and no file or address in it is read. Secrets are
read of Secret Manager, or of a file; nothing secret is printed.

For example:

  go run ./cmd/webhookctl verify --secret-file=secret.txt --now=2026-03-01T12:00:00Z request.txt

--json prints {genuine, status, code, checks: [{check, status, came, expected, do}]}:
status and code are what the receiver answers, a check's status is ok, fail or note.

` + codesHelp + `

Here 0 means that the delivery is genuine and in time, 1 that it is not.`
}

// Run explains the request.
func (v verification) Run(ctx context.Context, s streams) error {
	request, err := v.read(s)
	if err != nil {
		return err
	}
	config, err := v.config(ctx)
	if err != nil {
		return err
	}
	report := explain.Explain(ctx, request, config)
	if v.JSON {
		err = printJSON(s.out, report)
	} else {
		printReport(s.out, report)
	}
	if err == nil && !report.Genuine {
		return errFound
	}
	return err
}

func (v verification) read(s streams) (capture.Request, error) {
	from := s.in
	if v.Request != "-" {
		f, err := os.Open(v.Request)
		if err != nil {
			return capture.Request{}, usage("REQUEST: %w", err)
		}
		defer f.Close()
		from = f
	}
	if from == nil {
		return capture.Request{}, usage("REQUEST: there is nothing on standard input")
	}
	text, err := io.ReadAll(io.LimitReader(from, capture.MaxBytes+1))
	if err != nil {
		return capture.Request{}, fmt.Errorf("read the request: %w", err)
	}
	request, err := capture.Parse(text)
	if err != nil {
		return request, usage("REQUEST: %w", err)
	}
	return request, nil
}

// config is what the receiver would verify with at the time of the capture.
func (v verification) config(ctx context.Context) (c explain.Config, err error) {
	c = explain.Config{Open: v.DynamicOpen, Audiences: v.Audiences, Issuers: v.Issuers, Tolerance: v.Tolerance, Now: time.Now()}
	if v.Now != "" {
		if c.Now, err = parseTime(v.Now); err != nil {
			return c, err
		}
	}
	switch {
	case v.SecretFile != "":
		text, err := readSecretFile(v.SecretFile)
		if err != nil {
			return c, err
		}
		c.Secrets = []explain.Version{explain.VersionOf(v.SecretFile, text, secret.SigningKeys)}
	case len(v.SigningSecrets) > 0:
		if c.Secrets, err = versionsOf(ctx, v.SigningSecrets, v.SecretOverlap, v.RevokedVersions, secret.SigningKeys); err != nil {
			return c, err
		}
	}
	if v.TokenSecret != "" {
		if c.Tokens, err = versionsOf(ctx, []secret.Name{v.TokenSecret}, v.TokenOverlap, v.RevokedVersions, secret.PathTokens); err != nil {
			return c, err
		}
	}
	if c.Secrets == nil && c.Tokens == nil && !v.DynamicOpen {
		return c, usage("give what to verify with: --signing-secrets or --secret-file, and --token-secret for dynamic deliveries")
	}
	c.Keys, err = v.keySet()
	return c, err
}

// keySet is the sender's: nothing is fetched before it is needed.
func (v verification) keySet() (verify.KeySet, error) {
	if v.JWKSFile == "" {
		return jwks.New(jwks.Config{URL: v.JWKSURL, StaleLimit: time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler)}), nil
	}
	text, err := os.ReadFile(v.JWKSFile)
	if err != nil {
		return nil, usage("--jwks-file: %w", err)
	}
	keys, err := jwks.Parse(text)
	if err != nil {
		return nil, usage("--jwks-file: %w", err)
	}
	return verify.StaticKeys(keys), nil
}

func parseTime(text string) (time.Time, error) {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(seconds, 0), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, usage("--now wants a time, as 2026-03-01T12:00:00Z or 1772366400")
	}
	return t, nil
}

func printReport(out io.Writer, r explain.Report) {
	for _, c := range r.Checks {
		status := string(c.Status)
		if c.Status == explain.Failed {
			status = "FAIL"
		}
		fmt.Fprintf(out, "%-4s  %s: %s", status, c.Name, c.Came)
		if c.Expected != "" {
			fmt.Fprintf(out, "; expected: %s", c.Expected)
		}
		if c.Do != "" {
			fmt.Fprintf(out, " => %s", c.Do)
		}
		fmt.Fprintln(out)
	}
	verdict := "genuine, and in time"
	if !r.Genuine {
		verdict = "not accepted"
	}
	fmt.Fprintf(out, "%s: the receiver answers %s\n", verdict, strings.TrimSpace(fmt.Sprintf("%d %s", r.Status, r.Code)))
}
