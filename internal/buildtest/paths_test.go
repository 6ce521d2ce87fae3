package buildtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// maxFileBytes keeps binaries and captures out of the repository: 1 MiB.
const maxFileBytes = 1 << 20

// machinePath is an absolute path that exists on somebody's machine only. What
// stands before it must not make it a part of a longer path or of a URL.
var machinePath = regexp.MustCompile(`(?:^|[^A-Za-z0-9_.~/$}-])/(?:(?:work|root)(?:/|["'\s:,;)]|$)|(?:home|Users)/[A-Za-z0-9_.-]+)`)

// TestNoMachinePaths reads what git tracks, so that a fresh clone works anywhere.
func TestNoMachinePaths(t *testing.T) {
	t.Parallel()
	for _, name := range gitFiles(t) {
		if filepath.Base(name) == "paths_test.go" {
			continue // it names them
		}
		info, err := os.Lstat(filepath.Join(moduleRoot(t), name))
		if err != nil || !info.Mode().IsRegular() {
			continue // deleted in the working tree, or a link
		}
		if info.Size() > maxFileBytes {
			t.Errorf("%s has %d bytes, over %d: keep binaries and captures out of the repository", name, info.Size(), maxFileBytes)
		}
		text := readFile(t, name)
		if strings.HasPrefix(text, "\x7fELF") {
			t.Errorf("%s is a binary", name)
		}
		for i, line := range strings.Split(text, "\n") {
			if found := machinePath.FindString(line); found != "" {
				t.Errorf("%s:%d holds a path of one machine: %q", name, i+1, found)
			}
		}
	}
}

func TestMachinePath(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"cd /work/main":            true,
		`"/root/go"`:               true,
		"/root":                    true,
		"in /home/ann/src":         true,
		"/Users/ann":               true,
		"see handlers/workers.go":  false,
		"https://x.example/work/a": false,
		"$HOME/work/x":             false,
		"./work/x":                 false,
		"projects/p/roots/x":       false,
		"POST /tasks/process":      false,
		"/workflows and /rootless": false,
		"dir: /workspace/bin":      false,
	} {
		if got := machinePath.MatchString(line); got != want {
			t.Errorf("%q: found is %v, want %v", line, got, want)
		}
	}
}
