package buildtest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cloud are the clients of Google Cloud and what belongs to them. Only adapters,
// the local cloud, commands and the root see them.
var cloud = []string{"cloud.google.com/go", "google.golang.org/api", "google.golang.org/grpc", "google.golang.org/protobuf", "google.golang.org/genproto", "github.com/googleapis/gax-go"}

// goPackage is what "go list -json" says about a package.
type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
	GoFiles    []string
}

// TestImportsPointDown compares the code with testdata/imports.txt.
func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	want, got := map[string][]string{}, map[string][]string{}
	for line := range strings.Lines(readFile(t, "internal/buildtest/testdata/imports.txt")) {
		name, list, ok := strings.Cut(line, ":")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		imports := strings.Fields(list)
		for _, imported := range imports {
			if _, above := want[imported]; !above && imported != "cloud" && !strings.Contains(imported, ".") {
				t.Errorf("%s imports %s, which is not above it", name, imported)
			}
		}
		slices.Sort(imports)
		want[name] = imports
	}
	var modules []string
	for _, r := range requirements(t, moduleRoot(t)) {
		modules = append(modules, r.Path)
	}
	for _, pkg := range packages(t) {
		if len(pkg.GoFiles) == 0 {
			continue // tests alone
		}
		imports := []string{}
		for _, imported := range pkg.Imports {
			isIn := func(module string) bool { return within(imported, module) }
			if isIn(modulePath) {
				imports = append(imports, relative(imported))
			} else if slices.ContainsFunc(cloud, isIn) {
				imports = append(imports, "cloud")
			} else if i := slices.IndexFunc(modules, isIn); i >= 0 { // none: the standard library
				imports = append(imports, modules[i])
			}
		}
		slices.Sort(imports)
		got[relative(pkg.ImportPath)] = slices.Compact(imports)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is imported (-testdata/imports.txt +code):\n%s", diff)
	}
}

// within says whether a package is the given one or below it.
func within(pkg, prefix string) bool { return pkg == prefix || strings.HasPrefix(pkg, prefix+"/") }

func packages(t *testing.T) []goPackage {
	t.Helper()
	out := mustOutput(t, moduleRoot(t), nil, "go", "list", "-e", "-json=ImportPath,Imports,Deps,GoFiles", "./...")
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
		var pkg goPackage
		must(t, d.Decode(&pkg))
		all = append(all, pkg)
	}
	if len(all) == 0 {
		t.Fatal("go list found no package")
	}
	return all
}

// relative cuts the module's path: "." is the root package.
func relative(importPath string) string {
	if importPath == modulePath {
		return "."
	}
	return strings.TrimPrefix(importPath, modulePath+"/")
}

// TestNothingOfItInside: what these packages must not have in them, however it
// would come in.
func TestNothingOfItInside(t *testing.T) {
	t.Parallel()
	never := map[string][]string{
		"verify":                append([]string{modulePath + "/internal/secret/store", modulePath + "/internal/gcp", "google.golang.org/genai"}, cloud...),
		"outcomes":              append([]string{modulePath + "/internal", "google.golang.org/genai"}, cloud...),
		"internal/secret":       cloud,
		"internal/webhookadmin": append([]string{"google.golang.org/genai", "github.com/cloudevents"}, cloud...),
		"internal/doctor":       {modulePath + "/internal/secret/store", modulePath + "/handlers"}, // it asks each time, and answers no request
		"cmd/webhookctl":        {modulePath},                                                      // which becomes a function where the environment names one
	}
	for _, pkg := range packages(t) {
		for _, forbidden := range never[relative(pkg.ImportPath)] {
			for _, dep := range pkg.Deps {
				if dep == forbidden || forbidden != modulePath && within(dep, forbidden) {
					t.Errorf("package %q must not depend on %s", relative(pkg.ImportPath), dep)
				}
			}
		}
		delete(never, relative(pkg.ImportPath))
	}
	if len(never) > 0 {
		t.Errorf("there is no package of these: %v", never)
	}
}
