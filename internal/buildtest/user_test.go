package buildtest

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"

	"example.com/gemini-webhook/internal/localcloud"
)

// user is somebody who has Go, git, make and Terraform, a home directory without
// a CLI configuration of Terraform's, and a project: the embedded cloud for what
// our own provider talks to, stand-ins of Google's providers for the rest.
type user struct {
	t     *testing.T
	home  string
	env   []string
	cloud *localcloud.Cloud
}

// newUser skips the test where Terraform, or what answers for Google Cloud, is
// not there. TFO_DIR names the stand-ins' directory.
func newUser(t *testing.T, secrets ...string) *user {
	t.Helper()
	if testing.Short() {
		t.Skip("runs Terraform for a minute; run without -short")
	}
	u := newHome(t)
	offline := os.Getenv("TFO_DIR")
	if offline == "" {
		t.Skip("applies a configuration, so it needs stand-ins of Google's providers: set TFO_DIR to their directory")
	}
	line := mustOutput(t, offline, nil, filepath.Join(offline, "setup"))
	_, config, ok := strings.Cut(strings.TrimSpace(line), "TF_CLI_CONFIG_FILE='")
	if !ok {
		t.Fatalf("%s/setup printed %q", offline, line)
	}
	linkTree(t, filepath.Join(filepath.Dir(strings.TrimSuffix(config, "'")), "mirror"), u.plugins())

	cloud, err := localcloud.Start(context.Background(), localcloud.Options{})
	must(t, err)
	t.Cleanup(func() { _ = cloud.Close() })
	for _, name := range secrets {
		cloud.Secrets.Create("projects/my-project/secrets/" + name)
	}
	cloud.Secrets.Add("projects/my-project/secrets/gemini-api-key", []byte(localcloud.APIKey))
	u.cloud, u.env = cloud, append(u.env, cloud.Env()...)
	return u
}

// newHome is a user without a cloud.
func newHome(t *testing.T) *user {
	t.Helper()
	for _, tool := range []string{"terraform", "git", "make"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not in PATH; install it to run the documented commands", tool)
		}
	}
	u := &user{t: t, home: t.TempDir()}
	u.env = []string{
		"HOME=" + u.home, "PATH=" + os.Getenv("PATH"), "CHECKPOINT_DISABLE=1",
		"GIT_AUTHOR_NAME=x", "GIT_AUTHOR_EMAIL=x@example.com", "GIT_COMMITTER_NAME=x", "GIT_COMMITTER_EMAIL=x@example.com",
	}
	for _, name := range []string{"GOPATH", "GOCACHE", "GOMODCACHE", "GOENV"} { // which are below the real home
		u.env = append(u.env, name+"="+strings.TrimSpace(mustOutput(t, ".", nil, "go", "env", name)))
	}
	return u
}

func (u *user) plugins() string { return filepath.Join(u.home, ".terraform.d", "plugins") }

// clone is a fresh clone of the working tree as it is now.
func (u *user) clone() string {
	u.t.Helper()
	dir := u.t.TempDir()
	copyFiles(u.t, moduleRoot(u.t), dir, gitFiles(u.t))
	u.run(dir, "git init -q -b main . && git add -A && git commit -q -m clone")
	return dir
}

// change commits another version of the sources of function and provider.
func (u *user) change(dir string) {
	u.t.Helper()
	for _, name := range []string{"function.go", "terraform/provider/main.go"} {
		path := filepath.Join(dir, name)
		writeFile(u.t, path, readFile(u.t, path)+"\n// Another version.\n")
	}
	u.run(dir, "git commit -q -a -m 'another version'")
}

// run types a command, answers yes to what it asks, and wants it to succeed.
func (u *user) run(dir, command string) string {
	u.t.Helper()
	out, err := u.try(dir, command)
	if err != nil {
		u.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return out
}

// colors are Terraform's.
var colors = strings.NewReplacer("\x1b[0m", "", "\x1b[1m", "", "\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "")

func (u *user) try(dir, command string) (string, error) {
	u.t.Helper()
	cmd := exec.CommandContext(u.t.Context(), "sh", "-c", command)
	cmd.Dir, cmd.Env = dir, u.env
	cmd.Stdin = strings.NewReader(strings.Repeat("yes\n", 5))
	out, err := cmd.CombinedOutput()
	return colors.Replace(string(out)), err
}

// providers lists the versions of our provider that Terraform can find, with
// their programs.
func (u *user) providers() map[string]string {
	u.t.Helper()
	files, err := filepath.Glob(filepath.Join(u.plugins(), "terraform.local/gemini/gemini/*/*/terraform-provider-gemini_v*"))
	must(u.t, err)
	found := map[string]string{}
	for _, file := range files {
		found[filepath.Base(filepath.Dir(filepath.Dir(file)))] = readFile(u.t, file)
	}
	return found
}

// bucket makes one for Terraform's state, in a Cloud Storage of its own.
func (u *user) bucket(name string) {
	u.t.Helper()
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{Scheme: "http", Host: "127.0.0.1", PublicHost: "127.0.0.1"})
	must(u.t, err)
	u.t.Cleanup(server.Stop)
	server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: name})
	u.env = append(u.env, "STORAGE_EMULATOR_HOST="+strings.TrimPrefix(server.URL(), "http://"))
}

// webhooks is how many are registered at Gemini.
func (u *user) webhooks() int {
	u.t.Helper()
	var answer struct{ Webhooks []struct{} }
	var base string
	for _, variable := range u.cloud.Env() {
		if value, ok := strings.CutPrefix(variable, "GOOGLE_GEMINI_BASE_URL="); ok {
			base = value
		}
	}
	req, err := http.NewRequestWithContext(u.t.Context(), http.MethodGet, base+"/v1beta/webhooks?page_size=100", nil)
	must(u.t, err)
	req.Header.Set("X-Goog-Api-Key", localcloud.APIKey)
	resp, err := http.DefaultClient.Do(req)
	must(u.t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		u.t.Fatalf("listing webhooks: %s", resp.Status)
	}
	must(u.t, json.NewDecoder(resp.Body).Decode(&answer))
	return len(answer.Webhooks)
}

// registryAnswers says whether Google's providers can be had.
func registryAnswers() bool {
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get("https://registry.terraform.io/.well-known/terraform.json")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
