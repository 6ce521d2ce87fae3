package geminiapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/genai"
	"google.golang.org/genai/interactions/models/operations"
	"google.golang.org/genai/interactions/models/webhooks"
	"google.golang.org/genai/interactions/retry"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

const (
	callTimeout = 30 * time.Second // one call with the SDK's retries; they end after some 7 s
	listPage    = 100
	maxPages    = 100 // a list that does not end is an error
)

// WebhooksConfig is how the WebhookService is reached. Key alone is required.
type WebhooksConfig struct {
	// Key returns the API key; it is called for every call, so that a new key
	// needs no restart.
	Key func(context.Context) (secret.Value, error)
	// BaseURL is where the API is; empty means GOOGLE_GEMINI_BASE_URL, and
	// Google's where that is not set.
	BaseURL string
	// Transport carries the requests; nil means http.DefaultTransport.
	Transport http.RoundTripper
}

// Webhooks is Gemini's WebhookService. No error of it holds a secret or the API
// key.
type Webhooks struct{ config WebhooksConfig }

// NewWebhooks gives the WebhookService. It makes no call yet.
func NewWebhooks(config WebhooksConfig) *Webhooks { return &Webhooks{config} }

// client gives the SDK's client with the current key. Its error says that nothing was
// sent: it wraps webhookadmin.ErrRefused.
func (c WebhooksConfig) client(ctx context.Context) (*genai.Client, error) {
	base, err := baseURL(c.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", webhookadmin.ErrRefused, err)
	}
	value, err := c.Key(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w: %w", webhookadmin.ErrRefused, webhookadmin.ErrNoKey, err)
	}
	key := strings.TrimSpace(string(value.Reveal()))
	if key == "" {
		return nil, fmt.Errorf("%w: the API key is empty; give one", webhookadmin.ErrRefused)
	}
	client, err := genai.NewClient(ctx, &genai.ClientConfig{
		Backend: genai.BackendGeminiAPI, APIKey: key,
		HTTPOptions: genai.HTTPOptions{BaseURL: base},
		HTTPClient: &http.Client{
			Transport: c.Transport,
			// The API does not redirect, and the key is for its host alone.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	})
	if err != nil { // its text may show the whole configuration
		return nil, fmt.Errorf("%w: the Gemini client cannot be made; check the API key and the base URL", webhookadmin.ErrRefused)
	}
	return client, nil
}

// call runs f on a client with the current key, within callTimeout.
func (w *Webhooks) call(ctx context.Context, what string, f func(context.Context, *genai.Client) error) error {
	client, err := w.config.client(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := f(ctx, client); err != nil {
		if own, ok := errors.AsType[answerError](err); ok {
			return fmt.Errorf("%s: %w", what, own)
		}
		return describeWebhook(err, what)
	}
	return nil
}

// answerError is what is wrong with an answer that came with a good status.
type answerError string

func (e answerError) Error() string { return string(e) }

// once turns the SDK's retries off. It would repeat a create or a rotation
// whose answer was lost, and the first new secret would never be seen.
func once() operations.Option { return operations.WithRetries(retry.Config{Strategy: "none"}) }

// Create registers a webhook and returns it with its signing secret, which is
// shown this once. It is sent once: an error that wraps neither webhookadmin.ErrRefused
// nor webhookadmin.ErrWebhookNotFound leaves open whether there is a new webhook now.
func (w *Webhooks) Create(ctx context.Context, fields webhookadmin.Fields) (hook webhookadmin.Webhook, key secret.Value, err error) {
	in := webhooks.WebhookInput{Name: fields.Name, SubscribedEvents: convert[webhooks.WebhookSubscribedEvent](fields.SubscribedEvents)}
	if fields.URI != nil {
		in.URI = *fields.URI
	}
	err = w.call(ctx, "create webhook", func(ctx context.Context, client *genai.Client) error {
		answer, err := client.Webhooks.Create(ctx, operations.CreateWebhookRequest{Body: in}, once())
		if err != nil {
			return err
		}
		if hook, err = fromAnswer(answer.Webhook); err != nil {
			return err
		}
		text := answer.Webhook.NewSigningSecret
		if text == nil || *text == "" {
			return answerError("the answer of Gemini has no signing secret")
		}
		key = secret.NewValue([]byte(*text))
		return nil
	})
	return hook, key, err
}

// Rotate makes a new signing secret and returns it; this is the only time it is
// shown. Immediately revokes the older ones at once, else they live 24 h more.
// It is sent once, see [Webhooks.Create].
func (w *Webhooks) Rotate(ctx context.Context, id string, immediately bool) (key secret.Value, err error) {
	behavior := webhooks.RevocationBehavior("revoke_previous_secrets_after_h24")
	if immediately {
		behavior = "revoke_previous_secrets_immediately"
	}
	err = w.call(ctx, "rotate the signing secret of webhook "+id, func(ctx context.Context, client *genai.Client) error {
		answer, err := client.Webhooks.RotateSigningSecret(ctx, operations.RotateSigningSecretRequest{
			ID: id, Body: webhooks.RotateSigningSecretRequest{RevocationBehavior: &behavior},
		}, once())
		if err != nil {
			return err
		}
		rotated := answer.WebhookRotateSigningSecretResponse
		if rotated == nil || rotated.Secret == nil || *rotated.Secret == "" {
			return answerError("the answer of Gemini has no signing secret")
		}
		key = secret.NewValue([]byte(*rotated.Secret))
		return nil
	})
	return key, err
}

// Get returns a webhook by its id, or webhookadmin.ErrWebhookNotFound.
func (w *Webhooks) Get(ctx context.Context, id string) (hook webhookadmin.Webhook, err error) {
	err = w.call(ctx, "get webhook "+id, func(ctx context.Context, client *genai.Client) error {
		answer, err := client.Webhooks.Get(ctx, operations.GetWebhookRequest{ID: id})
		if err != nil {
			return err
		}
		hook, err = fromAnswer(answer.Webhook)
		return err
	})
	return hook, err
}

// List returns all webhooks of the API key's project.
func (w *Webhooks) List(ctx context.Context) (hooks []webhookadmin.Webhook, err error) {
	size, token := listPage, ""
	for range maxPages {
		err := w.call(ctx, "list webhooks", func(ctx context.Context, client *genai.Client) error {
			request := operations.ListWebhooksRequest{PageSize: &size}
			if token != "" {
				request.PageToken = &token
			}
			answer, err := client.Webhooks.List(ctx, request)
			if err != nil {
				return err
			}
			page := answer.WebhookListResponse
			if page == nil {
				return answerError("the answer of Gemini has no list")
			}
			for i := range page.Webhooks {
				hook, err := fromAnswer(&page.Webhooks[i])
				if err != nil {
					return err
				}
				hooks = append(hooks, hook)
			}
			token = deref(page.NextPageToken)
			return nil
		})
		if err != nil || token == "" {
			return hooks, err
		}
	}
	return nil, fmt.Errorf("list webhooks: more than %d pages", maxPages)
}

// Update sets the fields that are not nil and returns the webhook. It may be
// sent several times.
func (w *Webhooks) Update(ctx context.Context, id string, fields webhookadmin.Fields) (hook webhookadmin.Webhook, err error) {
	body := webhooks.WebhookUpdate{
		Name: fields.Name, URI: fields.URI,
		SubscribedEvents: convert[webhooks.WebhookUpdateSubscribedEvent](fields.SubscribedEvents),
	}
	if fields.State != nil {
		state := webhooks.WebhookUpdateState(*fields.State)
		body.State = &state
	}
	mask := strings.Join(fields.Names(), ",")
	err = w.call(ctx, "update webhook "+id, func(ctx context.Context, client *genai.Client) error {
		answer, err := client.Webhooks.Update(ctx, operations.UpdateWebhookRequest{ID: id, UpdateMask: &mask, Body: body})
		if err != nil {
			return err
		}
		hook, err = fromAnswer(answer.Webhook)
		return err
	})
	return hook, err
}

// Ping makes Gemini send a test delivery. It does not wait for it.
func (w *Webhooks) Ping(ctx context.Context, id string) error {
	return w.call(ctx, "ping webhook "+id, func(ctx context.Context, client *genai.Client) error {
		_, err := client.Webhooks.Ping(ctx, operations.PingWebhookRequest{ID: id})
		return err
	})
}

// Delete removes a webhook; webhookadmin.ErrWebhookNotFound where there is none, which is
// also the answer to a repetition after a lost one.
func (w *Webhooks) Delete(ctx context.Context, id string) error {
	return w.call(ctx, "delete webhook "+id, func(ctx context.Context, client *genai.Client) error {
		_, err := client.Webhooks.Delete(ctx, operations.DeleteWebhookRequest{ID: id})
		return err
	})
}

func fromAnswer(from *webhooks.Webhook) (webhookadmin.Webhook, error) {
	if from == nil || deref(from.ID) == "" {
		return webhookadmin.Webhook{}, answerError("the answer of Gemini has no webhook id")
	}
	hook := webhookadmin.Webhook{
		ID: strings.TrimPrefix(*from.ID, "webhooks/"), Name: deref(from.Name), URI: from.URI,
		SubscribedEvents: convert[string](from.SubscribedEvents), State: string(deref(from.State)),
		Created: deref(from.CreateTime), Updated: deref(from.UpdateTime),
	}
	for _, s := range from.SigningSecrets {
		hook.SigningSecrets = append(hook.SigningSecrets, webhookadmin.SigningSecret{Truncated: deref(s.TruncatedSecret), Expires: deref(s.ExpireTime)})
	}
	return hook, nil
}

func deref[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}

func convert[To, From ~string](from []From) []To {
	if from == nil {
		return nil
	}
	to := make([]To, len(from))
	for i, s := range from {
		to[i] = To(s)
	}
	return to
}
