// Package secretmanager reads secrets and their versions from Secret Manager.
//
// It talks to SECRET_MANAGER_EMULATOR_HOST (host:port, plaintext gRPC) where
// that is set.
package secretmanager

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"
	"strings"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/verify"
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
func (c *Client) Versions(ctx context.Context, secret string) ([]verify.Version, error) {
	var versions []verify.Version
	list := c.client.ListSecretVersions(ctx, &secretmanagerpb.ListSecretVersionsRequest{Parent: secret})
	for {
		v, err := list.Next()
		if errors.Is(err, iterator.Done) {
			return versions, nil
		}
		if err != nil {
			return nil, describe(err, "list the versions of "+secret)
		}
		number, err := versionNumber(v)
		if err != nil {
			return nil, fmt.Errorf("list the versions of %s: %w", secret, err)
		}
		versions = append(versions, verify.Version{
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
// secretmanager.versions.access. The payload is a secret: the caller must not
// log it.
func (c *Client) Access(ctx context.Context, secret string, number int64) ([]byte, error) {
	name := fmt.Sprintf("%s/versions/%d", secret, number)
	answer, err := c.client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: name})
	if err != nil {
		return nil, describe(err, "access "+name)
	}
	payload := answer.GetPayload()
	if payload.DataCrc32C != nil && *payload.DataCrc32C != int64(crc32.Checksum(payload.GetData(), castagnoli)) {
		return nil, fmt.Errorf("access %s: the payload was damaged on the way", name)
	}
	return payload.GetData(), nil
}

// describe tells the definite answers from outages. Unauthenticated is an
// outage: it is what a metadata server that gives no token leads to.
func describe(err error, what string) error {
	kind := map[codes.Code]error{
		codes.NotFound:           verify.ErrSecretNotFound,
		codes.PermissionDenied:   verify.ErrSecretDenied,
		codes.FailedPrecondition: verify.ErrSecretDisabled,
		codes.InvalidArgument:    ErrInvalid,
	}[status.Code(err)]
	if kind != nil {
		return fmt.Errorf("%s: %w (%v)", what, kind, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Latest returns the payload of a secret's newest version, without white space
// around it. The same care as for Access.
func (c *Client) Latest(ctx context.Context, secret string) (string, error) {
	name := secret + "/versions/latest"
	answer, err := c.client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: name})
	if err != nil {
		return "", describe(err, "access "+name)
	}
	return strings.TrimSpace(string(answer.GetPayload().GetData())), nil
}
