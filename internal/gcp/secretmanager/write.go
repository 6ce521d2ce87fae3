package secretmanager

import (
	"context"
	"fmt"
	"hash/crc32"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/secret"
)

// Create makes a secret (projects/P/secrets/S) without versions, replicated
// automatically; one that exists is left as it is. It needs
// secretmanager.secrets.create on the project.
func (c *Client) Create(ctx context.Context, name secret.Name) error {
	_, err := c.client.CreateSecret(ctx, &secretmanagerpb.CreateSecretRequest{
		Parent:   "projects/" + name.Project(),
		SecretId: name.ID(),
		Secret: &secretmanagerpb.Secret{Replication: &secretmanagerpb.Replication{
			Replication: &secretmanagerpb.Replication_Automatic_{Automatic: &secretmanagerpb.Replication_Automatic{}},
		}},
	})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return describe(err, "create "+string(name))
	}
	return nil
}

// Add stores payload as a new version of a secret and returns its number. It
// needs secretmanager.versions.add.
func (c *Client) Add(ctx context.Context, name secret.Name, payload secret.Value) (number int64, err error) {
	sum := int64(crc32.Checksum(payload.Reveal(), castagnoli))
	v, err := c.client.AddSecretVersion(ctx, &secretmanagerpb.AddSecretVersionRequest{
		Parent: string(name), Payload: &secretmanagerpb.SecretPayload{Data: payload.Reveal(), DataCrc32C: &sum},
	})
	if err != nil {
		return 0, describe(err, "add a version to "+string(name))
	}
	if number, err = versionNumber(v); err != nil {
		return 0, fmt.Errorf("add a version to %s: %w", name, err)
	}
	return number, nil
}
