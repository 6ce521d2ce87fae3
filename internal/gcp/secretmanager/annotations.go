package secretmanager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"example.com/gemini-webhook/verify"
)

var (
	// ErrConflict: the secret was changed since its etag was read. Nothing was
	// done; the caller reads it again.
	ErrConflict = errors.New("the secret was changed by another run meanwhile")
	// ErrInvalid: Secret Manager refuses the request as such.
	ErrInvalid = errors.New("the request is refused as invalid")
)

// Version is one version of a secret, without its payload.
type Version = verify.Version

// Secret is what a secret says of itself, without its payloads.
type Secret struct {
	Name        string // as Google has it: the project by its number
	Annotations map[string]string
	Etag        string
}

// Get returns a secret's annotations with their etag. It needs
// secretmanager.secrets.get. Other than the list of versions it is consistent
// at once.
func (c *Client) Get(ctx context.Context, secret string) (Secret, error) {
	pb, err := c.client.GetSecret(ctx, &secretmanagerpb.GetSecretRequest{Name: secret})
	if err != nil {
		return Secret{}, describe(err, "get "+secret)
	}
	return Secret{pb.GetName(), pb.GetAnnotations(), pb.GetEtag()}, nil
}

// SetAnnotations replaces all annotations of a secret whose etag is still the
// given one, else it is [ErrConflict]. An error that is neither that nor
// [Definite] leaves open whether they were replaced. It needs
// secretmanager.secrets.update.
func (c *Client) SetAnnotations(ctx context.Context, secret string, annotations map[string]string, etag string) error {
	what := "set the annotations of " + secret
	if etag == "" { // the service would write whatever others wrote meanwhile
		return fmt.Errorf("%s: %w: it was read without an etag", what, ErrInvalid)
	}
	_, err := c.client.UpdateSecret(ctx, &secretmanagerpb.UpdateSecretRequest{
		Secret:     &secretmanagerpb.Secret{Name: secret, Annotations: annotations, Etag: etag},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"annotations"}},
	})
	switch status.Code(err) {
	case codes.OK:
		return nil
	case codes.FailedPrecondition, codes.Aborted:
		return fmt.Errorf("%s: %w (%v)", what, ErrConflict, err)
	}
	return describe(err, what)
}

// Disable makes a version unreadable until somebody enables it; one that is
// disabled or destroyed stays so. It needs secretmanager.versions.disable.
func (c *Client) Disable(ctx context.Context, secret string, number int64) error {
	name := fmt.Sprintf("%s/versions/%d", secret, number)
	_, err := c.client.DisableSecretVersion(ctx, &secretmanagerpb.DisableSecretVersionRequest{Name: name})
	if err != nil && status.Code(err) != codes.FailedPrecondition { // of a destroyed version
		return describe(err, "disable "+name)
	}
	return nil
}

const permissionAdd = "secretmanager.versions.add"

// CanAdd returns an error that wraps verify.ErrSecretDenied where Secret
// Manager says that the caller may not add versions. It needs no permission.
// Where the question itself fails it has no objection: the answer is a warning
// before something that cannot be taken back, not a guard.
func (c *Client) CanAdd(ctx context.Context, secret string) error {
	granted, err := c.client.IAM(secret).TestPermissions(ctx, []string{permissionAdd})
	if err != nil || slices.Contains(granted, permissionAdd) {
		return nil
	}
	return fmt.Errorf("add a version to %s: %w; grant %s on it (roles/secretmanager.secretVersionAdder)", secret, verify.ErrSecretDenied, permissionAdd)
}

// Definite says whether the same call would fail again until somebody changes
// something; other errors may pass by themselves, and what failed with them may
// have been done.
func Definite(err error) bool {
	for _, kind := range []error{verify.ErrSecretNotFound, verify.ErrSecretDenied, verify.ErrSecretDisabled, ErrInvalid} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// SameSecret says whether two names may be of one secret: the ids are equal,
// and the projects are too or one of them is a number. Whether the number is
// that project's, Secret.Name tells.
func SameSecret(a, b string) bool {
	projectA, idA, okA := split(a)
	projectB, idB, okB := split(b)
	return okA && okB && idA == idB && (projectA == projectB || isNumber(projectA) || isNumber(projectB))
}

// split cuts projects/P/secrets/S; no other form has two parts.
func split(name string) (project, id string, ok bool) {
	rest, ok := strings.CutPrefix(name, "projects/")
	if !ok {
		return "", "", false
	}
	project, id, ok = strings.Cut(rest, "/secrets/")
	ok = ok && project != "" && id != "" && !strings.Contains(project, "/") && !strings.Contains(id, "/")
	return project, id, ok
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// IsName says whether name has the form projects/P/secrets/S.
func IsName(name string) bool { _, _, ok := split(name); return ok }

// IsNotFound says whether an error means that there is no such secret or
// version.
func IsNotFound(err error) bool { return errors.Is(err, verify.ErrSecretNotFound) }
