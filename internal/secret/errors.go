package secret

import "errors"

// Definite answers of Secret Manager, which adapters wrap: the same call fails
// again until somebody changes something. Any other error may pass by itself,
// and what failed with it may have been done.
var (
	// ErrNotFound: there is no such secret, or no such version of it.
	ErrNotFound = errors.New("the secret or its version does not exist")
	// ErrDenied: the caller may not do this with the secret.
	ErrDenied = errors.New("access to the secret is not permitted")
	// ErrDisabled: the version exists and is disabled or destroyed.
	ErrDisabled = errors.New("the secret's version is disabled or destroyed")
	// ErrInvalid: the request is refused as such.
	ErrInvalid = errors.New("the request is refused as invalid")
)

// ErrChanged: the secret was changed since its etag was read. Nothing was done;
// the caller reads it again.
var ErrChanged = errors.New("the secret was changed by another run meanwhile")

// Definite says whether err is one of the definite answers.
func Definite(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrDenied) || errors.Is(err, ErrDisabled) || errors.Is(err, ErrInvalid)
}

// Metadata is what a secret says of itself, without its versions.
type Metadata struct {
	Name        Name // as Google has it: the project by its number
	Annotations map[string]string
	Etag        string
}
