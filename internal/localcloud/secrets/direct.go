package secrets

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Create makes a secret without versions, named projects/P/secrets/S; one that
// exists is left as it is. It panics on an ill-formed name, for only the
// program can have chosen it.
func (s *Server) Create(secret string) {
	parent, id, _ := strings.Cut(secret, "/secrets/")
	_, err := s.service.CreateSecret(context.Background(), &secretmanagerpb.CreateSecretRequest{
		Parent: parent, SecretId: id,
		Secret: &secretmanagerpb.Secret{Replication: &secretmanagerpb.Replication{
			Replication: &secretmanagerpb.Replication_Automatic_{Automatic: &secretmanagerpb.Replication_Automatic{}},
		}},
	})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		panic(fmt.Sprintf("secrets: create: %v", err))
	}
}

// Add stores a new version, enabled, and returns its number. A missing secret
// is made. It panics as Create does, and on an empty or too big payload.
func (s *Server) Add(secret string, payload []byte) int64 {
	s.Create(secret)
	v, err := s.service.AddSecretVersion(context.Background(), &secretmanagerpb.AddSecretVersionRequest{
		Parent: secret, Payload: &secretmanagerpb.SecretPayload{Data: payload},
	})
	if err != nil {
		panic(fmt.Sprintf("secrets: add: %v", err))
	}
	n, _ := strconv.ParseInt(keyOf(v.GetName()), 10, 64) // a name of this server's
	return n
}

// Enable makes a version accessible. The error is the RPC's: NotFound, or
// FailedPrecondition for a destroyed version.
func (s *Server) Enable(secret string, version int64) error {
	_, err := s.service.EnableSecretVersion(context.Background(),
		&secretmanagerpb.EnableSecretVersionRequest{Name: versionName(secret, version)})
	return err
}

// Disable makes a version inaccessible. Errors as Enable's.
func (s *Server) Disable(secret string, version int64) error {
	_, err := s.service.DisableSecretVersion(context.Background(),
		&secretmanagerpb.DisableSecretVersionRequest{Name: versionName(secret, version)})
	return err
}

// Destroy removes a version's payload for good. Errors as Enable's.
func (s *Server) Destroy(secret string, version int64) error {
	_, err := s.service.DestroySecretVersion(context.Background(),
		&secretmanagerpb.DestroySecretVersionRequest{Name: versionName(secret, version)})
	return err
}

// Payload returns a version's payload whatever its state, and whether there is
// one; a destroyed version has none.
func (s *Server) Payload(secret string, version int64) ([]byte, bool) {
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	_, v, err := s.service.findVersion(versionName(secret, version))
	if err != nil || v.payload == nil {
		return nil, false
	}
	return bytes.Clone(v.payload), true
}

func versionName(secret string, version int64) string {
	return secret + "/versions/" + strconv.FormatInt(version, 10)
}
