package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"example.com/gemini-webhook/internal/explain"
	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/secret"
)

// signingFlags name the signing secrets that a receiver has. A secret itself is no
// flag: the shell's history and ps would show it.
type signingFlags struct {
	SigningSecrets []secret.Name `name:"signing-secrets" env:"SIGNING_SECRETS" placeholder:"projects/P/secrets/S" help:"Secrets whose versions are the signing secrets, comma-separated (the receiver's SIGNING_SECRETS)."`
	SecretFile     string        `placeholder:"FILE" help:"File with a signing secret, in place of those."`
}

// tokenFlags name what dynamic deliveries carry in their path.
type tokenFlags struct {
	TokenSecret secret.Name `name:"token-secret" env:"DYNAMIC_TOKEN_SECRET" placeholder:"projects/P/secrets/S" help:"Secret whose versions are the path tokens (the receiver's DYNAMIC_TOKEN_SECRET)."`
}

// maxSecretBytes is Secret Manager's limit of a payload.
const maxSecretBytes = 64 << 10

// readSecretFile reads a secret of a file.
func readSecretFile(path string) (secret.Value, error) {
	f, err := os.Open(path)
	if err != nil {
		return secret.Value{}, usage("--secret-file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	if err != nil {
		return secret.Value{}, fmt.Errorf("read --secret-file: %w", err)
	}
	if len(text) > maxSecretBytes {
		return secret.Value{}, usage("--secret-file: the file is over %d bytes", maxSecretBytes)
	}
	return secret.NewValue(bytes.TrimSpace(text)), nil
}

// signer is the secret to sign with: the file's, or the newest version of the first
// secret. The error says why receivers refuse it, if they do.
func (f signingFlags) signer(ctx context.Context) (key secret.Value, name string, err error) {
	switch {
	case f.SecretFile != "":
		name = filepath.Base(f.SecretFile)
		key, err = readSecretFile(f.SecretFile)
	case len(f.SigningSecrets) == 0:
		return key, "", usage("give the signing secret: --signing-secrets projects/P/secrets/S, or --secret-file FILE")
	default:
		key, name, err = newestOf(ctx, f.SigningSecrets[0])
	}
	if err != nil {
		return secret.Value{}, "", err
	}
	if _, err := secret.SigningKeys(key.Reveal()); err != nil {
		return secret.Value{}, "", fmt.Errorf("receivers refuse %s: %w", name, err)
	}
	return secret.NewValue(bytes.TrimSpace(key.Reveal())), name, nil
}

// newestOf reads the newest enabled version of a secret.
func newestOf(ctx context.Context, name secret.Name) (secret.Value, string, error) {
	client, err := secretmanager.NewClient(ctx)
	if err != nil {
		return secret.Value{}, "", err
	}
	defer client.Close()
	versions, err := client.Versions(ctx, name)
	if err != nil {
		return secret.Value{}, "", err
	}
	newest, ok := secret.NewestEnabled(versions)
	if !ok {
		return secret.Value{}, "", notFound("%s has no enabled version", name)
	}
	key, err := client.Access(ctx, name, newest.Number)
	return key, name.Version(newest.Number).String(), err
}

// versionsOf reads the versions of secrets, with when receivers cease to accept each.
func versionsOf(ctx context.Context, names []secret.Name, overlap time.Duration, revoked []string, read func([]byte) ([]secret.Value, error)) ([]explain.Version, error) {
	client, err := secretmanager.NewClient(ctx)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return explain.Load(ctx, client, names, overlap, revoked, read)
}

// errFound is what a command ends with that has found something wrong, and has said
// what.
var errFound = errors.New("something is wrong")
