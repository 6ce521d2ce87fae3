package buildtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
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

// demoChecks are the names of the checks in cmd/demo, in the order in which
// they are printed.
func demoChecks(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, file := range []string{"demo.go", "dynamic.go", "rotation.go"} {
		names = append(names, checksIn(t, filepath.Join(moduleRoot(t), "cmd", "demo", file))...)
	}
	return names
}

// checksIn gives the first argument of each call of check where that is a
// text, and the texts of the table before it where it is a field.
func checksIn(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names, table []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit: // a row of the table: {what, …}
			if n.Type == nil && len(n.Elts) > 0 {
				table = append(table, text(n.Elts[0])...)
			}
		case *ast.CallExpr:
			f, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || f.Sel.Name != "check" || len(n.Args) == 0 {
				return true
			}
			if name := text(n.Args[0]); name != nil {
				names = append(names, name...)
			} else {
				names = append(names, table...)
				table = nil
			}
		}
		return true
	})
	return names
}

// text is the value of a string literal, or nothing.
func text(e ast.Expr) []string {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return nil
	}
	value, err := strconv.Unquote(literal.Value)
	if err != nil {
		return nil
	}
	return []string{value}
}
