package localcloud

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/genai"
	"google.golang.org/genai/interactions/models/operations"
	"google.golang.org/genai/interactions/models/webhooks"
)

// Operator does what people do with a real project, with Google's own clients
// alone: they do not know that the cloud is embedded.
type Operator struct {
	genai   *genai.Client
	secrets *secretmanager.Client
}

// Operator connects the Gemini SDK and the Secret Manager client to the cloud.
func (c *Cloud) Operator(ctx context.Context) (*Operator, error) {
	ai, err := genai.NewClient(ctx, &genai.ClientConfig{
		Backend: genai.BackendGeminiAPI, APIKey: APIKey, HTTPOptions: genai.HTTPOptions{BaseURL: c.Gemini.URL()},
	})
	if err != nil {
		return nil, errors.New("connect the Gemini SDK to the simulator") // the SDK's error may print its config
	}
	sm, err := secretmanager.NewClient(ctx, c.Secrets.ClientOptions()...)
	if err != nil {
		return nil, fmt.Errorf("connect to Secret Manager: %w", err)
	}
	return &Operator{ai, sm}, nil
}

// Close releases the connections.
func (o *Operator) Close() error { return o.secrets.Close() }

// Register creates the static webhook and stores its signing secret, which it
// returns too, with the webhook's id.
func (o *Operator) Register(ctx context.Context, name, uri string) (id, secret string, err error) {
	created, err := o.genai.Webhooks.Create(ctx, operations.CreateWebhookRequest{Body: webhooks.WebhookInput{
		Name: &name,
		URI:  uri,
		SubscribedEvents: []webhooks.WebhookSubscribedEvent{
			"batch.succeeded", "batch.expired", "batch.failed", "video.generated",
			"interaction.requires_action", "interaction.completed", "interaction.failed",
		},
	}})
	if err != nil {
		return "", "", fmt.Errorf("create webhook: %w", err)
	}
	if created.Webhook == nil || created.Webhook.ID == nil || created.Webhook.NewSigningSecret == nil {
		return "", "", errors.New("create webhook: the answer has no id or no secret")
	}
	return *created.Webhook.ID, *created.Webhook.NewSigningSecret, o.store(ctx, SigningSecret, *created.Webhook.NewSigningSecret)
}

// Rotate makes a new signing secret, lets the old one live 24 hours more, and
// stores the new one, which it returns.
func (o *Operator) Rotate(ctx context.Context, id string) (secret string, err error) {
	behavior := webhooks.RevocationBehavior("revoke_previous_secrets_after_h24")
	rotated, err := o.genai.Webhooks.RotateSigningSecret(ctx, operations.RotateSigningSecretRequest{
		ID: id, Body: webhooks.RotateSigningSecretRequest{RevocationBehavior: &behavior},
	})
	if err != nil {
		return "", fmt.Errorf("rotate signing secret: %w", err)
	}
	answer := rotated.WebhookRotateSigningSecretResponse
	if answer == nil || answer.Secret == nil {
		return "", errors.New("rotate signing secret: the answer has no secret")
	}
	return *answer.Secret, o.store(ctx, SigningSecret, *answer.Secret)
}

// CreateToken makes a path token, which it returns too: what
// `webhookctl token create` does.
func (o *Operator) CreateToken(ctx context.Context) (token string, err error) {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails: it ends the program instead
	token = base64.RawURLEncoding.EncodeToString(random)
	return token, o.store(ctx, TokenSecret, token)
}

func (o *Operator) store(ctx context.Context, secret, payload string) error {
	_, err := o.secrets.AddSecretVersion(ctx, &secretmanagerpb.AddSecretVersionRequest{
		Parent: secret, Payload: &secretmanagerpb.SecretPayload{Data: []byte(payload)},
	})
	if err != nil {
		return fmt.Errorf("add a version to %s: %w", secret, err)
	}
	return nil
}

// RunBatch uploads requests (JSONL) and starts a batch job with them. It
// returns the job's name; the result comes by webhook.
func (o *Operator) RunBatch(ctx context.Context, displayName string, requests io.Reader) (name string, err error) {
	return o.runBatch(ctx, displayName, requests, nil)
}

// RunBatchTo is RunBatch with a webhook of the job's own: its events go to
// uri, signed with Google's keys, and bring metadata back.
func (o *Operator) RunBatchTo(ctx context.Context, displayName string, requests io.Reader, uri string, metadata map[string]any) (name string, err error) {
	return o.runBatch(ctx, displayName, requests, &genai.WebhookConfig{Uris: []string{uri}, UserMetadata: metadata})
}

func (o *Operator) runBatch(ctx context.Context, displayName string, requests io.Reader, webhook *genai.WebhookConfig) (string, error) {
	file, err := o.genai.Files.Upload(ctx, requests, &genai.UploadFileConfig{MIMEType: "application/jsonl"})
	if err != nil {
		return "", fmt.Errorf("upload requests: %w", err)
	}
	job, err := o.genai.Batches.Create(ctx, "gemini-2.5-flash", &genai.BatchJobSource{FileName: file.Name},
		&genai.CreateBatchJobConfig{DisplayName: displayName, WebhookConfig: webhook})
	if err != nil {
		return "", fmt.Errorf("create batch: %w", err)
	}
	return job.Name, nil
}
