package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/endpoint"
	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/secret"
)

// tokenSecret is the flag that names the secret of the path tokens.
type tokenSecret struct {
	Secret secret.Name `required:"" env:"DYNAMIC_TOKEN_SECRET" placeholder:"projects/P/secrets/S" help:"Secret whose versions are the tokens (the receiver's DYNAMIC_TOKEN_SECRET)."`
}

// AfterApply is kong's hook for validation.
func (t tokenSecret) AfterApply() error { return given(t.Secret) }

// dynamicURI prints a URL with the newest token.
type dynamicURI struct {
	tokenSecret
	URL   string `required:"" env:"RECEIVER_URL" placeholder:"https://…" help:"Address of the public door, without a path."`
	Label string `placeholder:"x" help:"What the job's outcomes are told apart by: it stays in their path, the token does not."`
}

// Run reads the newest enabled version and prints the URL.
func (d dynamicURI) Run(ctx context.Context, s streams) error {
	base, err := endpoint.Parse(d.URL)
	if err != nil {
		return usage("--url %w: the URL will hold a token", err)
	}
	if strings.Trim(base.Path, "/") != "" || base.RawQuery != "" {
		return usage("--url wants the receiver's address without a path, as https://receiver.example")
	}
	client, err := secretmanager.NewClient(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	number, err := newestEnabled(ctx, client, d.Secret)
	if err != nil {
		return err
	}
	payload, err := client.Access(ctx, d.Secret, number)
	if err != nil {
		return err
	}
	if _, err := secret.PathTokens(payload.Reveal()); err != nil {
		return fmt.Errorf("version %d of %s is no token: %w; or make one with: webhookctl token rotate", number, d.Secret, err)
	}
	path := []string{"dynamic", strings.TrimSpace(string(payload.Reveal()))}
	for _, label := range strings.Split(d.Label, "/") {
		switch label {
		case "":
			continue
		case ".", "..":
			return usage("--label must not hold . or .. as a part of its path")
		}
		path = append(path, url.PathEscape(label))
	}
	fmt.Fprintln(s.out, base.Scheme+"://"+base.Host+"/"+strings.Join(path, "/"))
	return nil
}

// newestEnabled is the version that the receiver takes for the newest.
func newestEnabled(ctx context.Context, client *secretmanager.Client, name secret.Name) (int64, error) {
	versions, err := client.Versions(ctx, name)
	if err != nil {
		return 0, err
	}
	newest, ok := secret.NewestEnabled(versions)
	if !ok {
		return 0, notFound("%s has no enabled version; make one with: webhookctl token create", name)
	}
	return newest.Number, nil
}

// token makes tokens.
type token struct {
	Create tokenCreate `cmd:"" help:"Make the first token, and its secret if there is none."`
	Rotate tokenRotate `cmd:"" help:"Make a new token; the one before it is accepted for DYNAMIC_TOKEN_OVERLAP more."`
}

type tokenCreate struct{ tokenSecret }

// Run makes the secret where there is none, and a token where there is none.
func (t tokenCreate) Run(ctx context.Context, s streams) error {
	client, err := secretmanager.NewClient(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	versions, err := client.Versions(ctx, t.Secret)
	if errors.Is(err, secret.ErrNotFound) {
		err = client.Create(ctx, t.Secret)
	}
	if err != nil {
		return err
	}
	if v, ok := secret.NewestEnabled(versions); ok {
		if why := whyRefused(ctx, client, t.Secret, v.Number, secret.PathTokens); why != nil {
			return fmt.Errorf("version %d of %s is no token: %w; or make one with: webhookctl token rotate", v.Number, t.Secret, why)
		}
		return fmt.Errorf("%s has a token already (version %d); use: webhookctl token rotate", t.Secret, v.Number)
	}
	return addToken(ctx, client, t.Secret, s)
}

type tokenRotate struct {
	tokenSecret
	Overlap time.Duration `default:"96h" help:"The receiver's DYNAMIC_TOKEN_OVERLAP, for the message alone."`
}

// Run adds a token beside the one there is.
func (t tokenRotate) Run(ctx context.Context, s streams) error {
	client, err := secretmanager.NewClient(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	before, err := newestEnabled(ctx, client, t.Secret)
	if err != nil {
		return err
	}
	if err := addToken(ctx, client, t.Secret, s); err != nil {
		return err
	}
	if why := whyRefused(ctx, client, t.Secret, before, secret.PathTokens); why != nil {
		fmt.Fprintf(s.messages, "version %d was never accepted: %v\n", before, why)
		return nil
	}
	fmt.Fprintf(s.messages, "version %d is accepted until %s; if it has leaked, put %s into REVOKED_VERSIONS and deploy\n",
		before, time.Now().Add(t.Overlap).UTC().Format(time.RFC3339), t.Secret.Version(before))
	return nil
}

// addToken makes a token that nobody sees, and prints the version's name.
func addToken(ctx context.Context, client *secretmanager.Client, name secret.Name, s streams) error {
	number, err := client.Add(ctx, name, secret.NewToken())
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, name.Version(number))
	return nil
}
