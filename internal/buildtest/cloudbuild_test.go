package buildtest

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	smokeScript = "scripts/smoke-test.sh"
	deployBuild = "cloudbuild.yaml"
	testsBuild  = "cloudbuild.tests.yaml"
)

// buildStep is a step of a build, as far as it is checked here.
type buildStep struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Script  string   `json:"script"`
	WaitFor []string `json:"waitFor"`
}

// buildSteps reads a build without a YAML library, as it is written: a step
// begins with "  - id:", and a script is indented by six.
// TestCloudBuildAsGcloudReadsIt compares it with what gcloud reads.
func buildSteps(t *testing.T, file string) []buildStep {
	t.Helper()
	_, text, ok := strings.Cut(readFile(t, file), "\nsteps:\n")
	if !ok {
		t.Fatalf("%s has no steps", file)
	}
	var steps []buildStep
	inScript := false
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if id, ok := strings.CutPrefix(line, "  - id: "); ok {
			steps, inScript = append(steps, buildStep{ID: strings.TrimSpace(id)}), false
			continue
		}
		if len(steps) == 0 {
			continue
		}
		step := &steps[len(steps)-1]
		switch body, indented := strings.CutPrefix(line, "      "); {
		case inScript && (indented || strings.TrimSpace(line) == ""):
			step.Script += body
			continue
		case key == "name":
			step.Name = value
		case key == "waitFor":
			for _, id := range strings.Split(strings.Trim(value, "[]"), ",") {
				step.WaitFor = append(step.WaitFor, strings.Trim(id, "' "))
			}
		}
		inScript = key == "script"
	}
	for i := range steps {
		steps[i].Script = strings.TrimRight(steps[i].Script, "\n") + "\n"
	}
	return steps
}

var (
	pinned       = regexp.MustCompile(`^[a-z0-9./-]+(:[0-9]+\.[0-9]+\.[0-9]+[a-z0-9.-]*)(@sha256:[0-9a-f]{64})?$`)
	substitution = regexp.MustCompile(`\$\{?(_[A-Z0-9_]+|[A-Z][A-Z_]+_ID)\}?`)
	scriptPath   = regexp.MustCompile(`(?m)\b(scripts/[a-z.-]+)`)
	makeTarget   = regexp.MustCompile(`(?m)^\s*make ([a-z-]+)( .*)?$`)
)

// checkSteps wants steps that can run, and returns their names.
func checkSteps(t *testing.T, file string) (ids []string) {
	t.Helper()
	for _, step := range buildSteps(t, file) {
		if !pinned.MatchString(step.Name) {
			t.Errorf("step %s: the image %q is not pinned to a full version", step.ID, step.Name)
		}
		if !strings.HasPrefix(step.Script, "#!") || !strings.Contains(step.Script, "\nset -eu") {
			t.Errorf("step %s: the script goes on after a failure", step.ID)
		}
		for _, id := range step.WaitFor {
			if id != "-" && !slices.Contains(ids, id) {
				t.Errorf("step %s waits for %q, which is not before it", step.ID, id)
			}
		}
		for _, m := range scriptPath.FindAllStringSubmatch(step.Script, -1) {
			if info, err := os.Stat(filepath.Join(moduleRoot(t), m[1])); err != nil || info.Mode()&0o111 == 0 {
				t.Errorf("step %s: %s cannot be run: %v", step.ID, m[1], err)
			}
		}
		for _, m := range makeTarget.FindAllStringSubmatch(step.Script, -1) {
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).MatchString(readFile(t, "Makefile")) {
				t.Errorf("step %s: make has no target %s", step.ID, m[1])
			}
		}
		ids = append(ids, step.ID)
	}
	return ids
}

func TestCloudBuild(t *testing.T) {
	t.Parallel()
	text := readFile(t, deployBuild)
	if diff := cmp.Diff([]string{"build", "state-bucket", "init", "plan", "apply", "smoke-test"}, checkSteps(t, deployBuild)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}

	_, rest, _ := strings.Cut(text, "\nsubstitutions:\n")
	defined, uses, _ := strings.Cut(rest, "\n\n")
	names := map[string]bool{"PROJECT_ID": true}
	for line := range strings.Lines(defined + "\n") {
		name, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		names[name] = true
		if !strings.Contains(uses, "${"+name+"}") && !strings.Contains(defined, "${"+name+"}") {
			t.Errorf("the substitution %s is not used", name)
		}
	}
	for _, m := range substitution.FindAllStringSubmatch(rest, -1) {
		if !names[m[1]] {
			t.Errorf("the substitution %s has no default", m[1])
		}
	}
	for _, variable := range []string{"project_id", "region", "api_key_secret", "name"} {
		if !strings.Contains(text, "TF_VAR_"+variable+"=") || !strings.Contains(readFile(t, "terraform/variables.tf"), "variable \""+variable+"\"") {
			t.Errorf("the module's variable %s is not set, or is not there", variable)
		}
	}
}

// TestTestsHaveNoRights: what the tests run may do nothing, and what may do
// something runs no tests.
func TestTestsHaveNoRights(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string{"check"}, checkSteps(t, testsBuild)); diff != "" {
		t.Errorf("steps of the tests (-want +got):\n%s", diff)
	}
	wants(t, buildSteps(t, testsBuild)[0].Script, "\nmake check\n")
	for _, step := range buildSteps(t, deployBuild) {
		if runsTests.MatchString(step.Script) {
			t.Errorf("step %s of %s runs tests as the deployer", step.ID, deployBuild)
		}
	}
	granted, submitted := []string{}, []string{}
	for _, args := range documentedDeploy(t) {
		command := strings.Join(args, " ")
		account := regexp.MustCompile(`gemini-webhook-(?:tests|deploy)@`).FindString(command)
		switch role := regexp.MustCompile(`--role=(\S+)`).FindStringSubmatch(command); {
		case role != nil && account == "gemini-webhook-tests@":
			granted = append(granted, args[0]+" "+role[1])
		case strings.HasPrefix(command, "builds submit"):
			submitted = append(submitted, regexp.MustCompile(`--config=(\S+)`).FindStringSubmatch(command)[1]+" as "+account)
		}
	}
	if diff := cmp.Diff([]string{"projects roles/logging.logWriter", "storage roles/storage.objectViewer"}, granted); diff != "" {
		t.Errorf("what the tests' account is granted in docs/deploy.md (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{testsBuild + " as gemini-webhook-tests@", deployBuild + " as gemini-webhook-deploy@"}, submitted); diff != "" {
		t.Errorf("builds in docs/deploy.md (-want +got):\n%s", diff)
	}
}

var runsTests = regexp.MustCompile(`make (check|quick|test|fuzz|soak|mutate|bench|terraform-test)|go test|scripts/check`)

// documentedDeploy are the gcloud commands of docs/deploy.md.
func documentedDeploy(t *testing.T) [][]string {
	t.Helper()
	whole, _ := documentedCommands(readFile(t, "docs/deploy.md"), "gcloud")
	return whole
}

// TestCloudBuildAsGcloudReadsIt has gcloud load the files as "gcloud builds
// submit" does.
func TestCloudBuildAsGcloudReadsIt(t *testing.T) {
	t.Parallel()
	for _, file := range []string{deployBuild, testsBuild} {
		answer := askGcloud(t, parserRequest{Commands: [][]string{}, Build: filepath.Join(moduleRoot(t), file)})
		var got struct{ Steps []buildStep }
		must(t, json.Unmarshal(answer.Build, &got))
		if diff := cmp.Diff(buildSteps(t, file), got.Steps); diff != "" {
			t.Errorf("%s (-as this test reads it +as gcloud does):\n%s", file, diff)
		}
	}
}

// TestCloudBuildUpload: what the steps need is uploaded, and no state or key.
func TestCloudBuildUpload(t *testing.T) {
	t.Parallel()
	paths := map[string]bool{ // whether it is left out
		"Makefile":                      false,
		"source.ignore":                 false,
		"cmd/webhookctl/main.go":        false,
		"terraform/main.tf":             false,
		"terraform/terraform.tfvars":    false,
		"internal/buildtest/x_test.go":  false,
		"terraform/terraform.tfstate":   true,
		"terraform/x.tfstate.backup":    true,
		"terraform/build.tfplan":        true,
		"terraform/x_override.tf":       true,
		"terraform/.terraform.lock.hcl": true,
		"account.key":                   true,
		"sub/.env":                      true,
		"internal/buildtest/stale.test": true,
		"terraform/.terraform/":         true,
		"bin/":                          true,
	}
	out := leftOut(t, filepath.Join(moduleRoot(t), ".cloudbuildignore"), slices.Collect(maps.Keys(paths)))
	for name, want := range paths {
		if out[name] != want {
			t.Errorf("%s: left out is %v, want %v", name, out[name], want)
		}
	}
	wants(t, readFile(t, ".cloudbuildignore"), "\n.git/\n")
	if !strings.Contains(readFile(t, "docs/deploy.md"), "--ignore-file=.cloudbuildignore") {
		t.Error("docs/deploy.md does not use .cloudbuildignore: with .gcloudignore the build would have neither tests nor Terraform")
	}
}

// TestSmokeTest runs the script with a gcloud whose subscription gets an outcome
// after the ping, or none.
func TestSmokeTest(t *testing.T) {
	t.Parallel()
	const gcloud = `#!/bin/sh
case "$*" in
  *subscriptions\ create*--topic=gemini-webhook-outcomes*) echo there >"$STATE/subscription" ;;
  *subscriptions\ pull*) if [ -e "$STATE/pinged" ]; then echo webhook.ping; fi ;;
  *subscriptions\ delete*) rm "$STATE/subscription" ;;
  *) exit 1 ;;
esac
`
	tests := map[string]struct {
		ping, wait, want string
		ok               bool
	}{
		"arrives":         {`touch "$STATE/pinged"`, "10", "an outcome of type webhook.ping came", true},
		"does not arrive": {"true", "0", "docs/runbooks/deliveries-refused.md", false},
		"cannot be sent":  {"echo 'webhookctl: no such webhook' >&2; exit 4", "10", "no such webhook", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bin, state := t.TempDir(), t.TempDir()
			for tool, text := range map[string]string{"gcloud": gcloud, "ping": "#!/bin/sh\n" + test.ping + "\n"} {
				writeFile(t, filepath.Join(bin, tool), text)
			}
			cmd := exec.Command("bash", filepath.Join(moduleRoot(t), smokeScript), "--project=acme-prod", "--api-key-secret=projects/acme-prod/secrets/gemini-api-key")
			cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "STATE="+state,
				"WEBHOOKCTL="+filepath.Join(bin, "ping"), "SECONDS_TO_WAIT="+test.wait)
			out, err := cmd.CombinedOutput()
			if (err == nil) != test.ok || !strings.Contains(string(out), test.want) {
				t.Errorf("%v: %s, want success %v and %q", err, out, test.ok, test.want)
			}
			if _, err := os.Stat(filepath.Join(state, "subscription")); err == nil {
				t.Error("the subscription was left behind")
			}
		})
	}
}
