package function

import (
	"context"
	"errors"
	"log/slog"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"example.com/gemini-webhook/internal/config"
	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/geminiapi"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/server"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// Rotator is RotateSigningSecret.
type Rotator struct {
	Drain *server.Drain // of what is in flight

	config   *config.Config
	log      *slog.Logger
	rotation lazy[webhookadmin.Rotation]
}

// NewRotator gives RotateSigningSecret as it is configured.
func NewRotator(c *config.Config, log *slog.Logger) *Rotator {
	return &Rotator{config: c, log: log, Drain: server.NewDrain()}
}

// Handle answers a notification; with an error it is to be delivered again.
func (r *Rotator) Handle(ctx context.Context, e cloudevents.Event) error {
	if !r.Drain.Enter() {
		return errors.New("the instance stops; deliver it again")
	}
	defer r.Drain.Leave()
	rotation, err := r.rotation.get(r.build)
	if err != nil {
		r.log.ErrorContext(ctx, "the clients of Google Cloud cannot be built, the notification will be delivered again", "error", err.Error())
		return errors.New("not finished; deliver it again")
	}
	return rotation.Handle(ctx, e.Data(), e.Time()) // Eventarc's time is that of publishing
}

func (r *Rotator) build(ctx context.Context) (webhookadmin.Rotation, error) {
	sm, err := secretmanager.NewClient(ctx)
	if err != nil {
		return webhookadmin.Rotation{}, err
	}
	webhooks := geminiapi.NewWebhooks(geminiapi.WebhooksConfig{Key: func(ctx context.Context) (secret.Value, error) {
		return sm.Latest(ctx, r.config.GeminiAPIKeySecret)
	}})
	return webhookadmin.Rotation{
		Admin:   webhookadmin.New(webhooks, sm, time.Now),
		Secrets: r.config.SigningSecrets,
		Overlap: r.config.SigningSecretOverlap,
		Log:     r.log,
	}, nil
}
