package provider

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
)

// terminal is a folder in which the real terraform runs with the provider's
// binary, and keeps all that it says.
type terminal struct {
	t         *testing.T
	terraform string
	dir       string
	env       []string
	said      bytes.Buffer
}

// newTerminal builds the provider to where terraform init looks by itself.
func newTerminal(r *rig) *terminal {
	t := r.t
	t.Helper()
	c := &terminal{t: t, terraform: terraformPath(t), dir: t.TempDir()}
	must(t, os.WriteFile(filepath.Join(c.dir, "terraformrc"), nil, 0o600))
	c.env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_CLI_CONFIG_FILE="+filepath.Join(c.dir, "terraformrc"),
		"TF_LOG=TRACE", "TF_LOG_PATH="+filepath.Join(c.dir, "trace.log"), "GEMINI_API_KEY="+apiKey,
		"GOOGLE_GEMINI_BASE_URL="+r.Gemini.URL(), "SECRET_MANAGER_EMULATOR_HOST="+r.Store.Addr())
	binary := filepath.Join(c.dir, "terraform.d/plugins", "terraform.local/gemini/gemini/0.2.0", runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-gemini_v0.2.0")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = module
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return c
}

// run runs terraform and returns its exit code.
func (c *terminal) run(args ...string) int {
	c.t.Helper()
	cmd := exec.Command(c.terraform, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.dir, c.env, &c.said, &c.said
	c.said.WriteString("\n$ terraform " + strings.Join(args, " ") + "\n")
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		c.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

func (c *terminal) must(args ...string) {
	c.t.Helper()
	if code := c.run(args...); code != 0 {
		c.t.Fatalf("exit code %d:\n%s", code, c.said.String())
	}
}

func (c *terminal) write(name, text string) {
	c.t.Helper()
	must(c.t, os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600))
}

// files are all that terraform has written, but for the provider itself; of the
// plans, which are zip files, also what is in them.
func (c *terminal) files() map[string][]byte {
	c.t.Helper()
	all := map[string][]byte{}
	must(c.t, filepath.WalkDir(c.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !entry.Type().IsRegular() || strings.Contains(path, "terraform-provider-gemini_v") {
			return err
		}
		raw, err := os.ReadFile(path)
		name, _ := filepath.Rel(c.dir, path)
		all[name] = raw
		if archive, zipErr := zip.NewReader(bytes.NewReader(raw), int64(len(raw))); zipErr == nil {
			for _, f := range archive.File {
				content, err := f.Open()
				must(c.t, err)
				all[name+"/"+f.Name], err = io.ReadAll(content)
				must(c.t, err)
			}
		}
		return err
	}))
	return all
}

// TestBinary uses the provider as people do: its examples, from init to destroy,
// with saved plans and every log on. None of the secrets is in anything that
// terraform or the provider wrote.
func TestBinary(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	c := newTerminal(r)
	const signing, tokens = "projects/my-project/secrets/gemini-webhook-signing-secret", "projects/my-project/secrets/gemini-webhook-token"
	r.Store.Create(signing)
	r.Store.Create(tokens)
	r.Store.Add("projects/my-project/secrets/gemini-api-key", []byte(apiKey))
	c.write("provider.tf", file(t, "examples/provider/provider.tf"))
	webhook, token := file(t, "examples/resources/gemini_webhook/resource.tf"), file(t, "examples/resources/gemini_webhook_token/resource.tf")
	c.write("webhook.tf", webhook)
	c.write("token.tf", token)
	c.must("fmt", "-check", "-diff")
	c.must("init", "-no-color")
	c.must("plan", "-no-color", "-out=create.tfplan")
	c.must("show", "-json", "create.tfplan")
	c.must("apply", "-no-color", "create.tfplan")
	c.must("plan", "-no-color", "-detailed-exitcode")

	again := func(text string) string { return strings.Replace(text, "2026-11-22", "2026-11-23", 1) }
	c.write("webhook.tf", again(webhook))
	c.write("token.tf", again(token))
	c.must("plan", "-no-color", "-out=rotate.tfplan")
	c.must("show", "-json", "rotate.tfplan")
	c.must("apply", "-no-color", "rotate.tfplan")
	c.must("show", "-json")
	if enabled := [][]int64{r.Enabled(signing), r.Enabled(tokens)}; len(enabled[0]) != 2 || len(enabled[1]) != 2 {
		t.Errorf("enabled versions after the rotation: %v", enabled)
	}

	r.Store.Add("projects/my-project/secrets/gemini-api-key", []byte("a-wrong-"+apiKey))
	if c.run("plan", "-no-color") == 0 {
		t.Error("planned with a wrong API key")
	}
	r.Store.Add("projects/my-project/secrets/gemini-api-key", []byte(apiKey))
	c.must("providers", "schema", "-json")
	c.must("destroy", "-no-color", "-auto-approve")
	if all, annotations := r.webhooks(), r.Annotations(signing); len(all) > 0 || len(annotations) > 0 || len(r.Enabled(tokens)) > 0 {
		t.Errorf("after the destroy: %d webhooks, annotations %v, tokens %v", len(all), annotations, r.Enabled(tokens))
	}

	files := c.files()
	files["output"] = c.said.Bytes()
	for _, name := range []string{"terraform.tfstate.backup", "create.tfplan/tfplan", "rotate.tfplan/tfstate", "trace.log", "output"} {
		if len(files[name]) == 0 {
			t.Errorf("%s is not among what was searched", name)
		}
	}
	if !regexp.MustCompile(`provider.terraform-provider-gemini_v0.2.0.*tf_rpc=ApplyResourceChange`).Match(files["trace.log"]) {
		t.Error("the provider's own log is not in what was searched")
	}
	secrets := r.payloads(signing, tokens)
	if len(secrets) < 10 {
		t.Errorf("only %d texts were searched for", len(secrets))
	}
	for name, content := range files {
		for _, secret := range secrets {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("a secret is in %s", name)
			}
		}
	}
}
