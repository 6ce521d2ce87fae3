package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
)

const terraformConfig = `
terraform {
  required_providers {
    gemini = {
      source = "terraform.local/gemini/gemini"
    }
  }
}

variable "uri" {}
variable "rotation" { default = "none" }
variable "revocation" { default = "after_24h" }

provider "gemini" {
  api_key_secret = "` + localcloud.APIKeySecret + `"
}

resource "gemini_webhook" "this" {
  name              = "e2e"
  uri               = var.uri
  subscribed_events = ["batch.succeeded", "interaction.completed"]
  signing_secret    = "` + localcloud.SigningSecret + `"
  rotation_triggers = { run = var.rotation }
  revocation        = var.revocation
}

resource "gemini_webhook_token" "this" {
  secret = "` + localcloud.TokenSecret + `"
}
`

// workspace is a directory in which the real terraform works with this
// repository's provider.
type workspace struct {
	t   *testing.T
	dir string
	env []string
}

func newWorkspace(t *testing.T, r *rig) *workspace {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("terraform is not on PATH")
	}
	w := &workspace{t: t, dir: t.TempDir()}
	mirror := filepath.Join(w.dir, "mirror")
	program := filepath.Join(mirror, "terraform.local/gemini/gemini/0.2.0", runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-gemini_v0.2.0")
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program, ".")
	build.Dir = filepath.Join("..", "..", "terraform", "provider")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cli := filepath.Join(w.dir, "cli.tfrc")
	must(t, os.WriteFile(cli, fmt.Appendf(nil, "disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror), 0o600))
	must(t, os.WriteFile(filepath.Join(w.dir, "main.tf"), []byte(terraformConfig), 0o600))
	w.env = append(r.cloud.Env(), "HOME="+w.dir, "PATH="+os.Getenv("PATH"), "TF_CLI_CONFIG_FILE="+cli, "TF_IN_AUTOMATION=1",
		"TF_LOG=TRACE", "TF_LOG_PATH="+filepath.Join(w.dir, "trace.log"))
	w.run(0, "init", "-input=false")
	return w
}

// run wants an exit status.
func (w *workspace) run(want int, args ...string) {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), "terraform", append(args, "-no-color")...)
	cmd.Dir, cmd.Env = w.dir, w.env
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != want {
		w.t.Fatalf("terraform %s: exit status %d, want %d\n%s", strings.Join(args, " "), got, want, out)
	}
}

func (w *workspace) apply(variables ...string) {
	w.t.Helper()
	args := []string{"-input=false"}
	for _, v := range variables {
		args = append(args, "-var="+v)
	}
	w.run(0, append([]string{"apply", "-auto-approve"}, args...)...)
	w.run(0, append([]string{"plan", "-detailed-exitcode"}, args...)...) // 2 if there are changes left
}

// holdsNo looks for secrets in all that terraform has written.
func (w *workspace) holdsNo(secrets ...string) {
	w.t.Helper()
	must(w.t, filepath.WalkDir(w.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || strings.Contains(path, "/mirror/") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, secret := range secrets {
			if strings.Contains(string(text), secret) {
				w.t.Errorf("a secret is in %s", filepath.Base(path))
			}
		}
		return err
	}))
}

// From nothing to results by Terraform alone: the webhook and its secret, a
// batch that is verified with it, a rotation under deliveries, a revocation, and
// everything gone at the end.
func TestTerraform(t *testing.T) {
	if testing.Short() {
		t.Skip("runs terraform; run without -short")
	}
	t.Parallel()
	r := newRig(t, options{unregistered: true, cloud: localcloud.Options{Gemini: gemini.Options{ResultPointer: gemini.PointerBucket, Seed: 1, BatchDuration: time.Second}}})
	w := newWorkspace(t, r)
	uri := "uri=" + r.url() + hookPath
	w.apply(uri)
	secret := func(version int64) string {
		payload, ok := r.cloud.Secrets.Payload(localcloud.SigningSecret, version)
		if !ok {
			t.Fatalf("no version %d of the signing secret", version)
		}
		return string(payload)
	}

	_, err := r.operator.RunBatch(t.Context(), "e2e", strings.NewReader(`{"key":"a","request":{"contents":[{"parts":[{"text":"Hello"}]}]}}`+"\n"))
	must(t, err)
	if done := r.completed(); done.Results.Total != 1 {
		t.Errorf("results %+v, want one line", done.Results)
	}

	stop, stopped := make(chan struct{}), make(chan int)
	go func() { // deliveries all the while
		n := 0
		for tick := time.NewTicker(50 * time.Millisecond); ; n++ {
			select {
			case <-tick.C:
				_, _ = r.cloud.Gemini.Emit("interaction.completed", map[string]any{"id": fmt.Sprint("traffic", n)}, gemini.EmitOptions{})
			case <-stop:
				stopped <- n
				return
			}
		}
	}()
	w.apply(uri, "rotation=first")
	if a := r.sign(secret(1)); a.status != http.StatusOK {
		t.Errorf("the old secret within its overlap: %v", a)
	}
	w.apply(uri, "rotation=leaked", "revocation=immediately")
	poll(t, 5*time.Second+slack, "the leaked secret is refused", func() bool { return r.sign(secret(2)).status == http.StatusUnauthorized })
	close(stop)
	n := <-stopped
	r.wait("every event under way is accepted in the end", func() bool {
		accepted := map[string]bool{}
		for _, d := range r.cloud.Gemini.Deliveries() {
			accepted[d.ID] = accepted[d.ID] || d.Status == http.StatusOK
		}
		for _, ok := range accepted {
			if !ok {
				return false
			}
		}
		return len(accepted) > n // and the batch, the ping
	})

	w.run(0, "destroy", "-auto-approve", "-input=false", "-var="+uri)
	if hooks, err := r.operator.Admin.List(t.Context()); err != nil || len(hooks) != 0 {
		t.Errorf("%d webhooks are left, %v", len(hooks), err)
	}
	token, _ := r.cloud.Secrets.Payload(localcloud.TokenSecret, 1)
	w.holdsNo(strings.TrimPrefix(secret(1), "whsec_"), strings.TrimPrefix(secret(2), "whsec_"), strings.TrimPrefix(secret(3), "whsec_"), string(token), localcloud.APIKey)
}
