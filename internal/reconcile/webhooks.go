package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"example.com/gemini-webhook/internal/endpoint"
	"example.com/gemini-webhook/internal/webhookadmin"
)

const (
	healTime = time.Minute // for all webhooks
	maxHosts = 20          // that are asked in a run
)

// Webhooks is Gemini's WebhookService.
type Webhooks interface {
	List(ctx context.Context) ([]webhookadmin.Webhook, error)
	Update(ctx context.Context, id string, fields webhookadmin.Fields) (webhookadmin.Webhook, error)
}

// Healer enables webhooks again that Gemini disabled after failed deliveries. Those that
// somebody disabled stay so.
type Healer struct {
	Webhooks Webhooks
	// Health is nil where GET /health at an origin ("https://host") answers 200.
	Health func(ctx context.Context, origin string) error
	Log    *slog.Logger
}

// heal gives how many it enabled. What a receiver says is no error of the run.
func (h *Healer) heal(ctx context.Context) (enabled int, err error) {
	ctx, cancel := context.WithTimeout(ctx, healTime)
	defer cancel()
	hooks, err := h.Webhooks.List(ctx)
	if err != nil {
		return 0, err
	}
	state, asked, errs := webhookadmin.StateEnabled, map[string]error{}, []error(nil)
	for _, hook := range hooks {
		if hook.State != webhookadmin.StateFailed {
			continue
		}
		if err := h.healthy(ctx, hook.URI, asked); err != nil {
			h.Log.WarnContext(ctx, "a webhook that Gemini has disabled stays so: its receiver is not healthy", "webhook", hook.ID, "error", err.Error())
			continue
		}
		if _, err := h.Webhooks.Update(ctx, hook.ID, webhookadmin.Fields{State: &state}); err != nil {
			errs = append(errs, err)
			continue
		}
		h.Log.WarnContext(ctx, "a webhook that Gemini had disabled after failed deliveries is enabled again", "webhook", hook.ID)
		enabled++
	}
	return enabled, errors.Join(errs...)
}

// healthy asks each origin once.
func (h *Healer) healthy(ctx context.Context, uri string, asked map[string]error) error {
	address, err := endpoint.Parse(uri)
	if err != nil {
		return fmt.Errorf("its address %w", err)
	}
	origin := address.Scheme + "://" + address.Host
	answer, again := asked[origin]
	switch {
	case again:
	case len(asked) == maxHosts:
		answer = fmt.Errorf("over %d hosts: the next ones are asked once some of these are enabled or deleted", maxHosts)
	default:
		answer = h.Health(ctx, origin)
		asked[origin] = answer
	}
	return answer
}
