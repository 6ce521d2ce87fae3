package buildtest

import (
	"bufio"
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pattern is a line of source.ignore, which follows .gitignore's rules. The
// subset here has neither "**" nor character classes nor escapes.
type pattern struct {
	glob     string
	negated  bool // "!": let it through after all
	dirOnly  bool // ends with "/"
	anchored bool // has a "/" elsewhere: matched from the root, else by name
}

// parseIgnore reads the file, and fails on what the subset lacks.
func parseIgnore(t *testing.T, text []byte) []pattern {
	t.Helper()
	var patterns []pattern
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "#!") || strings.ContainsAny(line, `[]\?`) && !strings.HasPrefix(line, "#") || strings.Contains(line, "**") {
			t.Fatalf("source.ignore: %q is beyond the subset that this test reads", line)
		}
		if line == "" || line[0] == '#' {
			continue
		}
		var p pattern
		line, p.negated = strings.CutPrefix(line, "!")
		line, p.dirOnly = strings.CutSuffix(line, "/")
		p.anchored = strings.Contains(line, "/")
		p.glob = strings.TrimPrefix(line, "/")
		patterns = append(patterns, p)
	}
	return patterns
}

// ignored reports whether the last pattern that matches name leaves it out.
func ignored(patterns []pattern, name string, dir bool) bool {
	out := false
	for _, p := range patterns {
		subject := path.Base(name)
		if p.anchored {
			subject = name
		}
		if ok, _ := path.Match(p.glob, subject); ok && (dir || !p.dirOnly) {
			out = !p.negated
		}
	}
	return out
}

// bundle lists the files that source.ignore lets through, sorted.
func bundle(t *testing.T, root string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "source.ignore"))
	if err != nil {
		t.Fatal(err)
	}
	patterns := parseIgnore(t, text)
	var files []string
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".":
			return nil
		case ignored(patterns, name, entry.IsDir()) && entry.IsDir():
			return fs.SkipDir // as git does: nothing below can come back
		case !entry.IsDir() && !ignored(patterns, name, false):
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

// TestBundleHoldsWhatIsCompiled keeps everything but code out of the upload.
func TestBundleHoldsWhatIsCompiled(t *testing.T) {
	t.Parallel()
	files := bundle(t, moduleRoot(t))
	for _, file := range files {
		if path.Ext(file) == ".go" {
			continue
		}
		if !slices.Contains([]string{"go.mod", "go.sum", "LICENSE"}, file) {
			t.Errorf("%s is uploaded: leave it out in source.ignore", file)
		}
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || strings.HasSuffix(path.Dir(file), "test") || strings.Contains(file, "localcloud") || strings.HasPrefix(file, "cmd/") {
			t.Errorf("%s is uploaded, but no function needs it", file)
		}
	}
	for _, needed := range []string{"go.mod", "go.sum", "internal/config/config.go"} {
		if !slices.Contains(files, needed) {
			t.Errorf("%s is not uploaded", needed)
		}
	}
}

// TestBundleAsGcloudSeesIt compares this test's reading of .gcloudignore with
// gcloud's own.
func TestBundleAsGcloudSeesIt(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("gcloud takes seconds to start; run without -short")
	}
	gcloud, err := exec.LookPath("gcloud")
	if err != nil {
		t.Skip("gcloud is not in PATH; install the Google Cloud CLI to compare")
	}
	root := moduleRoot(t)
	settings := []string{"CLOUDSDK_CONFIG=" + t.TempDir(), "CLOUDSDK_CORE_DISABLE_PROMPTS=1", "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=1"}
	got := strings.Fields(mustOutput(t, root, settings, gcloud, "meta", "list-files-for-upload", "."))
	for i := range got {
		got[i] = filepath.ToSlash(got[i])
	}
	slices.Sort(got)
	if diff := cmp.Diff(bundle(t, root), got); diff != "" {
		t.Errorf("(-this test +gcloud):\n%s", diff)
	}
}

func TestIgnored(t *testing.T) {
	t.Parallel()
	patterns := parseIgnore(t, []byte("# comment\n/*\n!/*.go\n!/internal/\n*_test.go\ntestdata/\n/internal/fake/\n"))
	tests := []struct {
		name string
		dir  bool
		want bool
	}{
		{"README.md", false, true},
		{"function.go", false, false},
		{"function_test.go", false, true},
		{"internal", true, false},
		{"internal", false, true},
		{"internal/a/b.go", false, false},
		{"internal/a/b_test.go", false, true},
		{"internal/a/testdata", true, true},
		{"internal/a/testdata", false, false},
		{"internal/fake", true, true},
		{"internal/a/fake", true, false},
		{"cmd", true, true},
	}
	for _, test := range tests {
		if got := ignored(patterns, test.name, test.dir); got != test.want {
			t.Errorf("%s (directory: %v): ignored is %v, want %v", test.name, test.dir, got, test.want)
		}
	}
}
