package function

import (
	"context"
	"net/http"
	"time"

	"example.com/gemini-webhook/handlers"
	"example.com/gemini-webhook/internal/archive"
	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/gcp/pubsub"
	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/gcp/storage"
	"example.com/gemini-webhook/internal/geminiapi"
	"example.com/gemini-webhook/internal/jwks"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/retry"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/secret/store"
	"example.com/gemini-webhook/internal/source"
	"example.com/gemini-webhook/internal/version"
	"example.com/gemini-webhook/internal/work"
	"example.com/gemini-webhook/verify"
)

func (f *Webhook) newPubSub(ctx context.Context) (*pubsub.Client, error) {
	return pubsub.NewClient(ctx, f.config.Project)
}

func (f *Webhook) newReceiver(context.Context) (http.Handler, error) {
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
func (f *Webhook) newVerifier() (*verify.Verifier, error) {
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

func (f *Webhook) keySet(url string) *jwks.Set {
	return jwks.New(jwks.Config{URL: url, StaleLimit: f.config.StaleLimit, Now: time.Now, Log: f.log})
}

// workQueueTimeout bounds a publish request of the tasks door, which has
// nobody waiting but Pub/Sub.
const workQueueTimeout = 20 * time.Second

// newGemini gives the Gemini API, nil without a key.
func (f *Webhook) newGemini() (*geminiapi.API, error) {
	if f.config.GeminiAPIKeySecret == "" {
		return nil, nil
	}
	if _, err := f.secrets.get(secretmanager.NewClient); err != nil {
		return nil, err
	}
	return geminiapi.New(f.apiKey), nil
}

func (f *Webhook) apiKey(ctx context.Context) (secret.Value, error) {
	sm, err := f.secrets.get(secretmanager.NewClient)
	if err != nil {
		return secret.Value{}, err
	}
	return sm.Latest(ctx, f.config.GeminiAPIKeySecret)
}

func (f *Webhook) newProcessor(ctx context.Context) (http.Handler, error) {
	c := f.config
	ps, err := f.pubsub.get(f.newPubSub)
	if err != nil {
		return nil, err
	}
	gcs, err := storage.NewClient(ctx)
	if err != nil {
		return nil, err
	}
	api, err := f.newGemini()
	if err != nil {
		return nil, err
	}
	objects := &object.Store{
		Storage: gcs,
		Allowed: object.Allowed{
			Locations: c.ResultBuckets, StateBucket: c.StateBucket,
			Archive: object.Location{Bucket: c.ArchiveBucket, Prefix: archive.Prefix},
		},
	}
	copies := &archive.Store{Bucket: gcs.Archive(c.ArchiveBucket)}
	found := &source.Finder{Objects: objects, Archive: copies, Log: f.log}
	rounds := f.newRounds(gcs.State(c.StateBucket), objects, copies)
	outcomes, state, factory := ps.Topic(c.OutcomesTopic), rounds.State, outcome.NewFactory(version.String(), time.Now)
	var gemini *work.Gemini
	if api != nil {
		files, jobs := geminiapi.Files{API: api}, geminiapi.Batches{API: api}
		objects.Files, found.Files, found.Jobs = files, files, jobs
		rounds.Files, rounds.Jobs, rounds.Service = files, jobs, jobs.NewBatches(geminiapi.WebhooksConfig{Key: f.apiKey})
		gemini = &work.Gemini{Interactions: geminiapi.Interactions{API: api}, Operations: geminiapi.Operations{API: api}, Files: files}
	}
	batches := batch.NewWorker(batch.Config{
		Queue:        ps.Queue(c.QueueTopic, workQueueTimeout),
		Outcomes:     outcomes,
		Results:      ps.Stream(c.ResultsTopic),
		Source:       found,
		State:        state,
		Factory:      factory,
		Rounds:       rounds,
		Mode:         string(c.BatchResults),
		ChunkBytes:   c.ChunkBytes,
		MaxLineBytes: c.MaxLineBytes,
		MaxAttempts:  c.MaxDeliveryAttempts,
		Stopping:     f.Drain.Stopping(),
		Now:          time.Now,
		Log:          f.log,
	})
	return &handlers.Processor{
		Tokens: f.newPushTokens(),
		Worker: &work.Worker{
			Batches: batches, Retries: rounds, Jobs: found, Outcomes: outcomes, State: state, Factory: factory,
			Gemini: gemini, Archive: copies, MaxAttempts: c.MaxDeliveryAttempts, Now: time.Now, Log: f.log,
		},
		Now: time.Now,
		Log: f.log,
	}, nil
}

// newRounds gives what retries failed lines, but for the Gemini API.
func (f *Webhook) newRounds(state batch.Store, objects *object.Store, copies *archive.Store) *retry.Rounds {
	return &retry.Rounds{
		Max: f.config.RetryFailed, State: batch.NewState(state), Claims: state, Objects: objects, Archive: copies,
		Version: version.String(), MaxLine: f.config.MaxLineBytes, Now: time.Now, Log: f.log,
	}
}

func (f *Webhook) newPushTokens() *verify.PushTokens {
	return &verify.PushTokens{
		Keys:           f.keySet(f.config.PushJWKSURL),
		Audience:       f.config.PushAudience,
		ServiceAccount: f.config.PushServiceAccount,
		Now:            time.Now,
	}
}
