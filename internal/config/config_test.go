package config_test

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sethvargo/go-envconfig"

	"example.com/gemini-webhook/internal/config"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/secret"
)

// required is the least that both doors start with.
func required() map[string]string {
	return map[string]string{
		"GOOGLE_CLOUD_PROJECT": "acme-prod",
		"QUEUE_TOPIC":          "queue",
		"OUTCOMES_TOPIC":       "outcomes",
		"STATE_BUCKET":         "acme-state",
		"PUSH_AUDIENCE":        "https://tasks.example/tasks/process",
		"PUSH_SERVICE_ACCOUNT": "push@acme-prod.iam.gserviceaccount.com",
	}
}

// with is required with some variables changed; "-" removes one.
func with(changes map[string]string) map[string]string {
	env := required()
	maps.Copy(env, changes)
	maps.DeleteFunc(env, func(_, value string) bool { return value == "-" })
	return env
}

func load(t *testing.T, env map[string]string) (*config.Config, error) {
	t.Helper()
	return config.Load(t.Context(), envconfig.MapLookuper(env))
}

func TestLoadDefaults(t *testing.T) {
	t.Parallel()
	want := &config.Config{
		Doors:                config.DoorsBoth,
		Project:              "acme-prod",
		QueueTopic:           "queue",
		OutcomesTopic:        "outcomes",
		ResultsTopic:         "outcomes",
		StateBucket:          "acme-state",
		ArchiveBucket:        "acme-state",
		PushAudience:         "https://tasks.example/tasks/process",
		PushServiceAccount:   "push@acme-prod.iam.gserviceaccount.com",
		PushJWKSURL:          "https://www.googleapis.com/oauth2/v3/certs",
		MaxDeliveryAttempts:  30,
		BatchResults:         config.BatchResultsLines,
		ChunkBytes:           8388608,
		MaxLineBytes:         16777216,
		SigningSecretOverlap: 24 * time.Hour,
		SecretTTL:            5 * time.Minute,
		DynamicTokenOverlap:  96 * time.Hour,
		StaleLimit:           6 * time.Hour,
		JWKSURL:              "https://generativelanguage.googleapis.com/.well-known/jwks.json",
		ReplayTolerance:      5 * time.Minute,
		MaxBodyBytes:         262144,
		LogLevel:             slog.LevelInfo,
	}
	blank := with(map[string]string{"DOORS": "", "CHUNK_BYTES": " ", "RESULT_BUCKETS": " , ", "SIGNING_SECRETS": ""})
	for name, env := range map[string]map[string]string{"not set": required(), "blank": blank} {
		got, err := load(t, env)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestLoadEverything(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"DOORS":                  "tasks",
		"GOOGLE_CLOUD_PROJECT":   "example.com:acme",
		"QUEUE_TOPIC":            "q-1.x_y~z+%",
		"OUTCOMES_TOPIC":         "outcomes",
		"RESULTS_TOPIC":          "results",
		"STATE_BUCKET":           "state.acme.example",
		"ARCHIVE_BUCKET":         "acme-archive",
		"PUSH_AUDIENCE":          "any",
		"PUSH_SERVICE_ACCOUNT":   " push@acme.iam.gserviceaccount.com ",
		"PUSH_JWKS_URL":          "http://127.0.0.1:9000/certs",
		"MAX_DELIVERY_ATTEMPTS":  "2",
		"RESULT_BUCKETS":         "acme-results, acme-more/batches/2026/ ,,",
		"BATCH_RESULTS":          "summary",
		"CHUNK_BYTES":            "1",
		"MAX_LINE_BYTES":         "1",
		"RETRY_FAILED":           "5",
		"SIGNING_SECRETS":        "projects/acme/secrets/one , projects/123/secrets/Two_2",
		"SIGNING_SECRET_OVERLAP": "0s",
		"SECRET_TTL":             "1s",
		"DYNAMIC_TOKEN_SECRET":   "projects/acme/secrets/token",
		"DYNAMIC_TOKEN_OVERLAP":  "1s",
		"DYNAMIC_OPEN":           "true",
		"REVOKED_VERSIONS":       "projects/acme/secrets/one/versions/3, projects/acme/secrets/token/versions/12",
		"STALE_LIMIT":            "1s",
		"JWT_AUDIENCES":          "a, https://b.example/c",
		"JWT_ISSUERS":            "https://issuer.example",
		"JWKS_URL":               "http://[::1]:9000/jwks.json",
		"REPLAY_TOLERANCE":       "25h",
		"MAX_BODY_BYTES":         "8388608",
		"GEMINI_API_KEY_SECRET":  "projects/acme/secrets/gemini-key",
		"LOG_LEVEL":              "warn",
	}
	want := &config.Config{
		Doors:               config.DoorsTasks,
		Project:             "example.com:acme",
		QueueTopic:          "q-1.x_y~z+%",
		OutcomesTopic:       "outcomes",
		ResultsTopic:        "results",
		StateBucket:         "state.acme.example",
		ArchiveBucket:       "acme-archive",
		PushAudience:        "any",
		PushServiceAccount:  "push@acme.iam.gserviceaccount.com",
		PushJWKSURL:         "http://127.0.0.1:9000/certs",
		MaxDeliveryAttempts: 2,
		ResultBuckets:       []object.Location{{Bucket: "acme-results"}, {Bucket: "acme-more", Prefix: "batches/2026/"}},
		BatchResults:        config.BatchResultsSummary,
		ChunkBytes:          1,
		MaxLineBytes:        1,
		RetryFailed:         5,
		SigningSecrets:      []secret.Name{"projects/acme/secrets/one", "projects/123/secrets/Two_2"},
		SecretTTL:           time.Second,
		DynamicTokenSecret:  "projects/acme/secrets/token",
		DynamicTokenOverlap: time.Second,
		DynamicOpen:         true,
		RevokedVersions:     []secret.VersionName{{Secret: "projects/acme/secrets/one", Number: 3}, {Secret: "projects/acme/secrets/token", Number: 12}},
		StaleLimit:          time.Second,
		JWTAudiences:        []string{"a", "https://b.example/c"},
		JWTIssuers:          []string{"https://issuer.example"},
		JWKSURL:             "http://[::1]:9000/jwks.json",
		ReplayTolerance:     25 * time.Hour,
		MaxBodyBytes:        8388608,
		GeminiAPIKeySecret:  "projects/acme/secrets/gemini-key",
		LogLevel:            slog.LevelWarn,
	}
	got, err := load(t, env)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoadNeededBy(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		env  map[string]string
		want []string // variables, in order
	}{
		"both by default": {map[string]string{}, []string{"GOOGLE_CLOUD_PROJECT", "QUEUE_TOPIC", "OUTCOMES_TOPIC", "STATE_BUCKET", "PUSH_AUDIENCE", "PUSH_SERVICE_ACCOUNT"}},
		"tasks":           {map[string]string{"DOORS": "tasks"}, []string{"GOOGLE_CLOUD_PROJECT", "QUEUE_TOPIC", "OUTCOMES_TOPIC", "STATE_BUCKET", "PUSH_AUDIENCE", "PUSH_SERVICE_ACCOUNT"}},
		"public":          {map[string]string{"DOORS": "public"}, []string{"GOOGLE_CLOUD_PROJECT", "QUEUE_TOPIC"}},
		"public, enough":  {map[string]string{"DOORS": "public", "GOOGLE_CLOUD_PROJECT": "acme", "QUEUE_TOPIC": "queue"}, nil},
		// What is set for the closed door is checked, so that it works once the door is opened.
		"public, wrong for tasks": {map[string]string{"DOORS": "public", "GOOGLE_CLOUD_PROJECT": "acme", "QUEUE_TOPIC": "queue", "CHUNK_BYTES": "0"}, []string{"CHUNK_BYTES"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, test.env)
			if diff := cmp.Diff(test.want, variables(t, err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// variables lists the variables that a Load's error names.
func variables(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var refused *config.Error
	if !errors.As(err, &refused) {
		t.Fatalf("error is %T, want *config.Error: %v", err, err)
	}
	var names []string
	for _, p := range refused.Problems {
		names = append(names, p.Variable)
	}
	return names
}

func TestLoadAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	// hush stands for a secret that somebody pasted where a name belongs.
	const hush = "whsec_c2VjcmV0IQ== hush"
	env := map[string]string{}
	order := []string{
		"DOORS", "GOOGLE_CLOUD_PROJECT", "QUEUE_TOPIC", "OUTCOMES_TOPIC", "RESULTS_TOPIC", "STATE_BUCKET",
		"PUSH_AUDIENCE", "PUSH_SERVICE_ACCOUNT", "PUSH_JWKS_URL", "MAX_DELIVERY_ATTEMPTS", "RESULT_BUCKETS",
		"BATCH_RESULTS", "CHUNK_BYTES", "MAX_LINE_BYTES", "RETRY_FAILED", "ARCHIVE_BUCKET", "SIGNING_SECRETS", "SIGNING_SECRET_OVERLAP", "SECRET_TTL",
		"DYNAMIC_TOKEN_SECRET", "DYNAMIC_TOKEN_OVERLAP", "DYNAMIC_OPEN", "REVOKED_VERSIONS", "STALE_LIMIT",
		"JWKS_URL", "REPLAY_TOLERANCE", "MAX_BODY_BYTES", "GEMINI_API_KEY_SECRET", "LOG_LEVEL",
	}
	for i, variable := range order {
		env[variable] = hush + strings.Repeat("x", i) // no two alike: equal topics are another problem
	}
	_, err := load(t, env)
	if diff := cmp.Diff(order, variables(t, err)); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(order) {
		t.Errorf("%d lines for %d problems:\n%v", len(lines), len(order), err)
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, order[i]+": ") {
			t.Errorf("line %d is %q, want it to begin with %q", i, line, order[i]+": ")
		}
		if strings.Contains(line, "whsec_") || strings.Contains(line, "hush") {
			t.Errorf("line repeats the value: %q", line)
		}
	}
}

// RotateSigningSecret wants variables of its own, and does not mind the doors'.
func TestLoadRotation(t *testing.T) {
	t.Parallel()
	loadRotation := func(env map[string]string) (*config.Config, error) {
		return config.LoadRotation(t.Context(), envconfig.MapLookuper(env))
	}
	got, err := loadRotation(map[string]string{
		"GOOGLE_CLOUD_PROJECT": "acme-prod", "GEMINI_API_KEY_SECRET": "projects/p/secrets/key",
		"SIGNING_SECRETS": "projects/p/secrets/a,projects/p/secrets/b", "SIGNING_SECRET_OVERLAP": "30h", "LOG_LEVEL": "warn",
		"QUEUE_TOPIC": "!", "DOORS": "sideways",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Config{
		Project: "acme-prod", GeminiAPIKeySecret: "projects/p/secrets/key",
		SigningSecrets: []secret.Name{"projects/p/secrets/a", "projects/p/secrets/b"}, SigningSecretOverlap: 30 * time.Hour, LogLevel: slog.LevelWarn,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	_, err = loadRotation(map[string]string{"SIGNING_SECRETS": "x", "LOG_LEVEL": "loud", "GOOGLE_GEMINI_BASE_URL": "http://proxy.example"})
	var problems *config.Error
	if !errors.As(err, &problems) {
		t.Fatalf("got %v, want problems", err)
	}
	var variables []string
	for _, p := range problems.Problems {
		variables = append(variables, p.Variable)
	}
	if diff := cmp.Diff([]string{"GOOGLE_CLOUD_PROJECT", "SIGNING_SECRETS", "GEMINI_API_KEY_SECRET", "LOG_LEVEL", "GOOGLE_GEMINI_BASE_URL"}, variables); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func loadReconcile(t *testing.T, env map[string]string) (*config.Config, error) {
	t.Helper()
	return config.LoadReconcile(t.Context(), envconfig.MapLookuper(env))
}

// Reconcile wants variables of its own, and does not mind the doors'.
func TestLoadReconcile(t *testing.T) {
	t.Parallel()
	least := map[string]string{"GOOGLE_CLOUD_PROJECT": "acme-prod", "QUEUE_TOPIC": "queue", "STATE_BUCKET": "acme-state", "PUSH_AUDIENCE": " ", "CHUNK_BYTES": "!", "DOORS": "sideways"}
	env := func(changes map[string]string) map[string]string {
		all := maps.Clone(least)
		maps.Copy(all, changes)
		return all
	}
	want := config.Config{
		Project: "acme-prod", QueueTopic: "queue", StateBucket: "acme-state", GeminiAPIKeySecret: "projects/p/secrets/key",
		ReconcileLookback: 168 * time.Hour, ReconcileGrace: 30 * time.Minute, LogLevel: slog.LevelInfo,
	}
	got, err := loadReconcile(t, env(map[string]string{"GEMINI_API_KEY_SECRET": "projects/p/secrets/key"}))
	if diff := cmp.Diff(&want, got); diff != "" || err != nil {
		t.Errorf("defaults: %v (-want +got)\n%s", err, diff)
	}
	want.CanaryWebhook = "gemini-webhook"
	got, err = loadReconcile(t, env(map[string]string{"GEMINI_API_KEY_SECRET": "projects/p/secrets/key", "CANARY_WEBHOOK": "gemini-webhook"}))
	if diff := cmp.Diff(&want, got); diff != "" || err != nil {
		t.Errorf("a canary: %v (-want +got)\n%s", err, diff)
	}
	want.CanaryWebhook, want.GeminiAPIKeySecret, want.VertexLocations = "", "", []string{"europe-west4", "global", "us"}
	want.ReconcileLookback, want.ReconcileGrace, want.LogLevel = time.Second, 0, slog.LevelWarn
	got, err = loadReconcile(t, env(map[string]string{
		"VERTEX_LOCATIONS": "europe-west4, global,,us", "RECONCILE_LOOKBACK": "1s", "RECONCILE_GRACE": "0s", "LOG_LEVEL": "warn",
		"GOOGLE_VERTEX_BASE_URL": "http://127.0.0.1:1",
	}))
	if diff := cmp.Diff(&want, got); diff != "" || err != nil {
		t.Errorf("everything: %v (-want +got)\n%s", err, diff)
	}
	for name, test := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"nothing":       {map[string]string{}, []string{"GOOGLE_CLOUD_PROJECT", "QUEUE_TOPIC", "STATE_BUCKET", "GEMINI_API_KEY_SECRET"}},
		"no API at all": {env(map[string]string{"VERTEX_LOCATIONS": " , "}), []string{"GEMINI_API_KEY_SECRET"}},
		"all wrong": {map[string]string{
			"GOOGLE_CLOUD_PROJECT": "A", "QUEUE_TOPIC": "a/b", "STATE_BUCKET": "gs://b", "GEMINI_API_KEY_SECRET": "key", "RECONCILE_LOOKBACK": "week", "RECONCILE_GRACE": "-1s",
			"VERTEX_LOCATIONS": "us", "LOG_LEVEL": "loud", "GOOGLE_GEMINI_BASE_URL": "http://proxy.example", "GOOGLE_VERTEX_BASE_URL": "http://proxy.example",
		}, []string{"GOOGLE_CLOUD_PROJECT", "QUEUE_TOPIC", "STATE_BUCKET", "GEMINI_API_KEY_SECRET", "RECONCILE_LOOKBACK", "RECONCILE_GRACE", "LOG_LEVEL", "GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL"}},
		"a canary without a key": {env(map[string]string{"VERTEX_LOCATIONS": "us", "CANARY_WEBHOOK": "gemini-webhook"}), []string{"CANARY_WEBHOOK"}},
		"a canary with spaces":   {env(map[string]string{"GEMINI_API_KEY_SECRET": "projects/p/secrets/key", "CANARY_WEBHOOK": "gemini webhook"}), []string{"CANARY_WEBHOOK"}},
		"no window":              {env(map[string]string{"VERTEX_LOCATIONS": "us", "RECONCILE_LOOKBACK": "1h", "RECONCILE_GRACE": "1h"}), []string{"RECONCILE_GRACE"}},
		"no lookback":            {env(map[string]string{"VERTEX_LOCATIONS": "us", "RECONCILE_LOOKBACK": "0s"}), []string{"RECONCILE_LOOKBACK"}},
		"no locations":           {env(map[string]string{"VERTEX_LOCATIONS": "europe-west4,evil.example,us/x,-us,US,europe-west4,a-b1-c2," + strings.Repeat("a", 41)}), slices.Repeat([]string{"VERTEX_LOCATIONS"}, 7)},
	} {
		_, err := loadReconcile(t, test.env)
		if diff := cmp.Diff(test.want, variables(t, err)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}
