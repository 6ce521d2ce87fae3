package buildtest

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
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
	if testing.Short() {
		t.Skip("builds the whole function; run without -short")
	}
	source := filepath.Join(t.TempDir(), "serverless_function_source_code")
	copyFiles(t, root, source, bundle(t, root))
	checkRoot(t, source)
	checkModule(t, source)

	app := filepath.Join(source, "functions.local", "app")
	writeFile(t, filepath.Join(app, "main.go"), generatedMain)
	tidy(t, source)
	binary := filepath.Join(t.TempDir(), "main")
	mustOutput(t, source, buildEnv, "go", "build", "-o", binary, "-ldflags", ldflags, "./functions.local/app")

	t.Run("bad environment", func(t *testing.T) { refusesToStart(t, binary) })
	t.Run("good environment", func(t *testing.T) { serves(t, binary) })
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
		must(t, err)
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
	must(t, err)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly)
		must(t, err)
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
	text := readFile(t, filepath.Join(source, "go.mod"))
	if m := goLine.FindStringSubmatch(text); m == nil || m[1] != "1.26.0" {
		t.Errorf("go.mod must say go 1.26.0 alone on its line; found %q", m)
	}
	if !moduleLine.MatchString(text) {
		t.Error("the module's path must have a dot in its first element")
	}
	for _, line := range strings.Split(text, "\n") {
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
	before := requirements(t, source)
	if _, err := output(t, source, buildEnv, "go", "mod", "tidy"); err != nil {
		for _, sign := range []string{"dial tcp", "no such host", "i/o timeout", "connection refused", "disabled by GOPROXY=off"} {
			if strings.Contains(err.Error(), sign) {
				t.Logf("go mod tidy needs the module proxy, going on without: %v", err)
				return
			}
		}
		t.Fatalf("go mod tidy: %v", err)
	}
	now := map[string]string{}
	for _, r := range requirements(t, source) {
		now[r.Path] = r.Version
	}
	for _, r := range before {
		if version, ok := now[r.Path]; ok && version != r.Version {
			t.Errorf("go mod tidy turns %s %s into %s: the build is not what was tested", r.Path, r.Version, version)
		}
	}
}

// requirement is a line of go.mod.
type requirement struct {
	Path, Version string
	Indirect      bool
}

func requirements(t *testing.T, dir string) []requirement {
	t.Helper()
	var file struct{ Require []requirement }
	must(t, json.Unmarshal([]byte(mustOutput(t, dir, nil, "go", "mod", "edit", "-json")), &file))
	if len(file.Require) == 0 {
		t.Fatal("go.mod requires nothing")
	}
	return file.Require
}
