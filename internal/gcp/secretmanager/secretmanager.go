// Package secretmanager reads secrets and their versions from Secret Manager.
//
// It talks to SECRET_MANAGER_EMULATOR_HOST (host:port, plaintext gRPC) where
// that is set.
package secretmanager

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"
	"strings"

	"cloud.google.com/go/iam/apiv1/iampb"
	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/secret"
)

// Client is one connection to Secret Manager.
type Client struct{ client *secretmanager.Client }

// NewClient connects to Secret Manager. It makes no call yet.
func NewClient(ctx context.Context) (*Client, error) { return NewClientWith(ctx) }

// NewClientWith is NewClient with options, such as other credentials than the
// default ones.
func NewClientWith(ctx context.Context, options ...option.ClientOption) (*Client, error) {
	if host := os.Getenv("SECRET_MANAGER_EMULATOR_HOST"); host != "" {
		options = append([]option.ClientOption{
			option.WithEndpoint(host),
			option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		}, options...)
	}
	c, err := secretmanager.NewClient(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to Secret Manager: %w", err)
	}
	return &Client{c}, nil
}

// Close releases the connection.
func (c *Client) Close() error { return c.client.Close() }

// Versions lists every version of a secret (projects/P/secrets/S), newest
// first, whatever its state. It needs secretmanager.versions.list.
func (c *Client) Versions(ctx context.Context, name secret.Name) ([]secret.Version, error) {
	var versions []secret.Version
	list := c.client.ListSecretVersions(ctx, &secretmanagerpb.ListSecretVersionsRequest{Parent: string(name)})
	for {
		v, err := list.Next()
		if errors.Is(err, iterator.Done) {
			return versions, nil
		}
		if err != nil {
			return nil, describe(err, "list the versions of "+string(name))
		}
		number, err := versionNumber(v)
		if err != nil {
			return nil, fmt.Errorf("list the versions of %s: %w", name, err)
		}
		versions = append(versions, secret.Version{
			Number:  number,
			Enabled: v.GetState() == secretmanagerpb.SecretVersion_ENABLED,
			Created: v.GetCreateTime().AsTime(),
		})
	}
}

// versionNumber is the last part of a version's name; the project in it may be
// its number.
func versionNumber(v *secretmanagerpb.SecretVersion) (int64, error) {
	number, err := strconv.ParseInt(v.GetName()[strings.LastIndexByte(v.GetName(), '/')+1:], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("version %q has no number", v.GetName())
	}
	return number, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Access returns the payload of one version. It needs
// secretmanager.versions.access.
func (c *Client) Access(ctx context.Context, name secret.Name, number int64) (secret.Value, error) {
	version := name.Version(number).String()
	answer, err := c.client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: version})
	if err != nil {
		return secret.Value{}, describe(err, "access "+version)
	}
	payload := answer.GetPayload()
	if payload.DataCrc32C != nil && *payload.DataCrc32C != int64(crc32.Checksum(payload.GetData(), castagnoli)) {
		return secret.Value{}, fmt.Errorf("access %s: the payload was damaged on the way", version)
	}
	return secret.NewValue(payload.GetData()), nil
}

// describe tells the definite answers from outages. Unauthenticated is an
// outage: it is what a metadata server that gives no token leads to.
func describe(err error, what string) error {
	kind := map[codes.Code]error{
		codes.NotFound:           secret.ErrNotFound,
		codes.PermissionDenied:   secret.ErrDenied,
		codes.FailedPrecondition: secret.ErrDisabled,
		codes.InvalidArgument:    secret.ErrInvalid,
	}[status.Code(err)]
	if kind != nil {
		return fmt.Errorf("%s: %w (%v)", what, kind, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Policy returns who has which role on a secret itself, not what is granted above it.
// It needs secretmanager.secrets.getIamPolicy.
func (c *Client) Policy(ctx context.Context, name secret.Name) ([]*iampb.Binding, error) {
	policy, err := c.client.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: string(name)})
	if err != nil {
		return nil, describe(err, "read the policy of "+string(name))
	}
	return policy.GetBindings(), nil
}

// Latest returns the payload of a secret's newest version, without white space
// around it.
func (c *Client) Latest(ctx context.Context, name secret.Name) (secret.Value, error) {
	version := string(name) + "/versions/latest"
	answer, err := c.client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: version})
	if err != nil {
		return secret.Value{}, describe(err, "access "+version)
	}
	return secret.NewValue(bytes.TrimSpace(answer.GetPayload().GetData())), nil
}
