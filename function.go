// Package receiver registers the functions that receive Gemini API webhooks
// (contract, "Functions"). It only wires: what the doors do is in handlers, how
// deliveries are verified in verify.
package receiver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/sethvargo/go-envconfig"

	"example.com/gemini-webhook/handlers"
	"example.com/gemini-webhook/internal/config"
	"example.com/gemini-webhook/internal/gcp/logging"
	"example.com/gemini-webhook/internal/gcp/pubsub"
	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/server"
)

// The functions. Target is served by default.
const (
	Target          = "GeminiWebhook"
	TargetRotate    = "RotateSigningSecret"
	TargetReconcile = "Reconcile"
)

func init() {
	functions.HTTP(Target, serve)
	functions.CloudEvent(TargetRotate, rotate)
	functions.CloudEvent(TargetReconcile, reconcileOnce)
	Prepare(os.Getenv("FUNCTION_TARGET"))
}

// What is served; all nil before Prepare, and one is not after it.
var (
	service    *function
	rotator    *rotatorFunction
	reconciler *reconcilerFunction
)

// Prepare checks the configuration of the function that is about to be served
// and makes it ready for SIGTERM; GeminiWebhook is served on PORT from then on
// (see package server). It ends the process with status 1, one line per problem
// on stderr, if the configuration is wrong. For a target that is not ours it
// does nothing. It is called once: by this package where FUNCTION_TARGET says
// what is served, else by cmd/receiver.
func Prepare(target string) {
	if service != nil || rotator != nil || reconciler != nil {
		return
	}
	switch target {
	case Target:
		c, log := load(config.Load)
		service = newFunction(c, log)
		if err := server.Run(service, service.drain, log); err != nil {
			fail(err)
		}
	case TargetRotate:
		c, log := load(config.LoadRotation)
		rotator = newRotator(c, log)
		// The framework's server cannot be flushed: an answer that is lost has
		// the notification delivered again, which does no harm.
		server.ExitOnSIGTERM(rotator.drain, log)
	case TargetReconcile:
		c, log := load(config.LoadReconcile)
		reconciler = newReconciler(c, log)
		server.ExitOnSIGTERM(reconciler.drain, log) // as above
	}
}

// load reads the environment.
func load(read func(context.Context, envconfig.Lookuper) (*config.Config, error)) (*config.Config, *slog.Logger) {
	c, err := read(context.Background(), envconfig.OsLookuper())
	if err != nil {
		fail(err)
	}
	return c, logging.New(os.Stderr, c.LogLevel, c.Project)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func serve(w http.ResponseWriter, r *http.Request) {
	if service == nil {
		http.Error(w, "set FUNCTION_TARGET="+Target, http.StatusInternalServerError)
		return
	}
	service.ServeHTTP(w, r)
}

func rotate(ctx context.Context, e cloudevents.Event) error {
	if rotator == nil {
		return errors.New("set FUNCTION_TARGET=" + TargetRotate)
	}
	return rotator.handle(ctx, e)
}

func reconcileOnce(ctx context.Context, e cloudevents.Event) error {
	if reconciler == nil {
		return errors.New("set FUNCTION_TARGET=" + TargetReconcile)
	}
	return reconciler.handle(ctx, e)
}

// function is GeminiWebhook: its doors, built when they are first needed, so
// that an instance of one door has not the other's clients too.
type function struct {
	config *config.Config
	log    *slog.Logger
	drain  *server.Drain
	doors  http.Handler

	pubsub  lazy[*pubsub.Client]
	secrets lazy[*secretmanager.Client]
	public  lazy[http.Handler]
	tasks   lazy[http.Handler]
}

func newFunction(c *config.Config, log *slog.Logger) *function {
	f := &function{config: c, log: log, drain: server.NewDrain()}
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
	f.doors = f.drain.Handler(doors, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		handlers.Unavailable(w)
	}))
	return f
}

// ServeHTTP implements http.Handler.
func (f *function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.doors.ServeHTTP(w, r.WithContext(logging.With(r.Context(), r)))
}

// door builds a door on its first request. Where that fails (no credentials
// yet, say) the answer is 503 and the next request tries again.
func (f *function) door(l *lazy[http.Handler], build func(context.Context) (http.Handler, error)) http.Handler {
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
