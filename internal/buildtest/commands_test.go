package buildtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What README.md and docs/deploy.md tell people to type.
const (
	typedDeploy  = "make deploy PROJECT=my-project REGION=europe-west1"
	typedBackend = "make deploy PROJECT=my-project REGION=europe-west1 BACKEND=gs://my-project-terraform"
	typedDestroy = "make destroy PROJECT=my-project REGION=europe-west1"
)

var (
	applied   = regexp.MustCompile(`Apply complete! Resources: (\d+) added, (\d+) changed, (\d+) destroyed`)
	destroyed = regexp.MustCompile(`Destroy complete! Resources: (\d+) destroyed`)
)

// counts gives the numbers that Terraform ends with.
func counts(t *testing.T, pattern *regexp.Regexp, out string) []string {
	t.Helper()
	m := pattern.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no %s in:\n%s", pattern, out)
	}
	return m[1:]
}

func TestTypedCommandsAreDocumented(t *testing.T) {
	t.Parallel()
	wants(t, readFile(t, "README.md"), typedDeploy)
	wants(t, readFile(t, "docs/deploy.md"), typedDeploy, typedBackend, typedDestroy)
}

// TestNamedTags: a version that a document names is one of CHANGELOG.md, and the
// newest of those is what is built.
func TestNamedTags(t *testing.T) {
	t.Parallel()
	changes := readFile(t, "CHANGELOG.md")
	newest := regexp.MustCompile(`(?m)^## \[(\d+\.\d+\.\d+)\]`).FindStringSubmatch(changes)
	if newest == nil {
		t.Fatal("CHANGELOG.md has no version")
	}
	wants(t, readFile(t, "internal/version/version.go"), "const base = \""+newest[1]+"\"")
	for document, text := range filesOf(t, ".md") {
		for _, m := range regexp.MustCompile(`ref=v([0-9.]+[0-9])`).FindAllStringSubmatch(text, -1) {
			if !strings.Contains(changes, "\n## ["+m[1]+"]") {
				t.Errorf("%s names v%s, which CHANGELOG.md does not have", document, m[1])
			}
		}
	}
}

// TestMakeDeploy is the life of a deployment by make: the first time, again,
// with the state moved into a bucket, from another clone at another commit, and
// destroyed.
func TestMakeDeploy(t *testing.T) {
	t.Parallel()
	u := newUser(t, "gemini-webhook-signing-secret", "gemini-webhook-token")
	first := u.clone()

	out := u.run(first, typedDeploy)
	wants(t, out, "apply: project my-project, region europe-west1, as gemini-webhook (state in terraform/terraform.tfstate)")
	made := counts(t, applied, out)[0]
	if n := u.webhooks(); n != 1 {
		t.Errorf("%d webhooks at Gemini, want 1", n)
	}

	if got := counts(t, applied, u.run(first, typedDeploy)); strings.Join(got, " ") != "0 0 0" {
		t.Errorf("the second time: added, changed, destroyed %v, want no changes", got)
	}

	u.bucket("my-project-terraform")
	if got := counts(t, applied, u.run(first, typedBackend)); strings.Join(got, " ") != "0 0 0" {
		t.Errorf("after the state has moved: added, changed, destroyed %v, want no changes", got)
	}

	// Somebody else, later: other sources, and a region from terraform.tfvars.
	second := u.clone()
	u.change(second)
	writeFile(t, filepath.Join(second, "terraform/terraform.tfvars"), "project_id = \"my-project\"\nregion = \"europe-west1\"\n")
	out = u.run(second, "make deploy BACKEND=gs://my-project-terraform")
	wants(t, out, "apply: project my-project, region europe-west1, as gemini-webhook (state in gs://my-project-terraform/gemini-webhook)")
	if got := counts(t, applied, out); strings.Join(got, " ") != "1 3 1" {
		t.Errorf("another version: added, changed, destroyed %v, want a new archive, three functions changed, the old archive gone", got)
	}

	// The lock file of the first clone names the first provider; now it has the
	// second one's sources.
	u.change(first)
	if got := counts(t, applied, u.run(first, typedDeploy)); strings.Join(got, " ") != "0 0 0" {
		t.Errorf("the first clone at the second's commit: added, changed, destroyed %v, want no changes", got)
	}
	if n := len(u.providers()); n != 2 {
		t.Errorf("%d versions of the provider, want one for each version of the sources", n)
	}

	// Without a word about what: it is in the state.
	if got := counts(t, applied, u.run(second, "make deploy")); strings.Join(got, " ") != "0 0 0" {
		t.Errorf("not told anything: added, changed, destroyed %v, want no changes", got)
	}
	if got := counts(t, destroyed, u.run(first, typedDestroy))[0]; got != made {
		t.Errorf("%s destroyed of %s made", got, made)
	}
	if n := u.webhooks(); n != 0 {
		t.Errorf("%d webhooks left at Gemini", n)
	}
}

// TestMakeDeployAsks: what is missing is said before anything is built.
func TestMakeDeployAsks(t *testing.T) {
	t.Parallel()
	u := newHome(t)
	dir := u.clone()
	for command, want := range map[string]string{
		"make deploy":          "make deploy PROJECT=my-project",
		"make destroy":         "make destroy PROJECT=my-project",
		"make deploy PROJECT=": "PROJECT is empty",
		"make deploy PROJECT=my-project BACKEND=my-bucket": "gs://BUCKET",
	} {
		out, err := u.try(dir, command)
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v, %q, want an error with %q", command, err, out, want)
		}
	}
}

// TestProvider: from any folder the same program, another version for other
// sources, and a lock file for several platforms.
func TestProvider(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the provider; run without -short")
	}
	u := newHome(t)
	first, second := u.clone(), u.clone()
	u.run(first, "make provider")
	before := u.providers()
	u.home = t.TempDir()
	u.env = append(u.env, "HOME="+u.home)
	u.run(second, "make provider")
	after := u.providers()
	if len(before) != 1 || len(after) != 1 {
		t.Fatalf("%d and %d versions, want one each", len(before), len(after))
	}
	for version, program := range before {
		if after[version] != program {
			t.Errorf("two clones make two programs of version %s", version)
		}
	}
	u.lockForTwoPlatforms()
	u.change(second)
	u.run(second, "make provider")
	if n := len(u.providers()); n != 2 {
		t.Errorf("%d versions after the sources changed, want 2", n)
	}
}

// lockForTwoPlatforms runs the command of the provider's page. The program for
// the other platform is a copy: building one takes a minute.
func (u *user) lockForTwoPlatforms() {
	u.t.Helper()
	page := readFile(u.t, "terraform/provider/docs/index.md")
	_, command, ok := strings.Cut(page, "darwin_arm64\"\n")
	command, _, closed := strings.Cut(command, "```")
	if !ok || !closed {
		u.t.Fatal("the provider's page does not say how to lock for several platforms")
	}
	built, err := filepath.Glob(filepath.Join(u.plugins(), "terraform.local/gemini/gemini/*/*"))
	must(u.t, err)
	for _, platform := range []string{"linux_amd64", "darwin_arm64"} {
		if dir := filepath.Join(filepath.Dir(built[0]), platform); dir != built[0] {
			linkTree(u.t, built[0], dir)
		}
	}
	root := u.t.TempDir()
	writeFile(u.t, filepath.Join(root, "main.tf"), "terraform {\n  required_providers {\n    gemini = {\n      source = \"terraform.local/gemini/gemini\"\n    }\n  }\n}\n")
	u.run(root, strings.ReplaceAll(command, "$HOME", u.home))
	wants(u.t, readFile(u.t, filepath.Join(root, ".terraform.lock.hcl")), `provider "terraform.local/gemini/gemini"`, "h1:")
	u.run(root, "terraform init") // the lock file holds
}

const rootModule = `
module "%[1]s" {
  source     = "git::file://%[2]s//terraform?ref=main"
  project_id = "my-project"
  region     = "europe-west1"
  name       = "%[1]s"

  deletion_protection = var.deletion_protection
}
`

const rootVariable = `
variable "deletion_protection" {
  type    = bool
  default = true
}
`

// TestModuleFromGit is somebody else's root module: with one block and with two,
// which Terraform makes a copy for.
func TestModuleFromGit(t *testing.T) {
	t.Parallel()
	if os.Getenv("TFO_DIR") == "" && !testing.Short() && registryAnswers() {
		u := newHome(t)
		u.run(u.clone(), "make provider")
		t.Log("with Google's own providers: init and validate")
		for _, command := range []string{"terraform init", "terraform validate"} {
			u.run(u.root(u.clone(), "one", "two"), command)
		}
		return
	}
	u := newUser(t, "one-signing-secret", "one-token", "two-signing-secret", "two-token")
	clone := u.clone()
	u.run(clone, "make provider")

	root := u.root(clone, "one")
	u.run(root, "terraform init")
	one := counts(t, applied, u.run(root, "terraform apply"))[0]
	u.block(root, clone, "two")
	u.run(root, "terraform init")
	if got := counts(t, applied, u.run(root, "terraform apply")); got[0] != one || got[1] != "0" || got[2] != "0" {
		t.Errorf("the second block: added, changed, destroyed %v, want %s, 0, 0", got, one)
	}
	archives, err := filepath.Glob(filepath.Join(root, ".terraform", "*.zip"))
	must(t, err)
	if len(archives) != 2 {
		t.Errorf("archives %v, want one for each block", archives)
	}
	if n := u.webhooks(); n != 2 {
		t.Errorf("%d webhooks at Gemini, want 2", n)
	}

	// The next version: the lock file holds until it is told to go on.
	u.change(clone)
	u.run(clone, "make provider")
	u.run(root, "terraform init")
	u.run(root, "terraform init -upgrade")
	if got := counts(t, applied, u.run(root, "terraform apply")); strings.Join(got, " ") != "2 6 2" {
		t.Errorf("another version: added, changed, destroyed %v, want two archives and six functions", got)
	}
	if out, err := u.try(root, "terraform destroy -var=deletion_protection=false"); err == nil || !strings.Contains(out, "Deletion protection is on") {
		t.Errorf("destroyed while what was applied is protected: %v", err)
	}
	if n := u.webhooks(); n != 2 {
		t.Errorf("%d webhooks at Gemini after a destroy that was refused, want 2", n)
	}
	u.run(root, "terraform apply -var=deletion_protection=false")
	u.run(root, "terraform destroy -var=deletion_protection=false")
}

func (u *user) root(clone string, names ...string) string {
	u.t.Helper()
	dir := u.t.TempDir()
	writeFile(u.t, filepath.Join(dir, "variables.tf"), rootVariable)
	for _, name := range names {
		u.block(dir, clone, name)
	}
	return dir
}

func (u *user) block(root, clone, name string) {
	u.t.Helper()
	text := strings.NewReplacer("%[1]s", name, "%[2]s", clone).Replace(rootModule)
	writeFile(u.t, filepath.Join(root, name+".tf"), text)
}

// TestCloudBuildSteps runs the scripts of cloudbuild.yaml on what is uploaded,
// each with a home of its own, but for the smoke test, which has a test of its own.
func TestCloudBuildSteps(t *testing.T) {
	t.Parallel()
	u := newUser(t, "gemini-webhook-signing-secret", "gemini-webhook-token")
	clone, workspace := u.clone(), t.TempDir()
	// Left behind by "make deploy" on the machine that uploads.
	writeFile(t, filepath.Join(clone, "terraform/.terraform.lock.hcl"), "provider \"terraform.local/gemini/gemini\" {\n  version = \"0.2.1\"\n}\n")
	names := filesIn(t, clone)
	left := leftOut(t, filepath.Join(clone, ".cloudbuildignore"), names)
	copyFiles(t, clone, workspace, slices.DeleteFunc(names, func(name string) bool { return left[name] }))

	// Google's providers, which a registry would have there.
	stand := filepath.Join(u.home, "stand-ins")
	must(t, os.MkdirAll(stand, 0o755))
	must(t, os.Rename(filepath.Join(u.plugins(), "registry.terraform.io"), filepath.Join(stand, "registry.terraform.io")))
	u.bucket("my-project-gemini-webhook-terraform")
	bin := t.TempDir()
	writeFile(t, filepath.Join(bin, "gcloud"), "#!/bin/sh\ncase \"$*\" in *projectNumber*) echo 123456789012 ;; esac\n")
	u.env = append(u.env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"PROJECT=my-project", "PROJECT_NUMBER=123456789012", "REGION=europe-west1", "NAME=gemini-webhook", "API_KEY_SECRET=projects/my-project/secrets/gemini-api-key",
		"STATE_BUCKET=my-project-gemini-webhook-terraform", "TF_VAR_project_id=my-project", "TF_VAR_region=europe-west1",
		"TF_VAR_name=gemini-webhook", "TF_VAR_api_key_secret=projects/my-project/secrets/gemini-api-key", "TF_IN_AUTOMATION=1", "TF_INPUT=0")

	var out string
	for _, step := range buildSteps(t, deployBuild) {
		if step.ID == "smoke-test" {
			continue
		}
		home := t.TempDir()
		linkTree(t, stand, filepath.Join(home, ".terraform.d/plugins"))
		u.env = append(u.env, "HOME="+home)
		script := filepath.Join(t.TempDir(), step.ID)
		writeFile(t, script, step.Script)
		out = u.run(workspace, script)
		if step.ID == "apply" {
			break
		}
	}
	counts(t, applied, out)
	if n := u.webhooks(); n != 1 {
		t.Errorf("%d webhooks at Gemini, want 1", n)
	}
	if _, err := os.Stat(filepath.Join(workspace, "terraform/terraform.tfstate")); err == nil {
		t.Error("the state is not in the bucket")
	}
}
