package consumer_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"example.com/gemini-webhook/internal/nodetest"
)

// What the consumers in Python need: requirements.txt has the versions.
const (
	pythonPush = "import google.auth.transport.requests, google.oauth2.id_token as t; t.verify_oauth2_token.__code__.co_varnames.index('clock_skew_in_seconds')"
	pythonPull = "import google.cloud.pubsub_v1"
)

// python is a command line of a Python that can do what is needed. The Google Cloud CLI
// brings one with Google's libraries along. The test is skipped where there is none.
func python(t *testing.T, needed string, arguments ...string) *exec.Cmd {
	t.Helper()
	commands := []*exec.Cmd{exec.Command("python3"), exec.Command("/usr/bin/python3")} // Debian's, if another comes first
	if gcloud, err := exec.LookPath("gcloud"); err == nil {
		if gcloud, err = filepath.EvalSymlinks(gcloud); err == nil {
			sdk := filepath.Dir(filepath.Dir(gcloud))
			bundled := exec.Command(filepath.Join(sdk, "platform/bundledpythonunix/bin/python3"))
			bundled.Env = []string{"PYTHONPATH=" + filepath.Join(sdk, "lib/third_party")}
			commands = append(commands, bundled)
		}
	}
	for _, command := range commands {
		command.Env = append(command.Env, "PYTHONDONTWRITEBYTECODE=1")
		try := exec.CommandContext(t.Context(), command.Path, "-c", needed)
		if try.Env = append(os.Environ(), command.Env...); try.Run() == nil {
			command.Args = append(command.Args, arguments...)
			command.Dir = "python"
			return command
		}
	}
	t.Skipf("no Python here can %q; install examples/consumer/python/requirements.txt, or the Google Cloud CLI, which brings it along", needed)
	return nil
}

// compiled is a directory with the consumers in TypeScript, compiled as their tsconfig.json
// says, and the packages of their package.json.
func compiled(t *testing.T) (dir string) {
	t.Helper()
	var manifest struct{ Dependencies, DevDependencies map[string]string }
	text, err := os.ReadFile("typescript/package.json")
	must(t, err)
	must(t, json.Unmarshal(text, &manifest))
	var packages []string
	for _, all := range []map[string]string{manifest.Dependencies, manifest.DevDependencies} {
		for name, version := range all {
			packages = append(packages, name+"@"+version)
		}
	}
	root := nodetest.Install(t, packages...)
	must(t, os.CopyFS(filepath.Join(root, "docs/schemas"), os.DirFS("../../docs/schemas")))
	dir = filepath.Join(root, "examples/consumer/typescript")
	must(t, os.CopyFS(dir, os.DirFS("typescript")))
	must(t, os.CopyFS(filepath.Join(dir, "testdata"), os.DirFS("testdata")))
	tsc := exec.CommandContext(t.Context(), "node", filepath.Join(root, "node_modules/typescript/bin/tsc"))
	tsc.Dir = dir
	if out, err := tsc.CombinedOutput(); err != nil {
		t.Fatalf("tsc: %v\n%s", err, out)
	}
	return dir
}
