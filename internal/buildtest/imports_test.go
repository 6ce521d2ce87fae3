package buildtest

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// mayImport is what a package's code (not its tests) may import beyond the
// standard library and itself.
type mayImport struct {
	packages []string // of this module, relative to its root; "x/..." is x and all below
	modules  []string // others, by path prefix; "*" is any
}

// cloud are the clients of Google Cloud and what belongs to them. Only adapters,
// the local cloud, commands and the root see them.
var cloud = []string{"cloud.google.com/go", "google.golang.org/api", "google.golang.org/grpc", "google.golang.org/protobuf", "google.golang.org/genproto", "github.com/googleapis/gax-go"}

// importRules has every package of the module, the lowest first: imports point
// up in this table, which is down in the design. For a new package the longest
// key counts.
var importRules = map[string]mayImport{
	"internal/lenientjson": {},
	"internal/jsonstream":  {packages: []string{"internal/lenientjson"}},
	"internal/event":       {packages: []string{"internal/lenientjson"}},
	"internal/object":      {},
	"internal/archive":     {packages: []string{"internal/object"}},
	"internal/server":      {},
	"internal/version":     {},
	"internal/secret":      {},
	"internal/endpoint":    {},
	"internal/config":      {packages: []string{"internal/endpoint", "internal/object", "internal/secret"}, modules: []string{"github.com/sethvargo/go-envconfig"}},
	"internal/outcome":     {packages: []string{"internal/event", "internal/lenientjson"}},
	"internal/results":     {packages: []string{"internal/lenientjson", "internal/outcome"}, modules: []string{"github.com/goccy/go-json"}},
	"internal/batch":       {packages: []string{"internal/event", "internal/object", "internal/outcome", "internal/results"}},
	"internal/work":        {packages: []string{"internal/batch", "internal/event", "internal/outcome"}},
	"verify":               {packages: []string{"internal/lenientjson", "internal/secret"}, modules: []string{"github.com/lestrrat-go/jwx/v3"}},

	// Where keys come from.
	"internal/secret/store": {packages: []string{"internal/secret", "verify"}},
	"internal/jwks":         {packages: []string{"verify"}, modules: []string{"github.com/lestrrat-go/jwx/v3", "golang.org/x/sync"}},

	"internal/webhookadmin": {packages: []string{"internal/endpoint", "internal/secret"}},

	"handlers": {
		packages: []string{"verify", "internal/event", "internal/work"},
		modules:  []string{"golang.org/x/sync"},
	},

	// Adapters speak the types of those they serve, never those of handlers.
	"internal/gcp/logging":       {},
	"internal/gcp/pubsub":        {packages: []string{"internal/outcome"}, modules: append([]string{"golang.org/x/sync"}, cloud...)},
	"internal/gcp/secretmanager": {packages: []string{"internal/secret"}, modules: cloud},
	"internal/gcp/stall":         {},
	"internal/gcp/storage":       {packages: []string{"internal/archive", "internal/gcp/stall", "internal/batch", "internal/object"}, modules: cloud},
	"internal/geminiapi":         {packages: []string{"internal/endpoint", "internal/gcp/stall", "internal/jsonstream", "internal/lenientjson", "internal/object", "internal/secret", "internal/webhookadmin"}, modules: []string{"google.golang.org/genai"}},

	// The root is what the buildpack compiles. No fakes in there.
	"": {
		packages: []string{"verify", "handlers", "internal/archive", "internal/batch", "internal/config", "internal/geminiapi", "internal/jwks", "internal/object", "internal/outcome", "internal/secret", "internal/secret/store", "internal/server", "internal/version", "internal/work", "internal/gcp/...", "internal/webhookadmin"},
		modules:  []string{"github.com/GoogleCloudPlatform/functions-framework-go", "github.com/sethvargo/go-envconfig", "github.com/cloudevents/sdk-go/v2"},
	},

	// Not in the deployed function.
	"verify/verifytest":           {},
	"internal/benchtable":         {modules: []string{"golang.org/x/perf"}},
	"internal/buildtest":          {},
	"internal/buildtest/gendoc":   {modules: []string{"github.com/google/go-cmp"}},
	"internal/e2e":                {},
	"internal/webhookadmin/...":   {modules: cloud},
	"internal/secret/store/...":   {packages: []string{"internal/secret"}},
	"internal/localcloud/...":     {packages: []string{"internal/localcloud/...", "internal/gcp/...", "internal/geminiapi", "internal/secret", "internal/webhookadmin"}, modules: []string{"*"}},
	"internal/doctor":             {packages: []string{"internal/gcp/secretmanager", "internal/secret", "internal/webhookadmin"}, modules: cloud},
	"terraform/tests/...":         {},
	"docs/schemas":                {},
	"scripts/mutations":           {},
	"internal/nodetest":           {},
	"internal/outcome/schematest": {packages: []string{"docs/schemas"}, modules: []string{"github.com/santhosh-tekuri/jsonschema/v6"}},
	"cmd/webhookctl":              {packages: []string{"internal/doctor", "internal/endpoint", "internal/gcp/secretmanager", "internal/geminiapi", "internal/secret", "internal/version", "internal/webhookadmin"}, modules: []string{"*"}},
	"cmd/...":                     {packages: []string{"", "verify/...", "internal/..."}, modules: []string{"*"}},
}

// goPackage is what "go list -json" says about a package.
type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
	GoFiles    []string
}

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	for _, pkg := range packages(t) {
		name := relative(pkg.ImportPath)
		if len(pkg.GoFiles) == 0 {
			continue // tests alone
		}
		rule, ok := ruleOf(name)
		if !ok {
			t.Errorf("package %q has no rule: add it to importRules with what it may import", name)
			continue
		}
		for _, imported := range pkg.Imports {
			if !rule.allows(name, imported) {
				t.Errorf("package %q must not import %s", name, imported)
			}
		}
	}
}

// usedBy says which of a rule's entries an import needs: of the clients of Google
// Cloud, which are given together, one is as good as all.
func (m mayImport) usedBy(imported string) (entries []string) {
	name, ours := strings.CutPrefix(imported, modulePath)
	for _, pattern := range m.packages {
		if ours && matches(pattern, strings.TrimPrefix(name, "/")) {
			entries = append(entries, pattern)
		}
	}
	for _, prefix := range m.modules {
		switch {
		case ours || imported != prefix && !strings.HasPrefix(imported, prefix+"/"):
		case slices.Contains(cloud, prefix):
			entries = append(entries, cloud...)
		default:
			entries = append(entries, prefix)
		}
	}
	return entries
}

// TestNoRuleIsIdle fails for what a rule allows and nobody imports.
func TestNoRuleIsIdle(t *testing.T) {
	t.Parallel()
	used := make(map[string]map[string]bool)
	for _, pkg := range packages(t) {
		key := ruleKey(relative(pkg.ImportPath))
		if used[key] == nil {
			used[key] = make(map[string]bool)
		}
		for _, imported := range pkg.Imports {
			for _, entry := range importRules[key].usedBy(imported) {
				used[key][entry] = true
			}
		}
	}
	for key, rule := range importRules {
		if used[key] == nil {
			t.Errorf("there is no package for the rule of %q", key)
		}
		for _, entry := range slices.Concat(rule.packages, rule.modules) {
			if entry != "*" && !used[key][entry] {
				t.Errorf("%q may import %q, and does not", key, entry)
			}
		}
	}
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out := mustOutput(t, moduleRoot(t), nil, "go", "list", "-e", "-json=ImportPath,Imports,Deps,GoFiles", "./...")
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var pkg goPackage
		if err := d.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, pkg)
	}
	if len(all) == 0 {
		t.Fatal("go list found no package")
	}
	return all
}

// relative cuts the module's path: "" is the root package.
func relative(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, modulePath), "/")
}

// ruleKey is the key of a package's rule: its own, or the longest that ends in
// "/...".
func ruleKey(name string) string {
	if _, ok := importRules[name]; ok {
		return name
	}
	for prefix := name; prefix != ""; {
		if _, ok := importRules[prefix+"/..."]; ok {
			return prefix + "/..."
		}
		prefix = prefix[:max(0, strings.LastIndex(prefix, "/"))]
	}
	return "none"
}

func ruleOf(name string) (mayImport, bool) {
	rule, ok := importRules[ruleKey(name)]
	return rule, ok
}

func (m mayImport) allows(importer, imported string) bool {
	if imported == modulePath || strings.HasPrefix(imported, modulePath+"/") {
		name := relative(imported)
		return name != importer && slices.ContainsFunc(m.packages, func(pattern string) bool { return matches(pattern, name) })
	}
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") {
		return true // the standard library
	}
	return slices.ContainsFunc(m.modules, func(prefix string) bool {
		return prefix == "*" || imported == prefix || strings.HasPrefix(imported, prefix+"/")
	})
}

func matches(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == prefix || strings.HasPrefix(name, prefix+"/")
	}
	return name == pattern
}

// TestNothingOfItInside: what these packages must not have in them, however it
// would come in.
func TestNothingOfItInside(t *testing.T) {
	t.Parallel()
	never := map[string][]string{
		"verify":                append([]string{modulePath + "/internal/secret/store", modulePath + "/internal/gcp", "google.golang.org/genai"}, cloud...),
		"internal/secret":       cloud,
		"internal/webhookadmin": append([]string{"google.golang.org/genai", "github.com/cloudevents"}, cloud...),
		"cmd/webhookctl":        {modulePath + "/verify", modulePath + "/handlers"}, // who asks whether a secret exists checks no signature
	}
	for _, pkg := range packages(t) {
		for _, forbidden := range never[relative(pkg.ImportPath)] {
			for _, dep := range pkg.Deps {
				if dep == forbidden || strings.HasPrefix(dep, forbidden+"/") {
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

// TestImportRules makes sure that the rules can refuse something.
func TestImportRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		importer, imported string
		want               bool
	}{
		{"verify", "crypto/hmac", true},
		{"verify", "github.com/lestrrat-go/jwx/v3/jwk", true},
		{"verify", "github.com/lestrrat-go/jwx/v30", false},
		{"verify", modulePath + "/handlers", false},
		{"verify", modulePath + "/internal/secret", true},
		{"verify", modulePath + "/internal/secret/store", false},
		{"internal/webhookadmin", modulePath + "/internal/gcp/secretmanager", false},
		{"internal/doctor", modulePath + "/verify", false},
		{"cmd/webhookctl", modulePath + "/verify", false},
		{"handlers", modulePath + "/verify", true},
		{"handlers", "cloud.google.com/go/storage", false},
		{"handlers", modulePath + "/internal/batch", false},
		{"handlers", modulePath + "/internal/gcp/storage", false},
		{"internal/event", modulePath + "/internal/outcome", false},
		{"internal/gcp/storage", modulePath + "/handlers", false},
		{"", modulePath + "/internal/gcp/storage", true},
		{"", modulePath + "/internal/localcloud", false},
		{"", modulePath + "/verify/verifytest", false},
		{"cmd/receiver", modulePath, true},
		{"internal/localcloud/gcs", modulePath + "/internal/localcloud", true},
	}
	for _, test := range tests {
		rule, ok := ruleOf(test.importer)
		if !ok {
			t.Errorf("no rule for %q", test.importer)
		}
		if got := rule.allows(test.importer, test.imported); got != test.want {
			t.Errorf("%q imports %s: allowed is %v, want %v", test.importer, test.imported, got, test.want)
		}
	}
	if _, ok := ruleOf("internal/unheard"); ok {
		t.Error("a package without a rule has one")
	}
}
