package localcloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"google.golang.org/genai"
	"google.golang.org/genai/interactions/models/interactions"
	"google.golang.org/genai/interactions/models/operations"

	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/geminiapi"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// Operator does what people do with a real project, with Google's own clients
// and this project's tools: they do not know that the cloud is embedded.
type Operator struct {
	AI      *genai.Client // Google's SDK
	Vertex  *genai.Client // the same, for Vertex AI in VertexLocation
	objects objects
	secrets *secretmanager.Client
	// Admin administers the static webhook, as webhookctl and Terraform do.
	Admin *webhookadmin.Admin
}

// Operator connects the Gemini SDK and the Secret Manager client to the cloud.
func (c *Cloud) Operator(ctx context.Context) (*Operator, error) {
	ai, err := genai.NewClient(ctx, &genai.ClientConfig{
		Backend: genai.BackendGeminiAPI, APIKey: APIKey, HTTPOptions: genai.HTTPOptions{BaseURL: c.Gemini.URL()},
	})
	if err != nil {
		return nil, errors.New("connect the Gemini SDK to the simulator") // the SDK's error may print its config
	}
	vertexAI, err := genai.NewClient(ctx, &genai.ClientConfig{
		Backend: genai.BackendVertexAI, Project: Project, Location: VertexLocation,
		HTTPClient:  new(http.Client), // without credentials
		HTTPOptions: genai.HTTPOptions{BaseURL: c.Vertex.URL()},
	})
	if err != nil {
		return nil, errors.New("connect the Gemini SDK to the simulator of Vertex AI")
	}
	sm, err := secretmanager.NewClientWith(ctx, c.Secrets.ClientOptions()...)
	if err != nil {
		return nil, err
	}
	hooks := geminiapi.NewWebhooks(geminiapi.WebhooksConfig{
		Key:     func(ctx context.Context) (secret.Value, error) { return sm.Latest(ctx, APIKeySecret) },
		BaseURL: c.Gemini.URL(),
	})
	return &Operator{
		AI: ai, Vertex: vertexAI, objects: c.objects, secrets: sm, Admin: webhookadmin.New(hooks, sm, time.Now),
	}, nil
}

// Close releases the connections.
func (o *Operator) Close() error { return o.secrets.Close() }

// Register creates the static webhook, whose signing secret is stored. It
// returns the webhook's id and the secret, to sign with it.
func (o *Operator) Register(ctx context.Context, name, uri string) (id, signing string, err error) {
	hook, _, err := o.Admin.Ensure(ctx, webhookadmin.Desired{
		Name: name, URI: uri, Enabled: true, SigningSecret: SigningSecret,
		SubscribedEvents: webhookadmin.SubscribableEvents,
	})
	if err != nil {
		return "", "", err
	}
	key, err := o.secrets.Latest(ctx, SigningSecret)
	return hook.ID, string(key.Reveal()), err
}

// Rotate makes a new signing secret and stores it; the older ones are dealt with
// as behavior says. It returns the new one.
func (o *Operator) Rotate(ctx context.Context, behavior webhookadmin.Behavior) (signing string, err error) {
	if _, err := o.Admin.Rotate(ctx, SigningSecret, behavior); err != nil {
		return "", err
	}
	key, err := o.secrets.Latest(ctx, SigningSecret)
	return string(key.Reveal()), err
}

// CreateToken makes a path token, which it returns too: what
// `webhookctl token create` does.
func (o *Operator) CreateToken(ctx context.Context) (token string, err error) {
	made := secret.NewToken()
	_, err = o.secrets.Add(ctx, TokenSecret, made)
	return string(made.Reveal()), err
}

// RunBatch uploads requests (JSONL) and starts a batch job with them. It
// returns the job's name; the result comes by webhook.
func (o *Operator) RunBatch(ctx context.Context, displayName string, requests io.Reader) (name string, err error) {
	return o.runBatch(ctx, displayName, requests, nil)
}

// RequestFile is the input of a batch with n requests (JSONL).
func RequestFile(n int) io.Reader {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"key":"request-%05d","request":{"contents":[{"parts":[{"text":"What is %d times %d?"}]}]}}`+"\n", i, i, i)
	}
	return strings.NewReader(b.String())
}

// RunInline starts a batch job with n inline requests. It returns the job's name; the
// result comes by webhook.
func (o *Operator) RunInline(ctx context.Context, displayName string, n int) (name string, err error) {
	requests := make([]*genai.InlinedRequest, n)
	for i := range requests {
		requests[i] = &genai.InlinedRequest{Contents: genai.Text(fmt.Sprintf("What is %d times %d?", i, i))}
	}
	return o.create(ctx, displayName, genai.BatchJobSource{InlinedRequests: requests}, nil)
}

// RunBatchTo is RunBatch with a webhook of the job's own: its events go to
// uri, signed with Google's keys, and bring metadata back.
func (o *Operator) RunBatchTo(ctx context.Context, displayName string, requests io.Reader, uri string, metadata map[string]any) (name string, err error) {
	return o.runBatch(ctx, displayName, requests, &genai.WebhookConfig{Uris: []string{uri}, UserMetadata: metadata})
}

func (o *Operator) runBatch(ctx context.Context, displayName string, requests io.Reader, webhook *genai.WebhookConfig) (string, error) {
	file, err := o.AI.Files.Upload(ctx, requests, &genai.UploadFileConfig{MIMEType: "application/jsonl"})
	if err != nil {
		return "", fmt.Errorf("upload requests: %w", err)
	}
	return o.create(ctx, displayName, genai.BatchJobSource{FileName: file.Name}, webhook)
}

func (o *Operator) create(ctx context.Context, displayName string, from genai.BatchJobSource, webhook *genai.WebhookConfig) (string, error) {
	job, err := o.AI.Batches.Create(ctx, "gemini-2.5-flash", &from,
		&genai.CreateBatchJobConfig{DisplayName: displayName, WebhookConfig: webhook})
	if err != nil {
		return "", fmt.Errorf("create batch: %w", err)
	}
	return job.Name, nil
}

// RunVertex uploads requests (JSONL) to ResultBucket and starts a batch job of
// Vertex AI with them, whose results go below vertex/ there. It returns the job's
// name; nothing tells when it ends.
func (o *Operator) RunVertex(ctx context.Context, displayName string, requests io.Reader) (name string, err error) {
	input := "vertex-input/" + displayName + ".jsonl"
	if err := o.objects.Write(ctx, ResultBucket, input, requests); err != nil {
		return "", fmt.Errorf("upload requests: %w", err)
	}
	job, err := o.Vertex.Batches.Create(ctx, "gemini-2.5-flash",
		&genai.BatchJobSource{Format: "jsonl", GCSURI: []string{"gs://" + ResultBucket + "/" + input}},
		&genai.CreateBatchJobConfig{DisplayName: displayName, Dest: &genai.BatchJobDestination{Format: "jsonl", GCSURI: "gs://" + ResultBucket + "/vertex"}})
	if err != nil {
		return "", fmt.Errorf("create batch of Vertex AI: %w", err)
	}
	return job.Name, nil
}

// GenerateVideos has n videos made of one prompt. It returns the operation's name.
func (o *Operator) GenerateVideos(ctx context.Context, n int32) (name string, err error) {
	made, err := o.AI.Models.GenerateVideosFromSource(ctx, "veo-3.1-generate-preview",
		&genai.GenerateVideosSource{Prompt: "waves"}, &genai.GenerateVideosConfig{NumberOfVideos: n})
	if err != nil {
		return "", fmt.Errorf("generate videos: %w", err)
	}
	return made.Name, nil
}

// Interact starts an interaction in the background. It returns its id.
func (o *Operator) Interact(ctx context.Context, labels map[string]string) (id string, err error) {
	background := true
	input := interactions.NewInteractionsInput("hello")
	made, err := o.AI.Interactions.Create(ctx, operations.CreateInteractionRequest{
		Body: operations.NewCreateInteractionRequestBody(interactions.CreateModelInteraction{
			Model: interactions.ModelGemini25Flash, Input: &input, Background: &background, Labels: labels,
		}),
	})
	if err != nil {
		return "", fmt.Errorf("create interaction: %w", err)
	}
	return *made.Interaction.ID, nil
}
