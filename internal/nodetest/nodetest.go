// Package nodetest runs Node in tests that compare with what others wrote: a test
// is skipped, with the reason, where there is no Node or no npm registry.
package nodetest

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"testing"
	"time"
)

// GenAI is Google's SDK for the Gemini API and Vertex AI.
const GenAI = "@google/genai@2.32.0"

// Install puts packages of the npm registry, each NAME@VERSION, into a directory
// of the test's own and returns it. No script of theirs is run. It skips the test
// with -short.
func Install(t *testing.T, packages ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it installs packages; run without -short")
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("there is no npm in PATH")
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // of a client of Google's some 100 packages
	defer cancel()
	install := append([]string{"install", "--prefix", dir, "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"}, packages...)
	if out, err := exec.CommandContext(ctx, npm, install...).CombinedOutput(); err != nil {
		t.Skipf("%v cannot be installed, is the npm registry there? %v\n%s", packages, err, out)
	}
	return dir
}

// Run runs a script, a module, in a directory. It gets the input as JSON on its
// standard input, and prints JSON, which is decoded into output. It skips the test
// where there is no Node.
func Run(t *testing.T, dir, script string, input, output any) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node in PATH")
	}
	text, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // a browser on a machine that is busy
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "--input-type=module", "--eval", script)
	cmd.Dir = dir
	cmd.Stdin = bytes.NewReader(text)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, &stderr)
	}
	if err := json.Unmarshal(out, output); err != nil {
		t.Fatalf("node printed %q: %v", out, err)
	}
}
