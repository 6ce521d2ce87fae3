package secretmanager

import (
	"context"
	"fmt"
	"slices"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"example.com/gemini-webhook/internal/secret"
)

// Get returns a secret's annotations with their etag. It needs
// secretmanager.secrets.get. Other than the list of versions it is consistent
// at once.
func (c *Client) Get(ctx context.Context, name secret.Name) (secret.Metadata, error) {
	pb, err := c.client.GetSecret(ctx, &secretmanagerpb.GetSecretRequest{Name: string(name)})
	if err != nil {
		return secret.Metadata{}, describe(err, "get "+string(name))
	}
	return secret.Metadata{Name: secret.Name(pb.GetName()), Annotations: pb.GetAnnotations(), Etag: pb.GetEtag()}, nil
}

// SetAnnotations replaces all annotations of a secret whose etag is still the
// given one, else it is secret.ErrChanged. An error that is neither that nor
// definite leaves open whether they were replaced. It needs
// secretmanager.secrets.update.
func (c *Client) SetAnnotations(ctx context.Context, name secret.Name, annotations map[string]string, etag string) error {
	what := "set the annotations of " + string(name)
	if etag == "" { // the service would write whatever others wrote meanwhile
		return fmt.Errorf("%s: %w: it was read without an etag", what, secret.ErrInvalid)
	}
	_, err := c.client.UpdateSecret(ctx, &secretmanagerpb.UpdateSecretRequest{
		Secret:     &secretmanagerpb.Secret{Name: string(name), Annotations: annotations, Etag: etag},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"annotations"}},
	})
	switch status.Code(err) {
	case codes.OK:
		return nil
	case codes.FailedPrecondition, codes.Aborted:
		return fmt.Errorf("%s: %w (%v)", what, secret.ErrChanged, err)
	}
	return describe(err, what)
}

// Disable makes a version unreadable until somebody enables it; one that is
// disabled or destroyed stays so. It needs secretmanager.versions.disable.
func (c *Client) Disable(ctx context.Context, name secret.Name, number int64) error {
	version := name.Version(number).String()
	_, err := c.client.DisableSecretVersion(ctx, &secretmanagerpb.DisableSecretVersionRequest{Name: version})
	if err != nil && status.Code(err) != codes.FailedPrecondition { // of a destroyed version
		return describe(err, "disable "+version)
	}
	return nil
}

const permissionAdd = "secretmanager.versions.add"

// CanAdd returns an error that wraps secret.ErrDenied where Secret
// Manager says that the caller may not add versions. It needs no permission.
// Where the question itself fails it has no objection: the answer is a warning
// before something that cannot be taken back, not a guard.
func (c *Client) CanAdd(ctx context.Context, name secret.Name) error {
	granted, err := c.client.IAM(string(name)).TestPermissions(ctx, []string{permissionAdd})
	if err != nil || slices.Contains(granted, permissionAdd) {
		return nil
	}
	return fmt.Errorf("add a version to %s: %w; grant %s on it (roles/secretmanager.secretVersionAdder)", name, secret.ErrDenied, permissionAdd)
}
