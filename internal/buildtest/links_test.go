package buildtest

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	codeBlock = regexp.MustCompile("(?ms)^```.*?^```$")
	mdLink    = regexp.MustCompile(`\]\(([^)\s]*)\)`)
	mdHeading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	mdAnchor  = regexp.MustCompile(`<a id="([^"]+)">`)
	notInSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are what headings can be linked to by.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, m := range mdHeading.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		heading := mdLink.ReplaceAllString(m[1], "]")
		slug := notInSlug.ReplaceAllString(strings.ToLower(heading), "")
		found[strings.ReplaceAll(slug, " ", "-")] = true
	}
	for _, m := range mdAnchor.FindAllStringSubmatch(text, -1) {
		found[m[1]] = true
	}
	return found
}

// TestLinksResolve: every relative link in a document leads to a file and a
// heading that are there.
func TestLinksResolve(t *testing.T) {
	t.Parallel()
	documents := filesOf(t, ".md")
	links := 0
	for _, document := range slices.Sorted(maps.Keys(documents)) {
		text := inline.ReplaceAllString(codeBlock.ReplaceAllString(documents[document], ""), "")
		for _, m := range mdLink.FindAllStringSubmatch(text, -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") || strings.HasPrefix(file, "mailto:") {
				continue
			}
			links++
			target := document
			if file != "" {
				target = path.Join(path.Dir(document), file)
			}
			if _, err := os.Stat(filepath.Join(moduleRoot(t), target)); err != nil {
				t.Errorf("%s links to %s, which is not there", document, m[1])
			} else if anchor != "" && !anchors(documents[target])[anchor] {
				t.Errorf("%s links to %s, which has no such heading", document, m[1])
			}
		}
	}
	if links < 50 {
		t.Errorf("%d relative links were found", links)
	}
}
