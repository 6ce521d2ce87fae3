package e2e

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A configuration that is wrong ends the process with status 1 and one line
// per problem on stderr, which names its variable and no value (contract,
// "Functions"; which values are wrong: internal/config).
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	const value = "Not-A-Good-Value!" // must not be printed: it may be a secret
	for name, test := range map[string]struct {
		env  []string
		want string // variables, in order
	}{
		"nothing is set":         {nil, "GOOGLE_CLOUD_PROJECT QUEUE_TOPIC OUTCOMES_TOPIC STATE_BUCKET PUSH_AUDIENCE PUSH_SERVICE_ACCOUNT"},
		"the public door":        {[]string{"DOORS=public", "SIGNING_SECRETS=" + value}, "GOOGLE_CLOUD_PROJECT QUEUE_TOPIC SIGNING_SECRETS"},
		"the rotation wants its": {[]string{"FUNCTION_TARGET=RotateSigningSecret", "SIGNING_SECRETS=" + value, "QUEUE_TOPIC=!"}, "GOOGLE_CLOUD_PROJECT SIGNING_SECRETS GEMINI_API_KEY_SECRET"},
	} {
		t.Run(name, func(t *testing.T) {
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
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("variables (-want +got):\n%s%s", diff, stderr.String())
			}
			if stdout.Len() > 0 || strings.Contains(stderr.String(), value) {
				t.Errorf("it prints a value, or to stdout:\n%s%s", stdout.String(), stderr.String())
			}
		})
	}
}
