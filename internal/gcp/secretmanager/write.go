package secretmanager

import (
	"context"
	"fmt"
	"hash/crc32"
	"strings"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Create makes a secret (projects/P/secrets/S) without versions, replicated
// automatically; one that exists is left as it is. It needs
// secretmanager.secrets.create on the project.
func (c *Client) Create(ctx context.Context, secret string) error {
	parent, id, _ := strings.Cut(secret, "/secrets/")
	_, err := c.client.CreateSecret(ctx, &secretmanagerpb.CreateSecretRequest{
		Parent:   parent,
		SecretId: id,
		Secret: &secretmanagerpb.Secret{Replication: &secretmanagerpb.Replication{
			Replication: &secretmanagerpb.Replication_Automatic_{Automatic: &secretmanagerpb.Replication_Automatic{}},
		}},
	})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return describe(err, "create "+secret)
	}
	return nil
}

// Add stores payload as a new version of a secret and returns its number. It
// needs secretmanager.versions.add.
func (c *Client) Add(ctx context.Context, secret string, payload []byte) (number int64, err error) {
	sum := int64(crc32.Checksum(payload, castagnoli))
	v, err := c.client.AddSecretVersion(ctx, &secretmanagerpb.AddSecretVersionRequest{
		Parent: secret, Payload: &secretmanagerpb.SecretPayload{Data: payload, DataCrc32C: &sum},
	})
	if err != nil {
		return 0, describe(err, "add a version to "+secret)
	}
	if number, err = versionNumber(v); err != nil {
		return 0, fmt.Errorf("add a version to %s: %w", secret, err)
	}
	return number, nil
}
