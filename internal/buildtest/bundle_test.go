package buildtest

import (
	"errors"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// leftOut are those of the paths, of which directories end in "/", that a file
// in the form of .gitignore leaves out, as git reads it.
func leftOut(t *testing.T, ignoreFile string, paths []string) map[string]bool {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not in PATH; install it to read " + filepath.Base(ignoreFile))
	}
	empty := t.TempDir()
	mustOutput(t, empty, nil, "git", "init", "-q")
	cmd := exec.Command("git", "-c", "core.excludesFile="+ignoreFile, "check-ignore", "--no-index", "--stdin", "-z")
	cmd.Env = environ()
	cmd.Dir, cmd.Stdin = empty, strings.NewReader(strings.Join(paths, "\x00"))
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) { // 1: none of them
		t.Fatalf("git check-ignore: %v", err)
	}
	found := map[string]bool{}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		found[name] = true
	}
	return found
}

// bundle lists the files that source.ignore lets through, sorted.
func bundle(t *testing.T, root string) []string {
	t.Helper()
	ignoreFile := filepath.Join(root, "source.ignore")
	if text := readFile(t, ignoreFile); strings.ContainsAny(text, "[]?\\") || strings.Contains(text, "**") {
		t.Fatal("source.ignore has patterns that terraform/source.tf does not read")
	}
	files := filesIn(t, root)
	out := leftOut(t, ignoreFile, files)
	files = slices.DeleteFunc(files, func(name string) bool { return out[name] })
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
