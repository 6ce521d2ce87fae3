package buildtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"

	"example.com/gemini-webhook/internal/outcome/schematest"
)

// goSource is all Go code but this package's, which names what it looks for.
func goSource(t *testing.T) string {
	t.Helper()
	files := filesOf(t, ".go")
	maps.DeleteFunc(files, func(name, _ string) bool { return strings.HasPrefix(name, "internal/buildtest/") })
	return strings.Join(slices.Collect(maps.Values(files)), "")
}

// TestExampleMessage checks the documented message against its schema.
func TestExampleMessage(t *testing.T) {
	t.Parallel()
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(readFile(t, "docs/consume.md"), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d JSON blocks in docs/consume.md, want a message's data and its attributes", len(blocks))
	}
	if err := schematest.Check([]byte(blocks[0][1])); err != nil {
		t.Error(err)
	}
	var attributes map[string]string
	must(t, json.Unmarshal([]byte(blocks[1][1]), &attributes))
	if err := schematest.CheckAttributes(attributes); err != nil {
		t.Error(err)
	}
}

func TestDocumentedFilters(t *testing.T) {
	t.Parallel()
	text := readFile(t, "docs/consume.md") + readFile(t, "docs/operations.md")
	filters := regexp.MustCompile(`--message-filter='([^']*)'|(attributes\.kind = "[a-z]+")`).FindAllStringSubmatch(text, -1)
	if len(filters) < 4 {
		t.Errorf("%d filters in the documents, want the two of subscribers and the two of the queue", len(filters))
	}
	server := pstest.NewServer() // refuses filters as Pub/Sub does
	t.Cleanup(func() { _ = server.Close() })
	const topic = "projects/p/topics/t"
	if _, err := server.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
		t.Fatal(err)
	}
	for i, m := range filters {
		_, err := server.GServer.CreateSubscription(t.Context(), &pubsubpb.Subscription{
			Name: fmt.Sprintf("projects/p/subscriptions/s%d", i), Topic: topic, AckDeadlineSeconds: 10, Filter: m[1] + m[2],
		})
		if err != nil {
			t.Errorf("filter %q: %v", m[1]+m[2], err)
		}
	}
}

// TestDocsNameWhatExists looks up every file, make target, test and log line
// that the documents name.
func TestDocsNameWhatExists(t *testing.T) {
	t.Parallel()
	root := moduleRoot(t)
	all := strings.Join(slices.Collect(maps.Values(filesOf(t, ".go"))), "")
	code, makefile := goSource(t), readFile(t, "Makefile")
	for document, text := range filesOf(t, ".md") {
		if strings.HasPrefix(document, "terraform/") {
			continue
		}
		find := func(pattern string, check func(found string) bool) {
			for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
				if !check(m[1]) {
					t.Errorf("%s names %s, which is not there", document, m[1])
				}
			}
		}
		exists := func(name string) bool {
			found, err := filepath.Glob(name)
			return err == nil && len(found) > 0
		}
		find("`((?:\\.?[a-z]+/)*[A-Za-z_.*-]+\\.(?:go|md|json)|(?:cmd|docs|handlers|internal|scripts|verify)/[a-z0-9_/.*-]*)`", func(name string) bool {
			return exists(filepath.Join(root, name)) || !strings.Contains(name, "/") && exists(filepath.Join(root, filepath.Dir(document), name))
		})
		find("(?m)(?:^|`)make ([a-z][a-z-]*)", func(target string) bool { return strings.Contains(makefile, "\n"+target+":") })
		find(`\b((?:Test|Fuzz|Benchmark)[A-Z]\w*)\b`, func(name string) bool { return strings.Contains(all, "func "+name+"(") })
		find(`jsonPayload\.message="([^"]+)"`, func(message string) bool { return strings.Contains(code, message) })
	}
}

// TestEveryCodeIsDocumented wants each code that an answer or a log line may
// carry in the contract, and a row for it in the runbook.
func TestEveryCodeIsDocumented(t *testing.T) {
	t.Parallel()
	runbook, contract := readFile(t, "docs/runbooks/deliveries-refused.md"), readFile(t, "docs/contract.md")
	codes := []string{"bad_body", "body_timeout", "body_too_large", "method_not_allowed", "uri_too_long"} // of handlers
	for _, m := range regexp.MustCompile(`sentinel\("([a-z_]+)"`).FindAllStringSubmatch(readFile(t, "verify/errors.go"), -1) {
		codes = append(codes, m[1])
	}
	if len(codes) < 10 {
		t.Fatalf("found the codes %v in verify/errors.go, which are too few", codes)
	}
	for _, code := range codes {
		if !strings.Contains(runbook, "\n| `"+code+"` |") {
			t.Errorf("docs/runbooks/deliveries-refused.md has no row for %s: say what it means and what to do", code)
		}
		if !strings.Contains(contract, "`"+code+"`") {
			t.Errorf("docs/contract.md does not name %s", code)
		}
	}
}

// TestCitedSectionsExist: where code names a section of the contract, it is there,
// and code names no other document of ours from outside the repository.
func TestCitedSectionsExist(t *testing.T) {
	t.Parallel()
	headings := map[string]bool{}
	for _, m := range mdHeading.FindAllStringSubmatch(readFile(t, "docs/contract.md"), -1) {
		headings[m[1]] = true
	}
	code := regexp.MustCompile(`\s*\n\s*// `).ReplaceAllString(goSource(t), " ")
	cited := regexp.MustCompile(`contract, ("[^"\n]+"(?:(?:,| and) "[^"\n]+")*)`).FindAllStringSubmatch(code, -1)
	for _, m := range cited {
		for _, name := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(m[1], -1) {
			if !headings[name[1]] {
				t.Errorf("a comment cites the contract's section %q, which is not there", name[1])
			}
		}
	}
	if len(cited) < 20 {
		t.Errorf("%d citations were found", len(cited))
	}
	if outside := regexp.MustCompile(`\b(?:SPEC|GEMINI|GCP|DESIGN)\.md\b`).FindString(code); outside != "" {
		t.Errorf("a comment cites %s, which is not in the repository", outside)
	}
}

// TestDesignHasEveryPart wants a row for each package and each module that the
// code depends on.
func TestDesignHasEveryPart(t *testing.T) {
	t.Parallel()
	design := readFile(t, "docs/design.md")
	for _, pkg := range packages(t) {
		name := relative(pkg.ImportPath)
		if name == "." || len(pkg.GoFiles) == 0 {
			continue
		}
		if !strings.Contains(design, "\n| `"+name+"` |") {
			t.Errorf("docs/design.md has no row for package %s", name)
		}
	}
	for _, r := range requirements(t, moduleRoot(t)) {
		if !r.Indirect && !strings.Contains(design, "\n| `"+r.Path+"` |") {
			t.Errorf("docs/design.md does not say why %s earns its place", r.Path)
		}
	}
}
