package buildtest

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// generatedMain is what the buildpack writes for a root package that registers
// its functions with ".../functions" (buildpacks, cmd/go/functions_framework).
const generatedMain = `package main

import (
	"log"
	"net/http"
	"os"

	_ "` + modulePath + `"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
)

func main() {
	http.HandleFunc("/robots.txt", http.NotFound)
	http.HandleFunc("/favicon.ico", http.NotFound)

	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	if err := funcframework.Start(port); err != nil {
		log.Fatalf("Function failed to start: %v\n", err)
	}
}
`

// buildEnv is the build environment of the deployment, and keeps a developer's
// go.work out.
var buildEnv = []string{"GOFLAGS=-tags=disable_grpc_modules", "GOWORK=off"}

const ldflags = "-s -w -X " + modulePath + "/internal/version.Version=buildtest"

// TestBuildpack repeats the steps of Google Cloud's Go buildpack for functions
// on the files that are uploaded, and starts what comes out.
func TestBuildpack(t *testing.T) {
	t.Parallel()
	root := moduleRoot(t)
	if _, err := os.Stat(filepath.Join(root, "function.go")); err != nil {
		t.Skip("function.go is not there yet")
	}
	if testing.Short() {
		t.Skip("builds the whole function; run without -short")
	}
	source := filepath.Join(t.TempDir(), "serverless_function_source_code")
	copyBundle(t, root, source)
	checkRoot(t, source)
	checkModule(t, source)

	app := filepath.Join(source, "functions.local", "app")
	if err := os.MkdirAll(app, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(app, "main.go"), []byte(generatedMain), 0o644); err != nil {
		t.Fatal(err)
	}
	tidy(t, source)
	binary := filepath.Join(t.TempDir(), "main")
	mustOutput(t, source, buildEnv, "go", "build", "-o", binary, "-ldflags", ldflags, "./functions.local/app")

	t.Run("bad environment", func(t *testing.T) { refusesToStart(t, binary) })
	t.Run("good environment", func(t *testing.T) { serves(t, binary) })
}

func copyBundle(t *testing.T, root, to string) {
	t.Helper()
	for _, name := range bundle(t, root) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// checkRoot wants one package in the root, whatever the build tags say, which
// is no program and imports functions: that is how the buildpack chooses the
// main it generates.
func checkRoot(t *testing.T, source string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(source, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no Go file in the root: %v", err)
	}
	names, registers := map[string]bool{}, false
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		names[parsed.Name.Name] = true
		for _, imported := range parsed.Imports {
			registers = registers || imported.Path.Value == `"github.com/GoogleCloudPlatform/functions-framework-go/functions"`
		}
	}
	if len(names) != 1 || names["main"] {
		t.Errorf("the root has the packages %v, want one that is not main", names)
	}
	if !registers {
		t.Error("the root does not import functions-framework-go/functions")
	}
}

// TestRootHasNoExternalTests: they would be a second package in the root for
// whoever uploads without our source.ignore.
func TestRootHasNoExternalTests(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(moduleRoot(t), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(parsed.Name.Name, "_test") {
			t.Errorf("%s is an external test: the buildpack refuses two packages in the root", filepath.Base(file))
		}
	}
}

// The runtime is chosen by the first of these, and the module's name ends up in
// the generated import.
var (
	goLine     = regexp.MustCompile(`(?m)^\s*go\s+(\d+(?:\.\d+){1,2})\s*$`)
	moduleLine = regexp.MustCompile(`(?m)^module ([^/\s]*\.[^/\s]*)(?:/\S*)?$`)
)

func checkModule(t *testing.T, source string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if m := goLine.FindSubmatch(text); m == nil || string(m[1]) != "1.26.0" {
		t.Errorf("go.mod must say go 1.26.0 alone on its line; found %q", m)
	}
	if !moduleLine.Match(text) {
		t.Error("the module's path must have a dot in its first element")
	}
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "toolchain ") || strings.HasPrefix(line, "replace ") {
			t.Errorf("go.mod must do without: %s", line)
		}
	}
	for _, name := range []string{"go.work", "vendor"} {
		if _, err := os.Stat(filepath.Join(source, name)); err == nil {
			t.Errorf("%s is uploaded, and breaks the build", name)
		}
	}
}

// tidy runs go mod tidy as the buildpack does, and wants the versions that the
// tests ran with to stay. Without a network it does nothing, and the build is
// made with go.mod as it is.
func tidy(t *testing.T, source string) {
	t.Helper()
	before := versions(t, source)
	if _, err := output(t, source, buildEnv, "go", "mod", "tidy"); err != nil {
		for _, sign := range []string{"dial tcp", "no such host", "i/o timeout", "connection refused", "disabled by GOPROXY=off"} {
			if strings.Contains(err.Error(), sign) {
				t.Logf("go mod tidy needs the module proxy, going on without: %v", err)
				return
			}
		}
		t.Fatalf("go mod tidy: %v", err)
	}
	after := versions(t, source)
	for module, version := range before {
		if now, ok := after[module]; ok && now != version {
			t.Errorf("go mod tidy turns %s %s into %s: the build is not what was tested", module, version, now)
		}
	}
}

var requirement = regexp.MustCompile(`(?m)^(?:require )?\s*(\S+\.\S+/\S+) (v\S+)`)

func versions(t *testing.T, source string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, m := range requirement.FindAllStringSubmatch(string(text), -1) {
		found[m[1]] = m[2]
	}
	if len(found) == 0 {
		t.Fatal("go.mod requires nothing")
	}
	return found
}

func TestRequirement(t *testing.T) {
	t.Parallel()
	var got []string
	for _, m := range requirement.FindAllStringSubmatch("module example.com/x\n\ngo 1.26.0\n\nrequire (\n\ta.example/b v1.2.3\n\tc.example/d/v2 v2.0.0 // indirect\n)\nrequire e.example/f v0.1.0\n", -1) {
		got = append(got, m[1]+" "+m[2])
	}
	if want := []string{"a.example/b v1.2.3", "c.example/d/v2 v2.0.0", "e.example/f v0.1.0"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
