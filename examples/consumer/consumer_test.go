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
