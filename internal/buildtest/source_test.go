package buildtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goFiles calls each for every Go file of the repository, of the provider's
// module too.
func goFiles(t *testing.T, each func(name string, text []byte)) {
	t.Helper()
	root := os.DirFS(moduleRoot(t))
	must(t, fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(root, name)
		each(name, text)
		return err
	}))
}

// goSource is all Go code but this package's, which names what it looks for.
func goSource(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	goFiles(t, func(name string, text []byte) {
		if !strings.HasPrefix(name, "internal/buildtest/") {
			all.Write(text)
		}
	})
	return all.String()
}

// maxLines of a function fit on a screen. Tests may be longer: tables, and one
// thing after the other.
const maxLines = 60

func TestFunctionsAreShort(t *testing.T) {
	t.Parallel()
	count := 0
	goFiles(t, func(name string, text []byte) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, text, parser.SkipObjectResolution)
		must(t, err)
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			count++
			start := files.Position(f.Pos()).Line
			if lines := files.Position(f.End()).Line - start + 1; lines > maxLines {
				t.Errorf("%s:%d: %s has %d lines, over %d", name, start, f.Name.Name, lines, maxLines)
			}
		}
	})
	if count < 500 {
		t.Errorf("%d functions were found", count)
	}
}
