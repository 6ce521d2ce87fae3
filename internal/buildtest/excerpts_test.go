package buildtest

import (
	"regexp"
	"strings"
	"testing"
)

var excerpt = regexp.MustCompile("(?s)\n```(go|python|ts|yaml|sql)\n(.*?)```\n")

// TestExcerptsOfExamples: the code in docs/consume.md stands in an example of a consumer or
// of package outcomes, which a test runs, or in docs/schemas/consumers_test.go's own check
// (the first in TypeScript).
func TestExcerptsOfExamples(t *testing.T) {
	t.Parallel()
	extension := map[string]string{"go": ".go", "python": ".py", "ts": ".ts", "yaml": ".yaml", "sql": ".sql"}
	found, compiled := map[string]int{}, false
	for _, m := range excerpt.FindAllStringSubmatch(readFile(t, "docs/consume.md"), -1) {
		language, code := m[1], m[2]
		if language == "ts" && !compiled {
			compiled = true
			continue
		}
		found[language]++
		if !anyHolds(t, extension[language], code) {
			t.Errorf("no example has this, as docs/consume.md shows it:\n%s", code)
		}
	}
	for language := range extension {
		if found[language] == 0 {
			t.Errorf("docs/consume.md shows no %s", language)
		}
	}
}

// anyHolds says whether a file below examples/consumer or outcomes holds a text.
func anyHolds(t *testing.T, extension, text string) bool {
	t.Helper()
	for name, content := range filesOf(t, extension) {
		if (within(name, "examples/consumer") || within(name, "outcomes")) && strings.Contains(content, text) {
			return true
		}
	}
	return false
}
