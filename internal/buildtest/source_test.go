package buildtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// maxLines of a function fit on a screen. Tests may be longer: tables, and one
// thing after the other.
const maxLines = 60

func TestFunctionsAreShort(t *testing.T) {
	t.Parallel()
	count := 0
	for name, text := range filesOf(t, ".go") {
		if strings.HasSuffix(name, "_test.go") {
			continue
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
	}
	if count < 500 {
		t.Errorf("%d functions were found", count)
	}
}
