package config

// environment is the text of every variable with its default. Parsing is a
// second step because envconfig stops at the first value that does not parse,
// and an operator should see all of them.
//
// The table in docs/contract.md is made of it: the comments are its text, and
// "door" says who needs the variable.
type environment struct {
	// `both`, `public` or `tasks`: which doors are open
	Doors string `env:"DOORS, default=both"`
	// project of the topics
	Project string `env:"GOOGLE_CLOUD_PROJECT" door:"all"`
	// topic id of the work queue
	QueueTopic string `env:"QUEUE_TOPIC" door:"all"`
	// topic id for outcomes
	OutcomesTopic string `env:"OUTCOMES_TOPIC" door:"tasks"`
	// topic id for `batch.result` alone; `OUTCOMES_TOPIC` where it is not set
	ResultsTopic string `env:"RESULTS_TOPIC" door:"tasks"`
	// bucket for plans and markers
	StateBucket string `env:"STATE_BUCKET" door:"tasks, Reconcile"`
	// audience of the push subscriptions' OIDC tokens
	PushAudience string `env:"PUSH_AUDIENCE" door:"tasks"`
	// e-mail address of the account that pushes
	PushServiceAccount string `env:"PUSH_SERVICE_ACCOUNT" door:"tasks"`
	// key set of those tokens
	PushJWKSURL string `env:"PUSH_JWKS_URL, default=https://www.googleapis.com/oauth2/v3/certs" door:"tasks"`
	// the push subscriptions' own, 2 to 100: the last attempt but one reports
	MaxDeliveryAttempts string `env:"MAX_DELIVERY_ATTEMPTS, default=30" door:"tasks"`
	// comma-separated `bucket` or `bucket/prefix/`: what results may be read from; empty:
	// nothing in Cloud Storage
	ResultBuckets string `env:"RESULT_BUCKETS" door:"tasks"`
	// `lines`: a message per line; `summary`: count the lines, publish `batch.completed`
	// alone
	BatchResults string `env:"BATCH_RESULTS, default=lines" door:"tasks"`
	// an object is worked on in ranges of this size, at least size/1000
	ChunkBytes string `env:"CHUNK_BYTES, default=8388608" door:"tasks"`
	// up to 64 MiB, which takes [memory](operations.md#instance-settings); of a longer line
	// the ends of its longest strings are left out, see [Lines](#lines)
	MaxLineBytes string `env:"MAX_LINE_BYTES, default=16777216" door:"tasks"`
	// up to so many times, 0 to 5, a batch of the Gemini API is made of a batch's lines that
	// failed with 429, 500 or 503, see [Rounds](#rounds); it needs `GEMINI_API_KEY_SECRET`
	RetryFailed string `env:"RETRY_FAILED, default=0" door:"tasks"`
	// bucket that copies of what Gemini deletes are kept in; `STATE_BUCKET` where it is
	// not set
	ArchiveBucket string `env:"ARCHIVE_BUCKET" door:"tasks"`
	// comma-separated `projects/P/secrets/S`; empty: static deliveries are 401
	// `mode_disabled`
	SigningSecrets string `env:"SIGNING_SECRETS" door:"public"`
	// how long a version is accepted after the next one was created, up to 366 days
	SigningSecretOverlap string `env:"SIGNING_SECRET_OVERLAP, default=24h" door:"public"`
	// how long loaded versions are used before they are looked up again, 1 s to 24 h
	SecretTTL string `env:"SECRET_TTL, default=5m" door:"public"`
	// `projects/P/secrets/S` whose versions are path tokens; empty: paths below
	// `/dynamic/` are 401 `mode_disabled`
	DynamicTokenSecret string `env:"DYNAMIC_TOKEN_SECRET" door:"public"`
	// how long a token is accepted after the next one was created: a URL lives as long as
	// the job that carries it, and its retries
	DynamicTokenOverlap string `env:"DYNAMIC_TOKEN_OVERLAP, default=96h" door:"public"`
	// accept Google's signatures on any path outside `/dynamic/`, whoever's job it is; a
	// warning at start says so
	DynamicOpen string `env:"DYNAMIC_OPEN, default=false" door:"public"`
	// comma-separated `projects/P/secrets/S/versions/N`, never accepted
	RevokedVersions string `env:"REVOKED_VERSIONS" door:"public"`
	// how long the last good secrets and key sets serve while they cannot be looked up
	// (at the private door the key set of push tokens), up to 30 days
	StaleLimit string `env:"STALE_LIMIT, default=6h" door:"public"`
	// comma-separated; what a JWT's `aud` may be; empty: anything
	JWTAudiences string `env:"JWT_AUDIENCES" door:"public"`
	// the same of `iss`
	JWTIssuers string `env:"JWT_ISSUERS" door:"public"`
	// Gemini's key set, for dynamic deliveries
	JWKSURL string `env:"JWKS_URL, default=https://generativelanguage.googleapis.com/.well-known/jwks.json" door:"public"`
	// how far `webhook-timestamp` may be from now, either way; up to 25 h
	ReplayTolerance string `env:"REPLAY_TOLERANCE, default=5m" door:"public"`
	// 1 KiB to 8 MiB
	MaxBodyBytes string `env:"MAX_BODY_BYTES, default=262144" door:"public"`
	// `projects/P/secrets/S` with an API key: jobs and interactions are read with it, results that are not in Cloud Storage, and videos
	GeminiAPIKeySecret string `env:"GEMINI_API_KEY_SECRET" door:"tasks, Reconcile"`
	// how far back jobs are looked at, by when they ended, up to 366 days: less than the
	// objects of `STATE_BUCKET` are kept
	ReconcileLookback string `env:"RECONCILE_LOOKBACK, default=168h" door:"Reconcile"`
	// how long after a job's end its own event may still come; less than
	// `RECONCILE_LOOKBACK`
	ReconcileGrace string `env:"RECONCILE_GRACE, default=30m" door:"Reconcile"`
	// comma-separated locations whose Vertex AI batch jobs are looked at, such as
	// `europe-west4` and `global`; `Reconcile` needs this, `GEMINI_API_KEY_SECRET` or both
	VertexLocations string `env:"VERTEX_LOCATIONS" door:"Reconcile"`
	// id or name of the registered webhook that each run has Gemini ping, to see that
	// deliveries arrive; needs `GEMINI_API_KEY_SECRET`; empty: off
	CanaryWebhook string `env:"CANARY_WEBHOOK" door:"Reconcile"`
	// `debug`, `info`, `warn` or `error`
	LogLevel string `env:"LOG_LEVEL, default=info" door:"all"`
	// another address of the Gemini API, read by its SDK as well: https, or http on this
	// machine
	GeminiBaseURL string `env:"GOOGLE_GEMINI_BASE_URL" door:"tasks, Reconcile"`
	// the same of Vertex AI; by http on this machine no credentials are asked for
	VertexBaseURL string `env:"GOOGLE_VERTEX_BASE_URL" door:"Reconcile"`
}
