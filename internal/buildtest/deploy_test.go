package buildtest

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	deployScript  = "scripts/deploy-gcloud.sh"
	destroyScript = "scripts/destroy-gcloud.sh"
)

// required are the options that both scripts need; variants are what else they
// can be asked for.
var (
	required = []string{"--project=acme-prod", "--region=europe-west1", "--api-key-secret=projects/acme-prod/secrets/gemini-api-key"}
	variants = map[string][]string{
		"required": {},
		"everything": {
			"--result-bucket=acme-batches", "--result-bucket", "acme-shared/team/gemini/",
			"--rotation-period=2592000s", "--no-invoker-iam-check", "--archive-bucket=acme-kept",
			"--vertex-location=europe-west4", "--vertex-location", "global", "--scheduler-region=europe-west3", "--reconcile-schedule=7 * * * *",
			"--notification-channel=projects/acme-prod/notificationChannels/1", "--alert-threshold=dead_letters=3", "--runbook-base-url=https://git.example/runbooks",
		},
		"rotation":       {"--rotation-period=2592000s", "--result-bucket=acme-batches", "--vertex-location=europe-west4", "--notification-channel=projects/acme-prod/notificationChannels/1"},
		"no reconcile":   {"--no-reconcile"},
		"no canary":      {"--no-canary"},
		"archive":        {"--archive-bucket=acme-kept"},
		"single service": {"--single-service", "--name=search-gemini"},
	}
)

// script runs one of the scripts with PATH beginning with bin.
func script(t *testing.T, bin string, env []string, path string, options ...string) (string, error) {
	t.Helper()
	if !filepath.IsAbs(path) {
		path = filepath.Join(moduleRoot(t), path)
	}
	cmd := exec.Command("bash", append([]string{path}, options...)...)
	cmd.Dir = moduleRoot(t)
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// dryRun is what a script prints that would do it, and wants nothing done.
func dryRun(t *testing.T, path string, options ...string) string {
	t.Helper()
	bin := t.TempDir()
	called := filepath.Join(bin, "called")
	for _, tool := range []string{"gcloud", "go", "gsutil", "curl"} {
		writeFile(t, filepath.Join(bin, tool), "#!/bin/sh\necho "+tool+" >>"+called+"\nexit 1\n")
	}
	out, err := script(t, bin, nil, path, slices.Concat(required, options, []string{"--dry-run"})...)
	if err != nil {
		t.Fatalf("%s --dry-run: %v\n%s", path, err, out)
	}
	if tools, err := os.ReadFile(called); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s --dry-run ran %s", path, tools)
	}
	return out
}

// fakeCloud is a project with what must be there before the first deployment.
type fakeCloud struct {
	state string
	env   []string
}

func newFakeCloud(t *testing.T, name string) fakeCloud {
	t.Helper()
	state := t.TempDir()
	for _, file := range []string{"projects/acme-prod", "secrets/gemini-api-key", "storage/buckets/acme-batches", "storage/buckets/acme-shared", "storage/buckets/acme-kept"} {
		writeFile(t, filepath.Join(state, file), "")
	}
	return fakeCloud{state, []string{"FAKE_STATE=" + state, "FAKE_TOKEN_SECRET=" + name + "-token"}}
}

func fakeBin(t *testing.T) string {
	return filepath.Join(moduleRoot(t), "internal/buildtest/testdata/bin")
}

// run wants the script to succeed, and returns what the fake noted: a line for
// each thing that was made, changed or deleted.
func (c fakeCloud) run(t *testing.T, path string, options ...string) []string {
	t.Helper()
	if out, err := script(t, fakeBin(t), c.env, path, options...); err != nil {
		t.Fatalf("%s: %v\n%s", path, err, out)
	}
	return c.log(t)
}

func (c fakeCloud) log(t *testing.T) []string {
	t.Helper()
	file := filepath.Join(c.state, "log")
	text := readFile(t, file)
	must(t, os.Remove(file))
	return strings.Split(strings.TrimSpace(text), "\n")
}

func only(verb string, log []string) []string {
	var found []string
	for _, line := range log {
		if rest, ok := strings.CutPrefix(line, verb+" "); ok {
			found = append(found, rest)
		}
	}
	return found
}

// TestDeployTwiceAndDestroy: the second run makes nothing, and the end is the
// project as it was.
func TestDeployTwiceAndDestroy(t *testing.T) {
	t.Parallel()
	for _, variant := range []string{"rotation", "archive", "no reconcile", "single service"} {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			options := variants[variant]
			name := "gemini-webhook"
			if slices.Contains(options, "--name=search-gemini") {
				name = "search-gemini"
			}
			cloud, all := newFakeCloud(t, name), slices.Concat(required, options)
			before := filesIn(t, cloud.state)
			if made := only("made", cloud.run(t, deployScript, all...)); len(made) < 30 {
				t.Errorf("the first run made %d things: %q", len(made), made)
			}
			after := filesIn(t, cloud.state)

			again := cloud.run(t, deployScript, all...)
			if made := only("made", again); made != nil {
				t.Errorf("the second run made %q", made)
			}
			if deleted := only("deleted", again); deleted != nil {
				t.Errorf("the second run deleted %q", deleted)
			}
			if diff := cmp.Diff(after, filesIn(t, cloud.state)); diff != "" {
				t.Errorf("after the second run (-first +second):\n%s", diff)
			}

			// What is printed is what is done.
			printed := filepath.Join(t.TempDir(), "printed.sh")
			writeFile(t, printed, dryRun(t, deployScript, options...))
			other := newFakeCloud(t, name)
			if out, err := script(t, fakeBin(t), other.env, printed); err != nil {
				t.Fatalf("the printed script: %v\n%s", err, out)
			}
			other.log(t)
			if diff := cmp.Diff(after, filesIn(t, other.state)); diff != "" {
				t.Errorf("(-script +printed):\n%s", diff)
			}

			log := cloud.run(t, destroyScript, append(all, "--yes")...)
			if deleted := only("deleted", log); len(deleted) == 0 || deleted[0] != "webhook" {
				t.Errorf("deleted %q, want the webhook first", deleted)
			}
			left := slices.DeleteFunc(filesIn(t, cloud.state), func(name string) bool { return strings.HasPrefix(name, "services/") })
			if diff := cmp.Diff(before, left); diff != "" {
				t.Errorf("after destroying (-before +after):\n%s", diff)
			}
		})
	}
}

// TestDryRun: whatever is asked for, nothing is run.
func TestDryRun(t *testing.T) {
	t.Parallel()
	for variant, options := range variants {
		for _, path := range []string{deployScript, destroyScript} {
			if out := dryRun(t, path, options...); len(gcloudCommands(out)) < 20 {
				t.Errorf("%s, %s: prints %d gcloud commands", path, variant, len(gcloudCommands(out)))
			}
		}
	}
}

// TestRevokedVersions: the public door is told of all of them, and no other
// function is.
func TestRevokedVersions(t *testing.T) {
	t.Parallel()
	const first, second = "projects/p/secrets/gemini-webhook-token/versions/3", "projects/p/secrets/gemini-webhook-signing-secret/versions/7"
	functions := functionFlags(t, "--revoked-version="+first, "--revoked-version", second)
	for function, flags := range functions {
		told := strings.Contains(flags["update-env-vars"], ";REVOKED_VERSIONS="+first+","+second+";")
		if want := function == "gemini-webhook"; told != want || strings.Contains(flags["update-env-vars"], "REVOKED") != want {
			t.Errorf("%s is deployed with %s", function, flags["update-env-vars"])
		}
	}
	if len(functions) != 3 {
		t.Errorf("%d functions are deployed", len(functions))
	}
}

// gcloudCommands are the arguments of each gcloud command in a script.
func gcloudCommands(text string) [][]string {
	var found [][]string
	for _, words := range shellCommands(text) {
		if words[0] == "gcloud" {
			found = append(found, words[1:])
		}
	}
	return found
}

func TestUsageErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		options []string
		want    string
	}{
		{"nothing", nil, "--project wants a project's id"},
		{"number", []string{"--project=123456789012"}, "gcloud projects list"},
		{"zone", slices.Concat(required, []string{"--region=europe-west1-b"}), "--region wants a region"},
		{"key itself", slices.Concat(required, []string{"--api-key-secret=AIza"}), "never the key itself"},
		{"version", slices.Concat(required, []string{"--api-key-secret=projects/p/secrets/s/versions/1"}), "projects/P/secrets/S"},
		{"long name", slices.Concat(required, []string{"--name=" + strings.Repeat("a", 24)}), "3 to 23"},
		{"scheme", slices.Concat(required, []string{"--result-bucket=gs://b"}), "without gs://"},
		{"half a prefix", slices.Concat(required, []string{"--result-bucket=bucket/prefix"}), "slash at the end"},
		{"dot segment", slices.Concat(required, []string{"--result-bucket=bucket/a/../b/"}), ".. in its prefix"},
		{"no prefix", slices.Concat(required, []string{"--result-bucket=bucket/"}), "slash at the end"},
		{"separator", slices.Concat(required, []string{"--result-bucket=bucket/a;DOORS=both/"}), "BUCKET/PREFIX/"},
		{"domain with a path", slices.Concat(required, []string{"--url=https://hooks.example.com/gemini"}), "https://HOST"},
		{"state bucket", slices.Concat(required, []string{"--result-bucket=acme-prod-gemini-webhook-state"}), "state bucket"},
		{"archive bucket", slices.Concat(required, []string{"--archive-bucket=acme-kept", "--result-bucket=acme-kept/a/"}), "that of the archive"},
		{"archive in the state", slices.Concat(required, []string{"--archive-bucket=acme-prod-gemini-webhook-state"}), "own state bucket"},
		{"archive with a path", slices.Concat(required, []string{"--archive-bucket=acme-kept/a/"}), "without a path"},
		{"short period", slices.Concat(required, []string{"--rotation-period=60s"}), "3600s or more"},
		{"days", slices.Concat(required, []string{"--rotation-period=30d"}), "2592000s"},
		{"schedule in words", slices.Concat(required, []string{"--reconcile-schedule=every 15 minutes"}), "five fields of cron"},
		{"scheduler in a zone", slices.Concat(required, []string{"--scheduler-region=europe-west1-b"}), "gcloud scheduler locations list"},
		{"continent", slices.Concat(required, []string{"--vertex-location=europe"}), "or global"},
		{"revoked latest", slices.Concat(required, []string{"--revoked-version=projects/p/secrets/s/versions/latest"}), "a number and not latest"},
		{"no value", slices.Concat(required, []string{"--name"}), "--name wants a value"},
		{"unknown", slices.Concat(required, []string{"--force"}), "there is no option --force"},
		{"to ask whom", required, "give --yes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := deployScript
			if test.name == "to ask whom" {
				path = destroyScript
			}
			out, err := script(t, t.TempDir(), nil, path, test.options...)
			if err == nil || !strings.Contains(out, test.want) {
				t.Errorf("%v: %q, want an error with %q", err, out, test.want)
			}
		})
	}
}
