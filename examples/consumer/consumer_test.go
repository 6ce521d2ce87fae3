package consumer_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"example.com/gemini-webhook/examples/consumer/consumertest"
)

const module = "example.com/gemini-webhook/examples/consumer/"

// TestConsumers runs the examples in each language on one cloud and one batch.
func TestConsumers(t *testing.T) {
	t.Parallel()
	rig := consumertest.Start(t)
	t.Run("go push", func(t *testing.T) {
		t.Parallel()
		program := consumertest.Build(t, "-overlay", overlay(t), module+"go/push")
		rig.Push(t, consumertest.Program{Command: exec.Command(program), Durable: true})
	})
	t.Run("go pull", func(t *testing.T) {
		t.Parallel()
		program := consumertest.Build(t, module+"go/pull")
		rig.Pull(t, consumertest.Program{Command: exec.Command(program), Durable: true})
	})
	t.Run("python push", func(t *testing.T) {
		t.Parallel()
		keys, err := filepath.Abs("testdata/keys.py")
		must(t, err)
		rig.Push(t, consumertest.Program{Command: python(t, pythonPush, keys), Durable: true})
	})
	t.Run("python pull", func(t *testing.T) {
		t.Parallel()
		rig.Pull(t, consumertest.Program{Command: python(t, pythonPull, "pull.py"), Durable: true})
	})
	t.Run("bigquery", func(t *testing.T) {
		t.Parallel()
		queries(t, rig)
	})
	t.Run("typescript", func(t *testing.T) {
		t.Parallel()
		dir := compiled(t)
		run := func(arguments ...string) consumertest.Program {
			command := exec.Command("node", arguments...)
			command.Dir = dir
			return consumertest.Program{Command: command, Durable: true}
		}
		t.Run("push", func(t *testing.T) {
			t.Parallel()
			rig.Push(t, run("--import=./testdata/keys.mjs", "out/push.js"))
		})
		t.Run("pull", func(t *testing.T) {
			t.Parallel()
			rig.Pull(t, run("out/pull.js"))
		})
	})
}

// overlay is an argument of "go build" that adds testdata/keys.go to the command push.
func overlay(t *testing.T) (file string) {
	t.Helper()
	here, err := os.Getwd()
	must(t, err)
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(here, "go/push/keys.go"): filepath.Join(here, "testdata/keys.go"),
	}})
	must(t, err)
	file = filepath.Join(t.TempDir(), "overlay.json")
	must(t, os.WriteFile(file, text, 0o600))
	return file
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
