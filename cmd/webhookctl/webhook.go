package main

import (
	"context"
	"os"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/geminiapi"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// webhook administers the static webhook.
type webhook struct {
	Create webhookCreate `cmd:"" help:"Register the webhook and store its signing secret; adopt, heal or update it where it is there."`
	List   webhookList   `cmd:"" help:"List all webhooks of the API key's project."`
	Get    webhookGet    `cmd:"" help:"Show the webhook that the secret names, and the secret's versions."`
	Update webhookUpdate `cmd:"" help:"Change the webhook's name, uri, events or state."`
	Ping   webhookPing   `cmd:"" help:"Make Gemini send a test delivery."`
	Rotate webhookRotate `cmd:"" help:"Make a new signing secret and store it."`
	Delete webhookDelete `cmd:"" help:"Delete the webhook; the secret keeps its versions."`
}

// defaultEvents are all that Gemini takes subscriptions to.
var defaultEvents = strings.Join(webhookadmin.SubscribableEvents, ",")

// signingSecret is the flag that names the secret of the signing secrets.
type signingSecret struct {
	Secret secret.Name `required:"" env:"SIGNING_SECRET" placeholder:"projects/P/secrets/S" help:"Secret whose versions are the webhook's signing secrets (of the receiver's SIGNING_SECRETS)."`
}

// AfterApply is kong's hook for validation.
func (s signingSecret) AfterApply() error { return given(s.Secret) }

// given refuses a flag that is there and empty.
func given(name secret.Name) error {
	if name == "" {
		return usage("--secret: %w", secret.ErrName)
	}
	return nil
}

// geminiFlags are those of every command that asks Gemini. The API key itself is
// no flag: the shell's history and ps would show it.
type geminiFlags struct {
	APIKeySecret secret.Name `name:"api-key-secret" env:"GEMINI_API_KEY_SECRET" placeholder:"projects/P/secrets/S" help:"Secret whose newest version is the Gemini API key. Without it, the key is the environment variable GEMINI_API_KEY."`
	JSON         bool        `name:"json" help:"Print JSON."`
}

// dryRun is the flag of all that changes something.
type dryRun struct {
	DryRun bool `name:"dry-run" help:"Say what would be done and change nothing: exit code 0 nothing to do, 10 something."`
}

// services are what the commands work with.
type services struct {
	secrets  *secretmanager.Client
	webhooks *geminiapi.Webhooks
	batches  geminiapi.Batches
	admin    *webhookadmin.Admin

	geminiFiles geminiapi.Files
	newBatches  geminiapi.NewBatches
}

// haveKey says whether an API key is given.
func (f geminiFlags) haveKey() bool {
	return f.APIKeySecret != "" || strings.TrimSpace(os.Getenv("GEMINI_API_KEY")) != ""
}

// connect checks the flags and connects. It makes no call yet.
func (f geminiFlags) connect(ctx context.Context) (*services, error) {
	if !f.haveKey() {
		return nil, usage("give the Gemini API key: --api-key-secret projects/P/secrets/S, or the environment variable GEMINI_API_KEY")
	}
	return f.dial(ctx)
}

func (f geminiFlags) dial(ctx context.Context) (*services, error) {
	secrets, err := secretmanager.NewClient(ctx)
	if err != nil {
		return nil, err
	}
	key := func(ctx context.Context) (secret.Value, error) {
		if f.APIKeySecret != "" {
			return secrets.Latest(ctx, f.APIKeySecret)
		}
		return secret.NewValue([]byte(os.Getenv("GEMINI_API_KEY"))), nil
	}
	webhooks := geminiapi.NewWebhooks(geminiapi.WebhooksConfig{Key: key})
	api := geminiapi.New(key)
	batches := geminiapi.Batches{API: api}
	return &services{
		secrets, webhooks, batches, webhookadmin.New(webhooks, secrets, time.Now),
		geminiapi.Files{API: api}, batches.NewBatches(geminiapi.WebhooksConfig{Key: key}),
	}, nil
}

func (s *services) Close() error { return s.secrets.Close() }

// noted is what the secret's annotations say: the id of its webhook, and the mark
// of a run that is at work or did not finish. Both may be empty.
func (s *services) noted(ctx context.Context, name secret.Name) (id, pending string, err error) {
	got, err := s.secrets.Get(ctx, name)
	note := webhookadmin.ReadNote(got, time.Now())
	return note.WebhookID, note.Mark, err
}
