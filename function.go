// Package receiver registers the functions that receive Gemini API webhooks
// (contract, "Functions"). It only wires: what they are is in internal/function.
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

	"example.com/gemini-webhook/internal/config"
	"example.com/gemini-webhook/internal/function"
	"example.com/gemini-webhook/internal/gcp/logging"
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
	service    *function.Webhook
	rotator    *function.Rotator
	reconciler *function.Reconciler
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
		service = function.NewWebhook(c, log)
		if err := server.Run(service, service.Drain, log); err != nil {
			fail(err)
		}
	case TargetRotate:
		c, log := load(config.LoadRotation)
		rotator = function.NewRotator(c, log)
		// The framework's server cannot be flushed: an answer that is lost has
		// the notification delivered again, which does no harm.
		server.ExitOnSIGTERM(rotator.Drain, log)
	case TargetReconcile:
		c, log := load(config.LoadReconcile)
		reconciler = function.NewReconciler(c, log)
		server.ExitOnSIGTERM(reconciler.Drain, log) // as above
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
	return rotator.Handle(ctx, e)
}

func reconcileOnce(ctx context.Context, e cloudevents.Event) error {
	if reconciler == nil {
		return errors.New("set FUNCTION_TARGET=" + TargetReconcile)
	}
	return reconciler.Handle(ctx, e)
}
