package vertex

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/localcloud/rest"
)

// comparison is one of a filter, and whether another one follows.
var comparison = regexp.MustCompile(`^\s*(\w+)\s*(!=|<=|>=|=|<|>|:)\s*(?:"([^"\\]*)"|([^\s"]+))(\s+AND\s|\s*$)`)

// parseFilter reads a filter; the empty one matches everything.
func parseFilter(text string) (func(*job) bool, *rest.Error) {
	var all []func(*job) bool
	for left := strings.TrimSpace(text); left != ""; {
		found := comparison.FindStringSubmatch(left)
		if found == nil {
			return nil, filterError()
		}
		matches := compare(rest.SnakeCase(found[1]), found[2], found[3]+found[4])
		if matches == nil {
			return nil, filterError()
		}
		if left = left[len(found[0]):]; left == "" && strings.TrimSpace(found[5]) != "" {
			return nil, filterError()
		}
		all = append(all, matches)
	}
	return func(j *job) bool {
		return !slices.ContainsFunc(all, func(matches func(*job) bool) bool { return !matches(j) })
	}, nil
}

func filterError() *rest.Error {
	return rest.Invalid(`filter: comparisons joined by AND are simulated: state (=, !=), display_name (=, !=, :) and create_time, as in state="JOB_STATE_SUCCEEDED" AND create_time>"2026-01-02T15:04:05Z".`)
}

// compare is one comparison; nil: it is not one that is known.
func compare(field, operator, value string) func(*job) bool {
	switch field {
	case "state", "display_name":
		text := func(j *job) string { return string(j.state) }
		if field == "display_name" {
			text = func(j *job) string { return j.displayName }
		}
		return compareText(field, operator, value, text)
	case "create_time":
		at, err := time.Parse(time.RFC3339Nano, value)
		signs, ok := map[string][]int{"=": {0}, "!=": {-1, 1}, "<": {-1}, "<=": {-1, 0}, ">": {1}, ">=": {0, 1}}[operator]
		if err != nil || !ok {
			return nil
		}
		return func(j *job) bool { return slices.Contains(signs, j.created.Compare(at)) }
	}
	return nil
}

func compareText(field, operator, value string, text func(*job) string) func(*job) bool {
	switch {
	case operator == "=":
		return func(j *job) bool { return text(j) == value }
	case operator == "!=":
		return func(j *job) bool { return text(j) != value }
	case operator == ":" && field == "display_name":
		if _, err := path.Match(value, ""); err != nil {
			return nil
		}
		return func(j *job) bool { matches, _ := path.Match(value, text(j)); return matches }
	}
	return nil
}
