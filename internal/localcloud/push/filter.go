package push

import (
	"fmt"
	"regexp"
)

// filter reports whether a message with those attributes is delivered.
type filter func(attributes map[string]string) bool

// equality is the one form of Pub/Sub's filters that the queue needs.
var equality = regexp.MustCompile(`^attributes\.(\w+) = "([^"\\]*)"$`)

// parseFilter reads a subscription's filter; the empty one matches everything.
func parseFilter(text string) (filter, error) {
	if text == "" {
		return func(map[string]string) bool { return true }, nil
	}
	m := equality.FindStringSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf(`filter %q: only attributes.KEY = "VALUE" is supported here`, text)
	}
	return func(attributes map[string]string) bool {
		value, ok := attributes[m[1]]
		return ok && value == m[2]
	}, nil
}
