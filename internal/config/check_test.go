package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/config"
)

// TestLoadRefuses breaks one variable of a good environment at a time.
func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		variable string
		want     string // a part of what the line says
		values   []string
	}{
		{"DOORS", "both, public or tasks", []string{"Both", "none", "public,tasks"}},
		{"GOOGLE_CLOUD_PROJECT", "is required", []string{"-"}},
		{"GOOGLE_CLOUD_PROJECT", "project id", []string{"projects/acme", "Acme", "a b"}},
		{"QUEUE_TOPIC", "is required", []string{"-", " "}},
		{"QUEUE_TOPIC", "topic id alone", []string{"projects/acme/topics/queue", "topics/queue"}},
		{"QUEUE_TOPIC", "a letter first", []string{"ab", "1queue", "goog-queue", "Googqueue", "que ue", "qu\u00e9ue", "a" + strings.Repeat("b", 255)}},
		{"OUTCOMES_TOPIC", "is required by the tasks door", []string{"-"}},
		{"OUTCOMES_TOPIC", "another topic than QUEUE_TOPIC", []string{"queue"}},
		{"RESULTS_TOPIC", "another topic than QUEUE_TOPIC", []string{"queue"}},
		{"RESULTS_TOPIC", "topic id alone", []string{"projects/acme/topics/results"}},
		{"STATE_BUCKET", "is required by the tasks door", []string{"-"}},
		{"STATE_BUCKET", "bucket's name", []string{"gs://acme-state", "acme-state/", "Acme", "ab", "-acme", "acme-", "a..b", "192.0.2.1", "goog-state", strings.Repeat("a", 64), "a." + strings.Repeat("b", 64)}},
		{"ARCHIVE_BUCKET", "bucket's name", []string{"gs://acme-archive", "acme-archive/", "ab"}},
		{"PUSH_AUDIENCE", "is required by the tasks door", []string{"-"}},
		{"PUSH_AUDIENCE", "white space", []string{"a b", "a\tb", "a\nb"}},
		{"PUSH_SERVICE_ACCOUNT", "is required by the tasks door", []string{"-"}},
		{"PUSH_SERVICE_ACCOUNT", "e-mail address", []string{"push", "serviceAccount:push@acme.example", "a@b@c", "a@b.example,c@d.example"}},
		{"PUSH_JWKS_URL", "https://", []string{"http://certs.example/", "https://", "certs", "ftp://localhost/", "https://user:pass@certs.example/", "https://certs.example/#x", "http://127.0.0.1.example/"}},
		{"MAX_DELIVERY_ATTEMPTS", "from 2 to 100", []string{"1", "101", "0", "-5", "5.0", "many"}},
		{"RESULT_BUCKETS", "entry 1 must be a bucket's name", []string{"gs://acme", "Acme/x/", "/x/", "a"}},
		{"RESULT_BUCKETS", "entry 1 must be BUCKET without a slash", []string{"acme/"}},
		{"RESULT_BUCKETS", "entry 2 must end with '/'", []string{"acme, acme/prefix"}},
		{"RESULT_BUCKETS", "entry 1 must have no empty segment and no ..", []string{"acme//", "acme//x/", "acme/x//", "acme/x//y/", "acme/../", "acme/x/../y/"}},
		{"BATCH_RESULTS", "lines or summary", []string{"Lines", "none"}},
		{"CHUNK_BYTES", "from 1 to", []string{"0", "-1", "8MiB", "9223372036854775807", "9223372036854775808"}},
		{"MAX_LINE_BYTES", "from 1 to 67108864", []string{"0", "67108865"}},
		{"RETRY_FAILED", "from 0 to 5", []string{"-1", "6", "yes"}},
		{"SIGNING_SECRETS", "entry 1 must have the form projects/PROJECT/secrets/SECRET", []string{"secret", "projects/acme/secrets/", "projects/acme/secrets/s/versions/1", "projects/acme/secrets/s/", "/projects/acme/secrets/s", "projects/acme/secrets/s t", "projects/" + strings.Repeat("a", 64) + "/secrets/s", "projects/acme/secrets/" + strings.Repeat("s", 256), "projects/acme/secret/s", "project/acme/secrets/s"}},
		{"SIGNING_SECRETS", "entry 2 is there twice", []string{"projects/acme/secrets/s, projects/acme/secrets/s"}},
		{"SIGNING_SECRET_OVERLAP", "from 0s up to 8784h", []string{"-1s", "10000h", "24", "1d"}},
		{"SECRET_TTL", "from 1s up to 24h", []string{"0s", "999ms", "25h"}},
		{"DYNAMIC_TOKEN_SECRET", "must have the form", []string{"token", "projects/acme/secrets/a,projects/acme/secrets/b"}},
		{"DYNAMIC_TOKEN_OVERLAP", "from 0s up to", []string{"-1s", "x"}},
		{"DYNAMIC_OPEN", "true or false", []string{"yes", "2"}},
		{"REVOKED_VERSIONS", "entry 1 must have the form projects/PROJECT/secrets/SECRET/versions/NUMBER", []string{"projects/acme/secrets/s", "projects/acme/secrets/s/versions/latest", "projects/acme/secrets/s/versions/0", "projects/acme/secrets/s/versions/01", "projects/acme/secrets/s/versions/-1", "3"}},
		{"STALE_LIMIT", "from 0s up to 720h", []string{"-1s", "721h"}},
		{"JWKS_URL", "https://", []string{"http://keys.example/jwks.json", "//keys.example", "%"}},
		{"REPLAY_TOLERANCE", "over 0s and up to 25h", []string{"0s", "-5m", "25h1s", "300"}},
		{"MAX_BODY_BYTES", "from 1024 to 8388608", []string{"1023", "8388609"}},
		{"GEMINI_API_KEY_SECRET", "must have the form", []string{"AIzaSomething", "projects/acme/secrets/k/versions/latest"}},
		{"GOOGLE_GEMINI_BASE_URL", "https://", []string{"http://proxy.example", "http://10.0.0.1:8080", "http://127.0.0.1.example/", "proxy.example", "https://user:password@proxy.example"}},
		{"LOG_LEVEL", "debug, info, warn or error", []string{"INFO", "warning", "trace"}},
	}
	for _, test := range tests {
		for _, value := range test.values {
			t.Run(test.variable+"="+value, func(t *testing.T) {
				t.Parallel()
				cfg, err := load(t, with(map[string]string{test.variable: value}))
				if cfg != nil {
					t.Error("a Config beside an error")
				}
				if diff := cmp.Diff([]string{test.variable}, variables(t, err)); diff != "" {
					t.Fatalf("refused variables (-want +got):\n%s", diff)
				}
				if !strings.Contains(err.Error(), test.want) {
					t.Errorf("error is %q, want it to say %q", err, test.want)
				}
				if len(value) > len("https://") && strings.Contains(err.Error(), value) { // it may be a secret in the wrong place
					t.Errorf("error %q repeats the value", err)
				}
			})
		}
	}
}

func TestLoadRefusesTokenSecretThatSigns(t *testing.T) {
	t.Parallel()
	_, err := load(t, with(map[string]string{
		"SIGNING_SECRETS":      "projects/acme/secrets/one,projects/acme/secrets/two",
		"DYNAMIC_TOKEN_SECRET": "projects/acme/secrets/two",
	}))
	if err == nil || err.Error() != "DYNAMIC_TOKEN_SECRET: must be another secret than those of SIGNING_SECRETS" {
		t.Errorf("error is %v", err)
	}
}

func TestLoadBorders(t *testing.T) {
	t.Parallel()
	for variable, values := range map[string][]string{
		"CHUNK_BYTES":           {"1", "5497558138880"},
		"MAX_LINE_BYTES":        {"1", "67108864"},
		"RETRY_FAILED":          {"0"},
		"MAX_BODY_BYTES":        {"1024", "8388608"},
		"MAX_DELIVERY_ATTEMPTS": {"2", "100"},
		"REPLAY_TOLERANCE":      {"1s", "25h"},
		"STALE_LIMIT":           {"0s", "720h"},
		"QUEUE_TOPIC":           {"abc", strings.Repeat("a", 255)},
		"SIGNING_SECRETS":       {"projects/acme.example:" + strings.Repeat("a", 63) + "/secrets/" + strings.Repeat("s", 255), "projects/123/secrets/s"},
		"REVOKED_VERSIONS":      {"projects/acme/secrets/s/versions/999999999999999999"},
		"RESULT_BUCKETS":        {"abc", strings.Repeat("a", 63), "a_b.c-d/p/q/"},
		"JWKS_URL":              {"http://localhost:1/", "https://keys.example:8443/a?b=c"},
		"DYNAMIC_OPEN":          {"true", "false"},

		"GOOGLE_GEMINI_BASE_URL": {"http://127.0.0.1:8080", "http://localhost:1/", "https://proxy.example/gemini", ""},
	} {
		for _, value := range values {
			if _, err := load(t, with(map[string]string{variable: value})); err != nil {
				t.Errorf("%s=%s: %v", variable, value, err)
			}
		}
	}
}

// TestRetryFailedNeedsTheKey: at the door that makes batches.
func TestRetryFailedNeedsTheKey(t *testing.T) {
	t.Parallel()
	_, err := load(t, with(map[string]string{"RETRY_FAILED": "1"}))
	if err == nil || !strings.HasPrefix(err.Error(), "GEMINI_API_KEY_SECRET: is required by RETRY_FAILED") {
		t.Errorf("error is %v", err)
	}
	for _, more := range []map[string]string{
		{"RETRY_FAILED": "5", "GEMINI_API_KEY_SECRET": "projects/p/secrets/key"},
		{"RETRY_FAILED": "1", "DOORS": "public"},
	} {
		if c, err := load(t, with(more)); err != nil || c.RetryFailed == 0 {
			t.Errorf("%v: %+v, %v", more, c, err)
		}
	}
}

func TestDoors(t *testing.T) {
	t.Parallel()
	type open struct{ Public, Tasks bool }
	for doors, want := range map[config.Doors]open{
		config.DoorsBoth:   {true, true},
		config.DoorsPublic: {true, false},
		config.DoorsTasks:  {false, true},
	} {
		if diff := cmp.Diff(want, open{doors.Public(), doors.Tasks()}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", doors, diff)
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	const secret = "projects/acme/secrets/s"
	tests := map[string]struct {
		env  map[string]string
		want []string // the variable that each warning begins with
	}{
		"nothing that could be accepted or read": {nil, []string{"SIGNING_SECRETS", "RESULT_BUCKETS"}},
		"public only":                            {map[string]string{"DOORS": "public"}, []string{"SIGNING_SECRETS"}},
		"tasks only":                             {map[string]string{"DOORS": "tasks"}, []string{"RESULT_BUCKETS"}},
		"state in the results' bucket":           {map[string]string{"SIGNING_SECRETS": secret, "RESULT_BUCKETS": "acme-state/x/"}, []string{"RESULT_BUCKETS"}},
		"static":                                 {map[string]string{"SIGNING_SECRETS": secret, "RESULT_BUCKETS": "acme"}, nil},
		"dynamic":                                {map[string]string{"DYNAMIC_TOKEN_SECRET": secret, "RESULT_BUCKETS": "acme"}, nil},
		"open":                                   {map[string]string{"DYNAMIC_OPEN": "true", "RESULT_BUCKETS": "acme"}, []string{"DYNAMIC_OPEN"}},
		"open, but no public door":               {map[string]string{"DOORS": "tasks", "DYNAMIC_OPEN": "true", "RESULT_BUCKETS": "acme"}, nil},
		"revoked":                                {map[string]string{"SIGNING_SECRETS": secret, "REVOKED_VERSIONS": secret + "/versions/1", "RESULT_BUCKETS": "acme"}, nil},
		"revoked token":                          {map[string]string{"DYNAMIC_TOKEN_SECRET": secret, "REVOKED_VERSIONS": secret + "/versions/1", "RESULT_BUCKETS": "acme"}, nil},
		"revoked by the project's number":        {map[string]string{"SIGNING_SECRETS": secret, "REVOKED_VERSIONS": "projects/123/secrets/s/versions/1", "RESULT_BUCKETS": "acme"}, []string{"REVOKED_VERSIONS"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := load(t, with(test.env))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, warning := range cfg.Warnings() {
				variable, _, _ := strings.Cut(warning, " ")
				got = append(got, variable)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
