package buildtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// goBlock is a Go snippet of a document, and what stands before it where it is
// no whole file: a comment with the code around it.
var goBlock = regexp.MustCompile("(?s)(?:<!-- compiled in\n(.*?)-->\n)?```go\n(.*?)\n```")

// TestGoSnippetsCompile builds the documents' Go code as packages of this module.
func TestGoSnippetsCompile(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles what the snippets import; run without -short")
	}
	root, dir := moduleRoot(t), t.TempDir()
	replace, packages := map[string]string{}, []string{}
	documents := filesOf(t, ".md")
	for _, document := range slices.Sorted(maps.Keys(documents)) {
		for _, m := range goBlock.FindAllStringSubmatch(documents[document], -1) {
			around, code := m[1], m[2]
			if around != "" {
				code = strings.Replace(around, "SNIPPET", code, 1)
			}
			name := fmt.Sprintf("snippet%d", len(packages)+1)
			file := filepath.Join(dir, name+".go")
			writeFile(t, file, "//line "+document+", a snippet:1\n"+code)
			replace[filepath.Join(root, "internal/buildtest", name, "snippet.go")] = file
			packages = append(packages, "./internal/buildtest/"+name)
		}
	}
	if len(packages) == 0 {
		t.Fatal("the documents have no Go code")
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o644))
	args := append([]string{"build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", os.DevNull}, packages...)
	if _, err := output(t, root, buildEnv, "go", args...); err != nil {
		t.Error(err)
	}
}
