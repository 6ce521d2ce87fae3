// Package function holds the functions as they are served: their configuration, the
// clients of Google Cloud, and what is let in while an instance stops. What the doors do
// is in handlers, how deliveries are verified in verify. It registers nothing, and no
// process ends by it.
package function

import (
	"context"
	"log/slog"
	"net/http"

	"example.com/gemini-webhook/handlers"
	"example.com/gemini-webhook/internal/config"
	"example.com/gemini-webhook/internal/gcp/logging"
	"example.com/gemini-webhook/internal/gcp/pubsub"
	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/server"
)

// Webhook is GeminiWebhook: its doors, built when they are first needed, so
// that an instance of one door has not the other's clients too.
type Webhook struct {
	Drain *server.Drain // of what is in flight

	config *config.Config
	log    *slog.Logger
	doors  http.Handler

	pubsub  lazy[*pubsub.Client]
	secrets lazy[*secretmanager.Client]
	public  lazy[http.Handler]
	tasks   lazy[http.Handler]
}

// NewWebhook gives GeminiWebhook as it is configured.
func NewWebhook(c *config.Config, log *slog.Logger) *Webhook {
	f := &Webhook{config: c, log: log, Drain: server.NewDrain()}
	for _, warning := range c.Warnings() {
		log.Warn(warning)
	}
	doors := &handlers.Doors{Log: log}
	if c.Doors.Public() {
		doors.Public = f.door(&f.public, f.newReceiver)
	}
	if c.Doors.Tasks() {
		doors.Tasks = f.door(&f.tasks, f.newProcessor)
	}
	f.doors = f.Drain.Handler(doors, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		handlers.Unavailable(w)
	}))
	return f
}

// ServeHTTP implements http.Handler.
func (f *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.doors.ServeHTTP(w, r.WithContext(logging.With(r.Context(), r)))
}

// door builds a door on its first request. Where that fails (no credentials
// yet, say) the answer is 503 and the next request tries again.
func (f *Webhook) door(l *lazy[http.Handler], build func(context.Context) (http.Handler, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, err := l.get(build)
		if err != nil {
			f.log.ErrorContext(r.Context(), "the clients of Google Cloud cannot be built", "error", err.Error())
			handlers.Unavailable(w)
			return
		}
		h.ServeHTTP(w, r)
	})
}
