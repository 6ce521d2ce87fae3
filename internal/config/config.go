// Package config turns the environment into one typed, validated Config.
//
// It reads names and limits only; what a named secret holds is never read here,
// so a Config may be logged. Every problem is reported at once (see Error).
package config

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/sethvargo/go-envconfig"

	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/secret"
)

// Doors says which doors of GeminiWebhook are open (DOORS).
type Doors string

// The values of DOORS.
const (
	DoorsBoth   Doors = "both"
	DoorsPublic Doors = "public"
	DoorsTasks  Doors = "tasks"
)

// Public reports whether deliveries are received.
func (d Doors) Public() bool { return d == DoorsBoth || d == DoorsPublic }

// Tasks reports whether POST /tasks/process is served.
func (d Doors) Tasks() bool { return d == DoorsBoth || d == DoorsTasks }

// BatchResults says what is published of a batch (BATCH_RESULTS).
type BatchResults string

// The values of BATCH_RESULTS.
const (
	BatchResultsLines   BatchResults = "lines"   // a message per line
	BatchResultsSummary BatchResults = "summary" // only batch.completed
)

// Config is the environment of the contract, "Environment", checked. Fields of a door
// that is closed hold their defaults or what was set, and may be empty.
type Config struct {
	Doors   Doors
	Project string // GOOGLE_CLOUD_PROJECT

	QueueTopic    string // topic ids, not full names
	OutcomesTopic string
	ResultsTopic  string // OutcomesTopic where RESULTS_TOPIC is not set
	StateBucket   string

	PushAudience        string
	PushServiceAccount  string
	PushJWKSURL         string
	MaxDeliveryAttempts int

	ResultBuckets []object.Location // empty: no gs:// pointer is allowed
	BatchResults  BatchResults
	ChunkBytes    int64
	MaxLineBytes  int64
	RetryFailed   int    // rounds of retries; 0: none
	ArchiveBucket string // StateBucket where ARCHIVE_BUCKET is not set

	SigningSecrets       []secret.Name
	SigningSecretOverlap time.Duration
	SecretTTL            time.Duration
	DynamicTokenSecret   secret.Name // empty: no dynamic paths
	DynamicTokenOverlap  time.Duration
	DynamicOpen          bool
	RevokedVersions      []secret.VersionName
	StaleLimit           time.Duration
	JWTAudiences         []string // empty: any
	JWTIssuers           []string // empty: any
	JWKSURL              string
	ReplayTolerance      time.Duration
	MaxBodyBytes         int64

	GeminiAPIKeySecret secret.Name // empty: no Gemini API
	ReconcileLookback  time.Duration
	ReconcileGrace     time.Duration
	VertexLocations    []string // empty: no Vertex AI
	CanaryWebhook      string   // empty: no canary
	LogLevel           slog.Level
}

// Load reads the variables of the contract, "Environment", from lookuper
// (envconfig.OsLookuper() in a running function). White space around a value is
// trimmed, and a blank value counts as not set.
//
// The error is an *Error with every problem, in the order of the contract's table. A
// variable that only a closed door needs may be missing, but what is set is
// checked all the same. Load does not ask Google Cloud whether a topic, bucket
// or secret exists.
func Load(ctx context.Context, lookuper envconfig.Lookuper) (*Config, error) {
	return load(ctx, lookuper, parse)
}

func load(ctx context.Context, lookuper envconfig.Lookuper, parse func(*environment) (*Config, error)) (*Config, error) {
	var env environment
	err := envconfig.ProcessWith(ctx, &envconfig.Config{
		Target: &env,
		Lookuper: envconfig.LookuperFunc(func(key string) (string, bool) {
			value, ok := lookuper.Lookup(key)
			value = strings.TrimSpace(value)
			return value, ok && value != ""
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("config: read the environment: %w", err)
	}
	return parse(&env)
}

// LoadRotation is Load for RotateSigningSecret, which needs other variables and
// looks at few: the rest of the Config stays empty.
func LoadRotation(ctx context.Context, lookuper envconfig.Lookuper) (*Config, error) {
	return load(ctx, lookuper, func(env *environment) (*Config, error) {
		c := &checker{}
		cfg := &Config{
			Project:              c.project("GOOGLE_CLOUD_PROJECT", c.needs(true, "GOOGLE_CLOUD_PROJECT", env.Project)),
			SigningSecrets:       c.secrets("SIGNING_SECRETS", env.SigningSecrets),
			SigningSecretOverlap: c.duration("SIGNING_SECRET_OVERLAP", env.SigningSecretOverlap, overlap),
			GeminiAPIKeySecret:   c.secret("GEMINI_API_KEY_SECRET", c.needs(true, "GEMINI_API_KEY_SECRET", env.GeminiAPIKeySecret)),
			LogLevel:             c.logLevel(env.LogLevel),
		}
		c.url("GOOGLE_GEMINI_BASE_URL", env.GeminiBaseURL)
		if len(c.problems) > 0 {
			return nil, &Error{Problems: c.problems}
		}
		return cfg, nil
	})
}

// LoadReconcile is Load for Reconcile, which needs other variables and looks at few: the
// rest of the Config stays empty.
func LoadReconcile(ctx context.Context, lookuper envconfig.Lookuper) (*Config, error) {
	return load(ctx, lookuper, func(env *environment) (*Config, error) {
		c := &checker{}
		cfg := &Config{
			Project:            c.project("GOOGLE_CLOUD_PROJECT", c.needs(true, "GOOGLE_CLOUD_PROJECT", env.Project)),
			QueueTopic:         c.topic("QUEUE_TOPIC", c.needs(true, "QUEUE_TOPIC", env.QueueTopic)),
			StateBucket:        c.bucket("STATE_BUCKET", c.needs(true, "STATE_BUCKET", env.StateBucket)),
			GeminiAPIKeySecret: c.secret("GEMINI_API_KEY_SECRET", env.GeminiAPIKeySecret),
			ReconcileLookback:  c.duration("RECONCILE_LOOKBACK", env.ReconcileLookback, lookback),
			ReconcileGrace:     c.duration("RECONCILE_GRACE", env.ReconcileGrace, grace),
			VertexLocations:    c.locations("VERTEX_LOCATIONS", env.VertexLocations),
			CanaryWebhook:      c.plain("CANARY_WEBHOOK", env.CanaryWebhook),
			LogLevel:           c.logLevel(env.LogLevel),
		}
		if cfg.ReconcileLookback > 0 && cfg.ReconcileGrace >= cfg.ReconcileLookback {
			c.refuse("RECONCILE_GRACE", "must be less than RECONCILE_LOOKBACK, or no job is ever looked at")
		}
		if env.GeminiAPIKeySecret == "" && len(list(env.VertexLocations)) == 0 {
			c.refuse("GEMINI_API_KEY_SECRET", "or VERTEX_LOCATIONS is required by Reconcile: name the secret that holds the Gemini API key, as projects/P/secrets/S, or locations of Vertex AI, or both")
		}
		if env.CanaryWebhook != "" && env.GeminiAPIKeySecret == "" {
			c.refuse("CANARY_WEBHOOK", "needs GEMINI_API_KEY_SECRET: without an API key Gemini cannot be asked for a ping")
		}
		c.url("GOOGLE_GEMINI_BASE_URL", env.GeminiBaseURL)
		c.url("GOOGLE_VERTEX_BASE_URL", env.VertexBaseURL)
		if len(c.problems) > 0 {
			return nil, &Error{Problems: c.problems}
		}
		return cfg, nil
	})
}

// parse checks the variables in the order of the contract's table, which is the order
// of the problems in the error: Go evaluates the calls below from top to bottom.
func parse(env *environment) (*Config, error) {
	c := &checker{}

	doors := oneOf(c, "DOORS", env.Doors, DoorsBoth, DoorsPublic, DoorsTasks)
	always, tasks := true, doors.Tasks()

	cfg := &Config{
		Doors:         doors,
		Project:       c.project("GOOGLE_CLOUD_PROJECT", c.needs(always, "GOOGLE_CLOUD_PROJECT", env.Project)),
		QueueTopic:    c.topic("QUEUE_TOPIC", c.needs(always, "QUEUE_TOPIC", env.QueueTopic)),
		OutcomesTopic: c.outcomesTopic("OUTCOMES_TOPIC", c.needs(tasks, "OUTCOMES_TOPIC", env.OutcomesTopic), env.QueueTopic),
		ResultsTopic:  c.outcomesTopic("RESULTS_TOPIC", env.ResultsTopic, env.QueueTopic),
		StateBucket:   c.bucket("STATE_BUCKET", c.needs(tasks, "STATE_BUCKET", env.StateBucket)),

		PushAudience:        c.plain("PUSH_AUDIENCE", c.needs(tasks, "PUSH_AUDIENCE", env.PushAudience)),
		PushServiceAccount:  c.email("PUSH_SERVICE_ACCOUNT", c.needs(tasks, "PUSH_SERVICE_ACCOUNT", env.PushServiceAccount)),
		PushJWKSURL:         c.url("PUSH_JWKS_URL", env.PushJWKSURL),
		MaxDeliveryAttempts: int(c.number("MAX_DELIVERY_ATTEMPTS", env.MaxDeliveryAttempts, deliveryAttempts)),

		ResultBuckets: c.resultBuckets("RESULT_BUCKETS", env.ResultBuckets),
		BatchResults:  oneOf(c, "BATCH_RESULTS", env.BatchResults, BatchResultsLines, BatchResultsSummary),
		ChunkBytes:    c.number("CHUNK_BYTES", env.ChunkBytes, chunkBytes),
		MaxLineBytes:  c.number("MAX_LINE_BYTES", env.MaxLineBytes, lineBytes),
		RetryFailed:   int(c.number("RETRY_FAILED", env.RetryFailed, retryRounds)),
		ArchiveBucket: c.bucket("ARCHIVE_BUCKET", env.ArchiveBucket),

		SigningSecrets:       c.secrets("SIGNING_SECRETS", env.SigningSecrets),
		SigningSecretOverlap: c.duration("SIGNING_SECRET_OVERLAP", env.SigningSecretOverlap, overlap),
		SecretTTL:            c.duration("SECRET_TTL", env.SecretTTL, secretTTL),
		DynamicTokenSecret:   c.tokenSecret("DYNAMIC_TOKEN_SECRET", env.DynamicTokenSecret, env.SigningSecrets),
		DynamicTokenOverlap:  c.duration("DYNAMIC_TOKEN_OVERLAP", env.DynamicTokenOverlap, overlap),
		DynamicOpen:          c.boolean("DYNAMIC_OPEN", env.DynamicOpen),
		RevokedVersions:      c.versions("REVOKED_VERSIONS", env.RevokedVersions),
		StaleLimit:           c.duration("STALE_LIMIT", env.StaleLimit, staleLimit),
		JWTAudiences:         list(env.JWTAudiences),
		JWTIssuers:           list(env.JWTIssuers),
		JWKSURL:              c.url("JWKS_URL", env.JWKSURL),
		ReplayTolerance:      c.duration("REPLAY_TOLERANCE", env.ReplayTolerance, replayTolerance),
		MaxBodyBytes:         c.number("MAX_BODY_BYTES", env.MaxBodyBytes, bodyBytes),

		GeminiAPIKeySecret: c.secret("GEMINI_API_KEY_SECRET", env.GeminiAPIKeySecret),
		LogLevel:           c.logLevel(env.LogLevel),
	}
	if n := int64(cfg.RetryFailed); tasks && n > 0 && n <= retryRounds.max && env.GeminiAPIKeySecret == "" {
		c.refuse("GEMINI_API_KEY_SECRET", "is required by RETRY_FAILED, which makes batches with it: name the secret that holds the Gemini API key, as projects/P/secrets/S, or set RETRY_FAILED to 0")
	}
	// The Gemini SDK and internal/geminiapi read this one themselves.
	c.url("GOOGLE_GEMINI_BASE_URL", env.GeminiBaseURL)
	cfg.ResultsTopic = cmp.Or(cfg.ResultsTopic, cfg.OutcomesTopic)
	cfg.ArchiveBucket = cmp.Or(cfg.ArchiveBucket, cfg.StateBucket)
	if len(c.problems) > 0 {
		return nil, &Error{Problems: c.problems}
	}
	return cfg, nil
}

// needs passes a value on, and refuses an empty one where it is needed.
func (c *checker) needs(needed bool, variable, value string) string {
	if needed && value == "" {
		c.refuse(variable, "is required"+reasons[variable])
	}
	return value
}

// reasons complete "is required" with what to set and why.
var reasons = map[string]string{
	"GOOGLE_CLOUD_PROJECT":  ": the id of the project that owns the topics",
	"QUEUE_TOPIC":           ": the id of the Pub/Sub topic for queued work",
	"OUTCOMES_TOPIC":        " by the tasks door: the id of the Pub/Sub topic for outcomes",
	"STATE_BUCKET":          " by the tasks door and Reconcile: the name of the bucket for plans and markers",
	"PUSH_AUDIENCE":         " by the tasks door: the audience of the push subscriptions' OIDC tokens",
	"GEMINI_API_KEY_SECRET": " by RotateSigningSecret: the secret that holds the Gemini API key, as projects/P/secrets/S",
	"PUSH_SERVICE_ACCOUNT":  " by the tasks door: the e-mail address of the push subscriptions' service account",
}
