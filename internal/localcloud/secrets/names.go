package secrets

import (
	"regexp"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var secretID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

// key names a secret; project is always an id, never a number.
type key struct{ project, secret string }

// names translates between resource names and keys.
type names struct {
	numbers map[string]string // project id to number
	ids     map[string]string // and back
}

func newNames(numbers map[string]string) names {
	n := names{numbers: numbers, ids: map[string]string{}}
	for id, number := range numbers {
		n.ids[number] = id
	}
	return n
}

// format is the name as answers hold it.
func (n names) format(k key) string {
	project := k.project
	if number := n.numbers[project]; number != "" {
		project = number
	}
	return "projects/" + project + "/secrets/" + k.secret
}

func (n names) project(parent string) (string, error) {
	id, ok := strings.CutPrefix(parent, "projects/")
	if !ok || id == "" || strings.Contains(id, "/") {
		return "", status.Errorf(codes.InvalidArgument, "parent %q: want projects/PROJECT", parent)
	}
	if named := n.ids[id]; named != "" {
		id = named
	}
	return id, nil
}

func (n names) secret(name string) (key, error) {
	parent, id, ok := strings.Cut(name, "/secrets/")
	if !ok || !secretID.MatchString(id) {
		return key{}, status.Errorf(codes.InvalidArgument, "name %q: want projects/PROJECT/secrets/SECRET", name)
	}
	project, err := n.project(parent)
	return key{project, id}, err
}

// version splits a version's name; the version is a number, an alias or
// "latest".
func (n names) version(name string) (key, string, error) {
	parent, version, ok := strings.Cut(name, "/versions/")
	if !ok || version == "" || strings.Contains(version, "/") {
		return key{}, "", status.Errorf(codes.InvalidArgument, "name %q: want projects/PROJECT/secrets/SECRET/versions/VERSION", name)
	}
	k, err := n.secret(parent)
	return k, version, err
}
