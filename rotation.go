package receiver

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

// rotatorFunction is RotateSigningSecret.
type rotatorFunction struct {
	config   *config.Config
	log      *slog.Logger
	drain    *server.Drain
	rotation lazy[webhookadmin.Rotation]
}

func newRotator(c *config.Config, log *slog.Logger) *rotatorFunction {
	return &rotatorFunction{config: c, log: log, drain: server.NewDrain()}
}

func (r *rotatorFunction) handle(ctx context.Context, e cloudevents.Event) error {
	if !r.drain.Enter() {
		return errors.New("the instance stops; deliver it again")
	}
	defer r.drain.Leave()
	rotation, err := r.rotation.get(r.build)
	if err != nil {
		r.log.ErrorContext(ctx, "the clients of Google Cloud cannot be built, the notification will be delivered again", "error", err.Error())
		return errors.New("not finished; deliver it again")
	}
	return rotation.Handle(ctx, e.Data(), e.Time()) // Eventarc's time is that of publishing
}

func (r *rotatorFunction) build(ctx context.Context) (webhookadmin.Rotation, error) {
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
