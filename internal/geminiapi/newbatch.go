package geminiapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"

	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/retry"
	"example.com/gemini-webhook/internal/source"
)

// NewBatches makes batches, as a retry.Service. No error quotes an answer or the key.
type NewBatches struct {
	Batches
	config WebhooksConfig
}

// NewBatches gives what makes batches, reached as webhooks are. It makes no call yet.
func (b Batches) NewBatches(config WebhooksConfig) NewBatches { return NewBatches{b, config} }

// ErrWebhookConfig: the API does not take a batch's webhook_config.
var ErrWebhookConfig = errors.New("the Gemini API does not take webhook_config, with user_metadata, for this batch; to make it without, so that its outcomes do not say retry_of, give --no-metadata")

// Named implements retry.Service.
func (n NewBatches) Named(ctx context.Context, displayName string) (names []string, err error) {
	err = n.List(ctx, func(job source.Job) error {
		if job.DisplayName == displayName {
			names = append(names, job.Name)
		}
		return nil
	})
	return names, err
}

// Send implements retry.Service by the Files API: each call stores another file.
func (n NewBatches) Send(ctx context.Context, digest string, requests io.Reader) (file string, err error) {
	client, err := n.config.client(ctx)
	if err != nil {
		return "", err
	}
	made, err := client.Files.Upload(ctx, requests, &genai.UploadFileConfig{MIMEType: "application/jsonl", DisplayName: "retry-" + digest + ".jsonl"})
	if err != nil {
		return "", describeBatch(err, "upload the requests")
	}
	return made.Name, nil
}

// Create implements retry.Service. The SDK repeats no request that creates a batch.
func (n NewBatches) Create(ctx context.Context, job retry.Job) (name string, err error) {
	client, err := n.config.client(ctx)
	if err != nil {
		return "", fmt.Errorf("%w: %w", retry.ErrRefused, err)
	}
	ctx, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()
	options := &genai.HTTPOptions{ExtraBody: webhookConfig(job)}
	var made *genai.BatchJob
	if job.Embeddings {
		made, err = client.Batches.CreateEmbeddings(ctx, &job.Model, &genai.EmbeddingsBatchJobSource{FileName: job.File},
			&genai.CreateEmbeddingsBatchJobConfig{DisplayName: job.DisplayName, HTTPOptions: options})
	} else {
		made, err = client.Batches.Create(ctx, job.Model, &genai.BatchJobSource{FileName: job.File},
			&genai.CreateBatchJobConfig{DisplayName: job.DisplayName, HTTPOptions: options})
	}
	if err != nil {
		return "", describeBatch(err, "create the batch")
	}
	if made.Name == "" {
		return "", errors.New("create the batch: the answer of Gemini has no name")
	}
	return made.Name, nil
}

// webhookConfig is what is added to a request to create a batch: the SDK has no such
// field for embeddings, and rounds numbers in metadata.
func webhookConfig(job retry.Job) map[string]any {
	config := map[string]any{}
	if len(job.URIs) > 0 {
		config["uris"] = job.URIs
	}
	if job.Metadata != nil {
		config["userMetadata"] = job.Metadata
	}
	if len(config) == 0 {
		return nil
	}
	return map[string]any{"batch": map[string]any{"webhookConfig": config}}
}

// createTimeout bounds the wait for the answer to a request that creates a batch: the API
// reads the file first. After it, whether there is a batch is not known.
const createTimeout = 2 * callTimeout

// ofWebhook recognizes a refusal of the webhook_config by the names in its text.
var ofWebhook = regexp.MustCompile(`(?i)webhook_?config|user_?metadata`)

func describeBatch(err error, what string) error {
	answer, ok := errors.AsType[genai.APIError](err)
	if !ok {
		if withURL, ok := errors.AsType[*url.Error](err); ok {
			return fmt.Errorf("%s: no answer from Gemini: %w", what, unquoted(withURL.Err))
		}
		return fmt.Errorf("%s: the answer of Gemini cannot be read, or the SDK does not take this request", what)
	}
	text := fmt.Sprintf("%s: status %d%s", what, answer.Code, told(answer.Status+" "+answer.Message))
	switch {
	case answer.Code == http.StatusBadRequest && ofWebhook.MatchString(answer.Message):
		return fmt.Errorf("%s: %w, %w: %w", text, retry.ErrRefused, retry.ErrLasting, ErrWebhookConfig)
	case answer.Code == http.StatusRequestTimeout, answer.Code == http.StatusConflict, answer.Code == statusClientClosed, answer.Code/100 != 4:
		return errors.New(text) // perhaps done
	case answer.Code == http.StatusTooManyRequests, answer.Status == "FAILED_PRECONDITION": // as of a file that is not ready yet
		return fmt.Errorf("%s: %w", text, retry.ErrRefused)
	}
	return fmt.Errorf("%s: %w, %w", text, retry.ErrRefused, retry.ErrLasting)
}
