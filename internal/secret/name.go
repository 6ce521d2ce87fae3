package secret

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// Why a text is no name. The errors do not hold the text: somebody may have put
// a secret where its name belongs.
var (
	ErrName        = errors.New("must have the form projects/PROJECT/secrets/SECRET, without a version")
	ErrVersionName = errors.New("must have the form projects/PROJECT/secrets/SECRET/versions/NUMBER, and NUMBER is no alias such as latest")
)

// Lengths are checked beside the forms: counted repetitions would take
// milliseconds of each start to compile.
var (
	// A project's id, its number, or the older domain-scoped form. Lengths are left
	// to Google Cloud but for the longest; local emulators take shorter names.
	projectForm = regexp.MustCompile(`^(?:[a-z0-9.-]+:)?[a-z0-9][a-z0-9-]*$`)
	idForm      = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	numberForm  = regexp.MustCompile(`^[1-9][0-9]*$`)
)

const (
	maxProjectBytes = 63
	maxIDBytes      = 255 // of a secret
	maxNumberDigits = 18  // no overflow of int64
)

// Name is a secret's resource name, projects/P/secrets/S. What comes from
// outside becomes one by [ParseName]; empty is no name.
type Name string

// ParseName reads projects/P/secrets/S, where P is a project's id or its
// number. The error is [ErrName].
func ParseName(text string) (Name, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 4 || parts[0] != "projects" || !ValidProject(parts[1]) ||
		parts[2] != "secrets" || len(parts[3]) > maxIDBytes || !idForm.MatchString(parts[3]) {
		return "", ErrName
	}
	return Name(text), nil
}

// UnmarshalText implements encoding.TextUnmarshaler, for flags; an empty text
// is no name, and no error.
func (n *Name) UnmarshalText(text []byte) (err error) {
	if *n = ""; len(text) > 0 {
		*n, err = ParseName(string(text))
	}
	return err
}

// ValidProject says whether id has the form of a project's id or number.
func ValidProject(id string) bool {
	return len(id[strings.LastIndexByte(id, ':')+1:]) <= maxProjectBytes && projectForm.MatchString(id)
}

// Project is the id or the number of the project.
func (n Name) Project() string { project, _ := n.parts(); return project }

// ID is the secret's own id.
func (n Name) ID() string { _, id := n.parts(); return id }

func (n Name) parts() (project, id string) {
	project, id, _ = strings.Cut(strings.TrimPrefix(string(n), "projects/"), "/secrets/")
	return project, id
}

// ProjectNumber is the number of the project, empty where the name has its id.
func (n Name) ProjectNumber() string {
	if project := n.Project(); numberForm.MatchString(project) {
		return project
	}
	return ""
}

// MayBe says whether two names may be of one secret: the ids are equal, and the
// projects are too or one of them is a number. Whether the number is that
// project's, Secret Manager knows.
func (n Name) MayBe(other Name) bool {
	return n.ID() == other.ID() && (n.Project() == other.Project() || n.ProjectNumber() != "" || other.ProjectNumber() != "")
}

// Version is the name of one of the secret's versions.
func (n Name) Version(number int64) VersionName { return VersionName{n, number} }

// VersionName is the name of a version, projects/P/secrets/S/versions/N.
type VersionName struct {
	Secret Name
	Number int64 // 1 is the first
}

// ParseVersionName reads projects/P/secrets/S/versions/N. The error is
// [ErrVersionName].
func ParseVersionName(text string) (VersionName, error) {
	before, number, _ := strings.Cut(text, "/versions/")
	secret, err := ParseName(before)
	if err != nil || len(number) > maxNumberDigits || !numberForm.MatchString(number) {
		return VersionName{}, ErrVersionName
	}
	n, _ := strconv.ParseInt(number, 10, 64) // of the form
	return VersionName{secret, n}, nil
}

func (v VersionName) String() string {
	return string(v.Secret) + "/versions/" + strconv.FormatInt(v.Number, 10)
}
