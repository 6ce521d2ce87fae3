package e2e

import (
	"bytes"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud"
)

// A configuration that is wrong ends the process with status 1 and one line
// per problem, which names its variable (SPEC.md "Functions").
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	cloud, err := localcloud.Start(t.Context(), localcloud.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, cloud.Close()) })
	const value = "Not-A-Good-Value!" // must not be printed: it may be a secret
	needed := []string{"GOOGLE_CLOUD_PROJECT", "QUEUE_TOPIC", "OUTCOMES_TOPIC", "STATE_BUCKET", "PUSH_AUDIENCE", "PUSH_SERVICE_ACCOUNT"}
	for _, test := range []struct {
		name string
		env  []string
		want []string // variables
	}{
		{"nothing is set", nil, needed},
		{"nothing is set for the public door", []string{"DOORS=public"}, needed[:2]},
		{"one is missing", append(cloud.Env(), "STATE_BUCKET="), []string{"STATE_BUCKET"}},
		{"the default target by name", []string{"FUNCTION_TARGET=GeminiWebhook"}, needed},
		{"everything is wrong", func() (env []string) {
			for _, name := range everything {
				env = append(env, name+"="+value)
			}
			return append(env, "PUSH_AUDIENCE=good", "DYNAMIC_TOKEN_SECRET="+value+"2") // not the signing secret
		}(), everything},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, append(test.env, "PORT=0")...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			must(t, cmd.Start())
			watchdog := time.AfterFunc(startTimeout, func() { _ = cmd.Process.Kill() })
			defer watchdog.Stop()
			var status *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &status) || status.ExitCode() != 1 {
				t.Fatalf("it ended with %v, want exit status 1", err)
			}
			var got []string
			for line := range strings.Lines(stderr.String()) {
				name, wants, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
				if wants == "" {
					t.Errorf("a line that says nothing: %q", line)
				}
				got = append(got, name)
			}
			want := slices.Sorted(slices.Values(test.want))
			if diff := cmp.Diff(want, slices.Sorted(slices.Values(got))); diff != "" {
				t.Errorf("variables (-want +got):\n%s%s", diff, stderr.String())
			}
			if stdout.Len() > 0 || strings.Contains(stderr.String(), value) {
				t.Errorf("it prints a value, or to stdout:\n%s%s", stdout.String(), stderr.String())
			}
		})
	}
}

// everything is every variable that can be wrong by its value.
var everything = []string{
	"DOORS", "GOOGLE_CLOUD_PROJECT", "QUEUE_TOPIC", "OUTCOMES_TOPIC", "RESULTS_TOPIC", "STATE_BUCKET",
	"PUSH_SERVICE_ACCOUNT", "PUSH_JWKS_URL", "MAX_DELIVERY_ATTEMPTS", "RESULT_BUCKETS", "BATCH_RESULTS",
	"CHUNK_BYTES", "MAX_LINE_BYTES", "SIGNING_SECRETS", "SIGNING_SECRET_OVERLAP", "SECRET_TTL",
	"DYNAMIC_TOKEN_SECRET", "DYNAMIC_TOKEN_OVERLAP", "DYNAMIC_OPEN", "REVOKED_VERSIONS", "STALE_LIMIT",
	"JWKS_URL", "REPLAY_TOLERANCE", "MAX_BODY_BYTES", "GEMINI_API_KEY_SECRET", "LOG_LEVEL",
}
