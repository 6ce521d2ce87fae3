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
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/sethvargo/go-envconfig"

	"example.com/gemini-webhook/handlers"
	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/config"
	"example.com/gemini-webhook/internal/gcp/logging"
	"example.com/gemini-webhook/internal/gcp/pubsub"
	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/gcp/storage"
	"example.com/gemini-webhook/internal/geminiapi"
	"example.com/gemini-webhook/internal/jwks"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/secret/store"
	"example.com/gemini-webhook/internal/server"
	"example.com/gemini-webhook/internal/version"
	"example.com/gemini-webhook/internal/webhookadmin"
	"example.com/gemini-webhook/internal/work"
	"example.com/gemini-webhook/verify"
)

// The functions. Target is served by default.
const (
	Target       = "GeminiWebhook"
	TargetRotate = "RotateSigningSecret"
)

func init() {
	functions.HTTP(Target, serve)
	functions.CloudEvent(TargetRotate, rotate)
	Prepare(os.Getenv("FUNCTION_TARGET"))
}

// What is served; both nil before Prepare, and one after it.
var (
	service *function
	rotator *rotatorFunction
)

// Prepare checks the configuration of the function that is about to be served
// and makes it ready for SIGTERM; GeminiWebhook is served on PORT from then on
// (see package server). It ends the process with status 1, one line per problem
// on stderr, if the configuration is wrong. For a target that is not ours it
// does nothing. It is called once: by this package where FUNCTION_TARGET says
// what is served, else by cmd/receiver.
func Prepare(target string) {
	if service != nil || rotator != nil {
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

// function is GeminiWebhook: its doors, built when they are first needed, so
// that an instance of one door does not pay for the other's clients.
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

func (f *function) newPubSub(ctx context.Context) (*pubsub.Client, error) {
	return pubsub.NewClient(ctx, f.config.Project)
}

func (f *function) newReceiver(context.Context) (http.Handler, error) {
	c := f.config
	ps, err := f.pubsub.get(f.newPubSub)
	if err != nil {
		return nil, err
	}
	verifier, err := f.newVerifier()
	if err != nil {
		return nil, err
	}
	return handlers.NewReceiver(handlers.ReceiverConfig{
		Verifier:        verifier,
		Queue:           ps.Queue(c.QueueTopic, handlers.PublishTimeout),
		ReplayTolerance: c.ReplayTolerance,
		MaxBodyBytes:    c.MaxBodyBytes,
		Now:             time.Now,
		Log:             f.log,
	}), nil
}

// newVerifier gives the modes that are configured.
func (f *function) newVerifier() (*verify.Verifier, error) {
	c := f.config
	v := &verify.Verifier{
		Open:      c.DynamicOpen,
		Audiences: c.JWTAudiences,
		Issuers:   c.JWTIssuers,
		Tolerance: c.ReplayTolerance,
		Now:       time.Now,
	}
	if c.DynamicOpen || c.DynamicTokenSecret != "" {
		v.Keys = f.keySet(c.JWKSURL)
	}
	if len(c.SigningSecrets) == 0 && c.DynamicTokenSecret == "" {
		return v, nil
	}
	sm, err := f.secrets.get(secretmanager.NewClient)
	if err != nil {
		return nil, err
	}
	secrets := store.New(sm, store.Config{
		TTL:        c.SecretTTL,
		StaleLimit: c.StaleLimit,
		Revoked:    c.RevokedVersions,
		Now:        time.Now,
		Log:        f.log,
	})
	if len(c.SigningSecrets) > 0 {
		v.Secrets = secrets.Set(c.SigningSecrets, c.SigningSecretOverlap, secret.SigningKeys)
	}
	if c.DynamicTokenSecret != "" {
		v.Tokens = secrets.Set([]secret.Name{c.DynamicTokenSecret}, c.DynamicTokenOverlap, secret.PathTokens)
	}
	return v, nil
}

func (f *function) keySet(url string) *jwks.Set {
	return jwks.New(jwks.Config{URL: url, StaleLimit: f.config.StaleLimit, Now: time.Now, Log: f.log})
}

// workQueueTimeout bounds a publish request of the tasks door, which has
// nobody waiting but Pub/Sub.
const workQueueTimeout = 20 * time.Second

func (f *function) newProcessor(ctx context.Context) (http.Handler, error) {
	c := f.config
	ps, err := f.pubsub.get(f.newPubSub)
	if err != nil {
		return nil, err
	}
	gcs, err := storage.NewClient(ctx)
	if err != nil {
		return nil, err
	}
	var files object.Files
	if c.GeminiAPIKeySecret != "" {
		sm, err := f.secrets.get(secretmanager.NewClient)
		if err != nil {
			return nil, err
		}
		files = geminiapi.NewFiles(func(ctx context.Context) (secret.Value, error) {
			return sm.Latest(ctx, c.GeminiAPIKeySecret)
		})
	}
	outcomes, state, factory := ps.Topic(c.OutcomesTopic), batch.NewState(gcs.State(c.StateBucket)), outcome.NewFactory(version.String(), time.Now)
	batches := batch.NewWorker(batch.Config{
		Queue:    ps.Queue(c.QueueTopic, workQueueTimeout),
		Outcomes: outcomes,
		Results:  ps.Stream(c.ResultsTopic),
		Objects: &object.Store{
			Storage: gcs,
			Files:   files,
			Allowed: object.Allowed{Locations: c.ResultBuckets, StateBucket: c.StateBucket},
		},
		State:        state,
		Factory:      factory,
		Mode:         string(c.BatchResults),
		ChunkBytes:   c.ChunkBytes,
		MaxLineBytes: c.MaxLineBytes,
		MaxAttempts:  c.MaxDeliveryAttempts,
		Stopping:     f.drain.Stopping(),
		Now:          time.Now,
		Log:          f.log,
	})
	return &handlers.Processor{
		Tokens: &verify.PushTokens{
			Keys:           f.keySet(c.PushJWKSURL),
			Audience:       c.PushAudience,
			ServiceAccount: c.PushServiceAccount,
			Now:            time.Now,
		},
		Worker: &work.Worker{Batches: batches, Outcomes: outcomes, State: state, Factory: factory, Now: time.Now},
		Now:    time.Now,
		Log:    f.log,
	}, nil
}

func rotate(ctx context.Context, e cloudevents.Event) error {
	if rotator == nil {
		return errors.New("set FUNCTION_TARGET=" + TargetRotate)
	}
	return rotator.handle(ctx, e)
}

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
