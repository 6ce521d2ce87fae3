package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/nodetest"
)

// This program is webhookctl where it is called by that name: dev sets variables of its
// process and is ended by signals, so that tests run it as a child.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "webhookctl" {
		main()
	}
	os.Exit(m.Run())
}

// installed puts webhookctl into a directory of its own.
func installed(t *testing.T) (dir string) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the embedded cloud; run without -short")
	}
	program, err := os.Executable()
	must(t, err)
	dir = t.TempDir()
	must(t, os.Symlink(program, filepath.Join(dir, "webhookctl")))
	return dir
}

// startDev runs webhookctl dev as a child, whose standard input is the caller's.
func startDev(t *testing.T, dir string, args ...string) (child *exec.Cmd, in io.Closer, out io.Reader) {
	t.Helper()
	child = exec.CommandContext(t.Context(), filepath.Join(dir, "webhookctl"), append([]string{"dev"}, args...)...)
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	must(t, err)
	stdout, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	return child, stdin, stdout
}

// A shell reads what --headless prints; the other commands then use the embedded cloud;
// an interrupt is a clean end.
func TestDevForShells(t *testing.T) {
	dir := installed(t)
	child, _, out := startDev(t, dir, "--headless")
	var lines bytes.Buffer
	for buffer := make([]byte, 4096); !strings.HasSuffix(lines.String(), "# ready\n"); {
		n, err := out.Read(buffer)
		lines.Write(buffer[:n])
		if err != nil {
			t.Fatalf("%v behind %q", err, &lines)
		}
	}
	file := filepath.Join(dir, "dev.env")
	must(t, os.WriteFile(file, lines.Bytes(), 0o600))
	for _, scheme := range []string{"v1", "v1a", "jwt"} {
		shell := exec.CommandContext(t.Context(), "sh", "-c", ". ./dev.env && webhookctl trigger batch.failed --url=$WEBHOOK_URL --json --scheme="+scheme)
		shell.Dir, shell.Env, shell.Stderr = dir, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH")), os.Stderr
		text, err := shell.Output()
		must(t, err)
		var sent triggered
		if err := json.Unmarshal(text, &sent); err != nil || sent.Status != http.StatusOK || sent.Scheme != scheme {
			t.Errorf("%s: %s: %v", scheme, text, err)
		}
	}
	must(t, child.Process.Signal(syscall.SIGINT))
	if err := child.Wait(); err != nil {
		t.Errorf("an interrupt: %v, want exit code 0", err)
	}
}

// The end of standard input is the end, too.
func TestDevForTests(t *testing.T) {
	child, in, out := startDev(t, installed(t), "--headless", "--json", "--until-eof")
	var ready struct {
		Ready bool
		Env   map[string]string
	}
	must(t, json.NewDecoder(out).Decode(&ready))
	if !ready.Ready || ready.Env["GOOGLE_GEMINI_BASE_URL"] == "" || ready.Env["PUBSUB_EMULATOR_HOST"] == "" {
		t.Errorf("%+v", ready)
	}
	for name, value := range ready.Env {
		if strings.HasPrefix(value, "http") && name != "PUSH_AUDIENCE" && !strings.HasPrefix(value, "http://127.0.0.1:") {
			t.Errorf("%s is %s, want an address on loopback", name, value)
		}
	}
	must(t, in.Close())
	if rest, err := io.ReadAll(out); err != nil || len(rest) > 0 {
		t.Errorf("behind the line: %q, %v", rest, err)
	}
	must(t, child.Wait())
}

func TestDevUsage(t *testing.T) {
	for _, args := range [][]string{{"--json"}, {"--forward=http://receiver.example/"}} {
		if _, messages, code := webhookctl(t, append([]string{"dev"}, args...)...); code != codeUsage || messages == "" {
			t.Errorf("%q: code %d, %q", args, code, messages)
		}
	}
}

// snippet is a block of a document that begins with the file's name.
var snippet = regexp.MustCompile("(?s)```(?:python|ts|go)\n(?:#|//) ([a-z_.-]+)\n(.*?\n)```")

// fixtures writes the files of docs/testing.md into a directory.
func fixtures(t *testing.T, dir string, names ...string) {
	t.Helper()
	doc, err := os.ReadFile("../../docs/testing.md")
	must(t, err)
	written := 0
	for _, m := range snippet.FindAllSubmatch(doc, -1) {
		for _, name := range names {
			if string(m[1]) == name {
				must(t, os.WriteFile(filepath.Join(dir, name), m[2], 0o600))
				written++
			}
		}
	}
	if written != len(names) {
		t.Fatalf("docs/testing.md has %d of %v", written, names)
	}
}

// runs runs a command of an example, beside webhookctl in PATH.
func runs(t *testing.T, bin, dir, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
}

// The examples of docs/testing.md run as they stand there.
func TestTestingExamples(t *testing.T) {
	bin := installed(t)
	t.Run("python", func(t *testing.T) {
		python, err := exec.LookPath("python3")
		if err != nil {
			t.Skip("there is no python3 in PATH")
		}
		dir := t.TempDir()
		fixtures(t, dir, "gemini_dev.py", "test_receiver.py")
		// As pytest would, which need not be there.
		runs(t, bin, dir, python, "-c", "import test_receiver; test_receiver.test_a_batch_that_ends_is_announced()")
	})
	t.Run("vitest", func(t *testing.T) {
		dir := nodetest.Install(t, "vitest@3.2.4", "standardwebhooks@1.1.1")
		fixtures(t, dir, "gemini-dev.ts", "receiver.test.ts")
		runs(t, bin, dir, filepath.Join(dir, "node_modules/.bin/vitest"), "run")
	})
	t.Run("go", func(t *testing.T) {
		dir := t.TempDir()
		fixtures(t, dir, "receiver_test.go")
		must(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/receiver\n\ngo 1.24\n"), 0o600))
		runs(t, bin, dir, "go", "test", "./...")
	})
}
