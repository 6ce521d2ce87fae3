package secrets

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// maxPayload is the service's limit of a version's payload in bytes.
const maxPayload = 64 << 10

var (
	nameForm   = regexp.MustCompile(`^projects/([^/]+)/secrets/([A-Za-z0-9_-]{1,255})(?:/versions/([^/]+))?$`)
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// key names a secret; project is always an id, never a number.
type key struct{ project, secret string }

// secret is one secret with all its versions, the oldest first: version n is
// versions[n-1], for a number is never used again.
type secret struct {
	name        string // as answers hold it
	annotations map[string]string
	etag        int
	versions    []*version
	policy      []*iampb.Binding
}

type version struct {
	number  int64
	created time.Time
	state   secretmanagerpb.SecretVersion_State
	payload []byte // nil once destroyed
}

// service implements the RPCs.
type service struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer

	numbers, ids map[string]string // of projects: id to number, and back

	mu      sync.Mutex // held by who calls what is not exported
	secrets map[key]*secret
}

func newService(numbers map[string]string) *service {
	s := &service{numbers: numbers, ids: make(map[string]string), secrets: make(map[key]*secret)}
	for id, number := range numbers {
		s.ids[number] = id
	}
	return s
}

// parse reads the name of a secret, with or without a version.
func (s *service) parse(name string) (k key, version string, err error) {
	m := nameForm.FindStringSubmatch(name)
	if m == nil {
		return k, "", status.Errorf(codes.InvalidArgument, "name %q: want projects/PROJECT/secrets/SECRET, or that with /versions/VERSION", name)
	}
	k = key{m[1], m[2]}
	if id := s.ids[k.project]; id != "" {
		k.project = id
	}
	return k, m[3], nil
}

// secret finds a secret by its name or by that of a version.
func (s *service) secret(name string) (_ *secret, version string, err error) {
	k, version, err := s.parse(name)
	if err != nil {
		return nil, "", err
	}
	found := s.secrets[k]
	if found == nil {
		return nil, "", status.Errorf(codes.NotFound, "Secret [%s] not found.", name)
	}
	return found, version, nil
}

// version resolves a number, or "latest": the most recently created version
// whatever its state.
func (s *service) version(name string) (*secret, *version, error) {
	found, id, err := s.secret(name)
	if err != nil {
		return nil, nil, err
	}
	if id == "" {
		return nil, nil, status.Errorf(codes.InvalidArgument, "name %q: it has no version", name)
	}
	n, err := strconv.Atoi(id)
	if id == "latest" {
		n, err = len(found.versions), nil
	}
	if err != nil || n < 1 || n > len(found.versions) {
		return nil, nil, status.Errorf(codes.NotFound, "Secret Version [%s] not found.", name)
	}
	return found, found.versions[n-1], nil
}

// create makes a secret or finds it; fresh says that it was made.
func (s *service) create(name string) (_ *secret, fresh bool, err error) {
	k, version, err := s.parse(name)
	switch {
	case err != nil:
		return nil, false, err
	case version != "":
		return nil, false, status.Errorf(codes.InvalidArgument, "name %q: want projects/PROJECT/secrets/SECRET", name)
	case s.secrets[k] != nil:
		return s.secrets[k], false, nil
	}
	project := k.project
	if number := s.numbers[project]; number != "" {
		project = number
	}
	s.secrets[k] = &secret{name: "projects/" + project + "/secrets/" + k.secret, etag: 1}
	return s.secrets[k], true, nil
}

func (s *secret) add(payload []byte) int64 {
	number := int64(len(s.versions) + 1)
	s.versions = append(s.versions, &version{number, time.Now(), secretmanagerpb.SecretVersion_ENABLED, bytes.Clone(payload)})
	return number
}

func (s *service) setState(name string, state secretmanagerpb.SecretVersion_State) (*secretmanagerpb.SecretVersion, error) {
	found, v, err := s.version(name)
	if err != nil {
		return nil, err
	}
	if v.state == secretmanagerpb.SecretVersion_DESTROYED {
		return nil, status.Errorf(codes.FailedPrecondition, "Secret Version [%s] is in DESTROYED state.", name)
	}
	if v.state = state; state == secretmanagerpb.SecretVersion_DESTROYED {
		v.payload = nil
	}
	return found.versionAnswer(v), nil
}

func versionName(secret string, number int64) string {
	return fmt.Sprintf("%s/versions/%d", secret, number)
}

func (s *secret) answer() *secretmanagerpb.Secret {
	return &secretmanagerpb.Secret{Name: s.name, Annotations: s.annotations, Etag: s.tag()}
}

// tag is the entity tag, in quotes as the service's are.
func (s *secret) tag() string {
	return fmt.Sprintf("%q", strconv.FormatInt(0x5e00000000+int64(s.etag), 16))
}

func (s *secret) versionAnswer(v *version) *secretmanagerpb.SecretVersion {
	return &secretmanagerpb.SecretVersion{Name: versionName(s.name, v.number), CreateTime: timestamppb.New(v.created), State: v.state}
}

// CreateSecret makes a secret without versions.
func (s *service) CreateSecret(_ context.Context, req *secretmanagerpb.CreateSecretRequest) (*secretmanagerpb.Secret, error) {
	if req.GetSecret().GetReplication().GetReplication() == nil {
		return nil, status.Error(codes.InvalidArgument, "secret.replication is required: set automatic or user_managed")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	made, fresh, err := s.create(req.GetParent() + "/secrets/" + req.GetSecretId())
	if err != nil {
		return nil, err
	}
	if !fresh {
		return nil, status.Errorf(codes.AlreadyExists, "Secret [%s] already exists.", made.name)
	}
	made.annotations = req.GetSecret().GetAnnotations()
	return made.answer(), nil
}

// GetSecret returns a secret without its payloads.
func (s *service) GetIamPolicy(_ context.Context, req *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, _, err := s.secret(req.GetResource())
	if err != nil {
		return nil, err
	}
	return &iampb.Policy{Bindings: found.policy}, nil
}

func (s *service) GetSecret(_ context.Context, req *secretmanagerpb.GetSecretRequest) (*secretmanagerpb.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, _, err := s.secret(req.GetName())
	if err != nil {
		return nil, err
	}
	return found.answer(), nil
}

// UpdateSecret replaces the annotations.
func (s *service) UpdateSecret(_ context.Context, req *secretmanagerpb.UpdateSecretRequest) (*secretmanagerpb.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, _, err := s.secret(req.GetSecret().GetName())
	switch etag := req.GetSecret().GetEtag(); {
	case err != nil:
		return nil, err
	case etag != "" && etag != found.tag():
		return nil, status.Error(codes.FailedPrecondition, "the etag in the request does not match the current one: get the resource again")
	case !slices.Equal(req.GetUpdateMask().GetPaths(), []string{"annotations"}):
		return nil, status.Error(codes.InvalidArgument, "update_mask: only annotations are supported here")
	}
	found.annotations = req.GetSecret().GetAnnotations()
	found.etag++
	return found.answer(), nil
}

func checksum(payload []byte) int64 { return int64(crc32.Checksum(payload, castagnoli)) }

// AddSecretVersion stores a payload under the next number.
func (s *service) AddSecretVersion(_ context.Context, req *secretmanagerpb.AddSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	payload := req.GetPayload()
	switch {
	case len(payload.GetData()) == 0 || len(payload.GetData()) > maxPayload:
		return nil, status.Errorf(codes.InvalidArgument, "payload.data has %d bytes: want 1 to %d", len(payload.GetData()), maxPayload)
	case payload.DataCrc32C != nil && payload.GetDataCrc32C() != checksum(payload.GetData()):
		return nil, status.Error(codes.InvalidArgument, "payload.data_crc32c does not match the data")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, _, err := s.secret(req.GetParent())
	if err != nil {
		return nil, err
	}
	number := found.add(payload.GetData())
	return found.versionAnswer(found.versions[number-1]), nil
}

// AccessSecretVersion returns the payload of an enabled version.
func (s *service) AccessSecretVersion(_ context.Context, req *secretmanagerpb.AccessSecretVersionRequest) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, v, err := s.version(req.GetName())
	if err != nil {
		return nil, err
	}
	if v.state != secretmanagerpb.SecretVersion_ENABLED {
		return nil, status.Errorf(codes.FailedPrecondition, "Secret Version [%s] is in %s state.", req.GetName(), v.state)
	}
	return &secretmanagerpb.AccessSecretVersionResponse{
		Name:    versionName(found.name, v.number),
		Payload: &secretmanagerpb.SecretPayload{Data: v.payload, DataCrc32C: proto.Int64(checksum(v.payload))},
	}, nil
}

// ListSecretVersions returns all versions at once, the newest first.
func (s *service) ListSecretVersions(_ context.Context, req *secretmanagerpb.ListSecretVersionsRequest) (*secretmanagerpb.ListSecretVersionsResponse, error) {
	if req.GetFilter() != "" || req.GetPageToken() != "" {
		return nil, status.Error(codes.InvalidArgument, "filters and pages are not supported here")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, _, err := s.secret(req.GetParent())
	if err != nil {
		return nil, err
	}
	answer := &secretmanagerpb.ListSecretVersionsResponse{TotalSize: int32(len(found.versions))}
	for _, v := range slices.Backward(found.versions) {
		answer.Versions = append(answer.Versions, found.versionAnswer(v))
	}
	return answer, nil
}

// DisableSecretVersion makes a version inaccessible.
func (s *service) DisableSecretVersion(_ context.Context, req *secretmanagerpb.DisableSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.setState(req.GetName(), secretmanagerpb.SecretVersion_DISABLED)
}
