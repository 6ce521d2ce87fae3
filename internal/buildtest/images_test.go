package buildtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPinImages runs the script on copies of the builds, with a docker that knows
// every image, and then with one that does not know Go's.
func TestPinImages(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	root := t.TempDir()
	must(t, os.Mkdir(filepath.Join(root, "scripts"), 0o755))
	for _, name := range []string{"scripts/pin-images", deployBuild, testsBuild} {
		must(t, os.WriteFile(filepath.Join(root, name), []byte(readFile(t, name)), 0o755))
	}
	pin := func(docker string) (string, error) {
		bin := t.TempDir()
		must(t, os.WriteFile(filepath.Join(bin, "docker"), []byte("#!/bin/sh\n"+docker), 0o755))
		return output(t, root, []string{"PATH=" + bin + ":/usr/bin:/bin"}, filepath.Join(root, "scripts/pin-images"))
	}
	image := regexp.MustCompile(`(?m)^    name: (.*)$`)
	for _, want := range []string{digest, strings.ReplaceAll(digest, "0", "f")} { // the second time a digest is replaced
		if out, err := pin("echo " + want); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, file := range []string{deployBuild, testsBuild} {
			pinnedText, err := os.ReadFile(filepath.Join(root, file))
			must(t, err)
			for _, m := range image.FindAllSubmatch(pinnedText, -1) {
				if !pinned.Match(m[1]) || !strings.HasSuffix(string(m[1]), "@"+want) {
					t.Errorf("%s: the image is %s, want it with %s", file, m[1], want)
				}
			}
			plain := regexp.MustCompile(`@sha256:[0-9a-f]*`).ReplaceAll(pinnedText, nil)
			if diff := cmp.Diff(readFile(t, file), string(plain)); diff != "" {
				t.Errorf("%s without the digests (-before +after):\n%s", file, diff)
			}
		}
	}
	before, err := os.ReadFile(filepath.Join(root, deployBuild))
	must(t, err)
	if out, err := pin(`case "$*" in *golang*) exit 1 ;; esac; echo ` + digest); err == nil {
		t.Errorf("an image that is not known is no error: %s", out)
	}
	after, err := os.ReadFile(filepath.Join(root, deployBuild))
	must(t, err)
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("changed though an image is not known:\n%s", diff)
	}
}
