package function

import (
	"context"
	"errors"
	"log/slog"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/config"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/gcp/pubsub"
	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/gcp/storage"
	"example.com/gemini-webhook/internal/geminiapi"
	"example.com/gemini-webhook/internal/reconcile"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/server"
	"example.com/gemini-webhook/internal/source"
	"example.com/gemini-webhook/internal/vertexapi"
)

// againFor is how old a message may be that is delivered again after a run that broke.
// The schedule sends the next one, which finds the same; without an end the messages of a
// long outage would add up.
const againFor = 30 * time.Minute

// errAgain is all that the caller is told: the log has the reason.
var errAgain = errors.New("not finished; deliver it again")

// Reconciler is Reconcile.
type Reconciler struct {
	Drain *server.Drain // of what is in flight

	config *config.Config
	log    *slog.Logger
	run    lazy[*reconcile.Reconciler]
}

// NewReconciler gives Reconcile as it is configured.
func NewReconciler(c *config.Config, log *slog.Logger) *Reconciler {
	return &Reconciler{config: c, log: log, Drain: server.NewDrain()}
}

// Handle does one run, whatever the message says: its time alone counts.
func (r *Reconciler) Handle(ctx context.Context, e cloudevents.Event) error {
	if !r.Drain.Enter() {
		return errAgain
	}
	defer r.Drain.Leave()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-r.Drain.Stopping():
			cancel() // what was found is queued, the rest is the next run's
		case <-ctx.Done():
		}
	}()
	run, err := r.run.get(r.build)
	if err != nil {
		r.log.ErrorContext(ctx, "the clients of Google Cloud cannot be built", "error", err.Error())
	} else {
		_, err = run.Run(ctx) // it logs
	}
	if err != nil && time.Since(e.Time()) < againFor { // Eventarc's time is that of publishing
		return errAgain
	}
	return nil
}

func (r *Reconciler) build(ctx context.Context) (*reconcile.Reconciler, error) {
	c := r.config
	ps, err := pubsub.NewClient(ctx, c.Project)
	if err != nil {
		return nil, err
	}
	gcs, err := storage.NewClient(ctx)
	if err != nil {
		return nil, err
	}
	run := &reconcile.Reconciler{
		State: batch.NewState(gcs.State(c.StateBucket)), Queue: ps.Queue(c.QueueTopic, workQueueTimeout),
		Lookback: c.ReconcileLookback, Grace: c.ReconcileGrace, Now: time.Now, Log: r.log,
	}
	if c.GeminiAPIKeySecret != "" {
		if err := r.addGemini(ctx, run); err != nil {
			return nil, err
		}
	}
	for _, location := range c.VertexLocations {
		run.Sources = append(run.Sources, reconcile.Source{
			Origin: event.OriginVertexAPI,
			List: func(ctx context.Context, since time.Time, visit func(source.Job) error) error {
				jobs, err := vertexapi.New(ctx, c.Project, location) // each run: its credentials may not be there yet
				if err != nil {
					return err
				}
				return jobs.List(ctx, since, visit)
			},
		})
	}
	return run, nil
}

// addGemini has the Gemini API looked at, and its webhooks.
func (r *Reconciler) addGemini(ctx context.Context, run *reconcile.Reconciler) error {
	sm, err := secretmanager.NewClient(ctx)
	if err != nil {
		return err
	}
	key := func(ctx context.Context) (secret.Value, error) { return sm.Latest(ctx, r.config.GeminiAPIKeySecret) }
	batches := geminiapi.Batches{API: geminiapi.New(key)}
	run.Sources = append(run.Sources, reconcile.Source{
		Origin: event.OriginGeminiAPI,
		List: func(ctx context.Context, _ time.Time, visit func(source.Job) error) error { // the API has no filter
			return batches.List(ctx, visit)
		},
	})
	webhooks := geminiapi.NewWebhooks(geminiapi.WebhooksConfig{Key: key})
	run.Webhooks = &reconcile.Healer{Webhooks: webhooks, Health: reconcile.NewHealth(), Log: r.log}
	if r.config.CanaryWebhook != "" {
		run.Canary = &reconcile.Canary{Webhooks: webhooks, Webhook: r.config.CanaryWebhook}
	}
	return nil
}
