package buildtest

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTerraformArchive: what Terraform uploads is, byte by byte, what gcloud
// uploads, which TestBuildpack builds and TestBundleHoldsWhatIsCompiled looks through.
func TestTerraformArchive(t *testing.T) {
	t.Parallel()
	name := os.Getenv("SOURCE_ARCHIVE")
	if name == "" {
		t.Skip("SOURCE_ARCHIVE does not name an archive that terraform made; scripts/terraform-test runs this")
	}
	archive, err := zip.OpenReader(name)
	must(t, err)
	defer archive.Close()
	root := moduleRoot(t)
	var got []string
	for _, f := range archive.File {
		if f.FileInfo().IsDir() {
			continue
		}
		got = append(got, f.Name)
		r, err := f.Open()
		must(t, err)
		text, err := io.ReadAll(r)
		must(t, err)
		want, err := os.ReadFile(filepath.Join(root, f.Name))
		if err != nil || string(text) != string(want) {
			t.Errorf("%s differs from the checkout's: %v", f.Name, err)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(bundle(t, root), got); diff != "" {
		t.Errorf("files in the archive (-want +got)\n%s", diff)
	}
}
