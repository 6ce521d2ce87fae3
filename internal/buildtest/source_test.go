package buildtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goSource is all Go code of the module but this package's, which names what
// it looks for.
func goSource(t *testing.T) string {
	t.Helper()
	root := os.DirFS(moduleRoot(t))
	var all strings.Builder
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == "internal/buildtest" || name != "." && strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(root, name)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
