package buildtest

import (
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
	for _, name := range []string{"scripts/pin-images", deployBuild, testsBuild} {
		writeFile(t, filepath.Join(root, name), readFile(t, name))
	}
	pin := func(docker string) (string, error) {
		bin := t.TempDir()
		writeFile(t, filepath.Join(bin, "docker"), "#!/bin/sh\n"+docker)
		return output(t, root, []string{"PATH=" + bin + ":/usr/bin:/bin"}, filepath.Join(root, "scripts/pin-images"))
	}
	image := regexp.MustCompile(`(?m)^    name: (.*)$`)
	for _, want := range []string{digest, strings.ReplaceAll(digest, "0", "f")} { // the second time a digest is replaced
		if out, err := pin("echo " + want); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, file := range []string{deployBuild, testsBuild} {
			pinnedText := readFile(t, filepath.Join(root, file))
			for _, m := range image.FindAllStringSubmatch(pinnedText, -1) {
				if !pinned.MatchString(m[1]) || !strings.HasSuffix(m[1], "@"+want) {
					t.Errorf("%s: the image is %s, want it with %s", file, m[1], want)
				}
			}
			plain := regexp.MustCompile(`@sha256:[0-9a-f]*`).ReplaceAllString(pinnedText, "")
			if diff := cmp.Diff(readFile(t, file), plain); diff != "" {
				t.Errorf("%s without the digests (-before +after):\n%s", file, diff)
			}
		}
	}
	before := readFile(t, filepath.Join(root, deployBuild))
	if out, err := pin(`case "$*" in *golang*) exit 1 ;; esac; echo ` + digest); err == nil {
		t.Errorf("an image that is not known is no error: %s", out)
	}
	if diff := cmp.Diff(before, readFile(t, filepath.Join(root, deployBuild))); diff != "" {
		t.Errorf("changed though an image is not known:\n%s", diff)
	}
}
