package secrets

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// maxPage is the service's default and limit of entries on one page.
const maxPage = 25_000

// secret is one secret with all its versions, the oldest first: version n is
// versions[n-1], for a number is never used again.
type secret struct {
	pb       *secretmanagerpb.Secret
	versions []*version
}

type version struct {
	pb      *secretmanagerpb.SecretVersion
	payload []byte // nil once destroyed
}

// service implements the RPCs. Its answers are clones, never its own state.
type service struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer

	now   func() time.Time
	names names

	mu      sync.Mutex
	secrets map[key]*secret
	etags   int64
}

func newService(now func() time.Time, numbers map[string]string) *service {
	return &service{now: now, names: newNames(numbers), secrets: map[key]*secret{}}
}

// nextEtag is a new entity tag, in quotes as the service's are.
func (s *service) nextEtag() string {
	s.etags++
	return fmt.Sprintf("%q", strconv.FormatInt(0x5e00000000+s.etags, 16))
}

func checkEtag(sent, current string) error {
	if sent != "" && sent != current {
		return status.Error(codes.FailedPrecondition, "the etag in the request does not match the current one: get the resource again")
	}
	return nil
}

// find returns the secret of that name. The lock must be held.
func (s *service) find(name string) (key, *secret, error) {
	k, err := s.names.secret(name)
	if err != nil {
		return k, nil, err
	}
	sec := s.secrets[k]
	if sec == nil {
		return k, nil, status.Errorf(codes.NotFound, "Secret [%s] not found.", s.names.format(k))
	}
	return k, sec, nil
}

// CreateSecret makes a secret without versions.
func (s *service) CreateSecret(_ context.Context, req *secretmanagerpb.CreateSecretRequest) (*secretmanagerpb.Secret, error) {
	project, err := s.names.project(req.GetParent())
	if err != nil {
		return nil, err
	}
	if !secretID.MatchString(req.GetSecretId()) {
		return nil, status.Errorf(codes.InvalidArgument, "secret_id: want 1 to 255 of A-Z, a-z, 0-9, '-' and '_'")
	}
	if req.GetSecret().GetReplication().GetReplication() == nil {
		return nil, status.Error(codes.InvalidArgument, "secret.replication is required: set automatic or user_managed")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key{project, req.GetSecretId()}
	if s.secrets[k] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "Secret [%s] already exists.", s.names.format(k))
	}
	pb := proto.CloneOf(req.GetSecret())
	pb.Name, pb.CreateTime, pb.Etag = s.names.format(k), timestamppb.New(s.now()), s.nextEtag()
	sec := &secret{pb: pb}
	if err := sec.validate(); err != nil {
		return nil, err
	}
	s.secrets[k] = sec
	return proto.CloneOf(pb), nil
}

// validate checks what the service checks at creation and at update.
func (sec *secret) validate() error {
	if sec.pb.GetRotation() != nil && len(sec.pb.GetTopics()) == 0 {
		return status.Error(codes.InvalidArgument, "rotation needs at least one topic")
	}
	for alias, n := range sec.pb.GetVersionAliases() {
		if alias == "latest" || n < 1 || n > int64(len(sec.versions)) {
			return status.Errorf(codes.InvalidArgument, "version alias %q: want another name than latest, and a version that exists", alias)
		}
	}
	return nil
}

// GetSecret returns a secret without its payloads.
func (s *service) GetSecret(_ context.Context, req *secretmanagerpb.GetSecretRequest) (*secretmanagerpb.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, sec, err := s.find(req.GetName())
	if err != nil {
		return nil, err
	}
	return proto.CloneOf(sec.pb), nil
}

// UpdateSecret changes the masked fields; a whole field at a time.
func (s *service) UpdateSecret(_ context.Context, req *secretmanagerpb.UpdateSecretRequest) (*secretmanagerpb.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, sec, err := s.find(req.GetSecret().GetName())
	if err != nil {
		return nil, err
	}
	if err := checkEtag(req.GetSecret().GetEtag(), sec.pb.GetEtag()); err != nil {
		return nil, err
	}
	if len(req.GetUpdateMask().GetPaths()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "update_mask is required")
	}
	from, to := proto.CloneOf(req.GetSecret()), proto.CloneOf(sec.pb)
	for _, path := range req.GetUpdateMask().GetPaths() {
		switch path {
		case "annotations":
			to.Annotations = from.Annotations
		case "labels":
			to.Labels = from.Labels
		case "version_aliases":
			to.VersionAliases = from.VersionAliases
		case "rotation":
			to.Rotation = from.Rotation
		case "topics":
			to.Topics = from.Topics
		case "version_destroy_ttl":
			to.VersionDestroyTtl = from.VersionDestroyTtl
		default:
			return nil, status.Errorf(codes.InvalidArgument, "update_mask: %q is not supported here", path)
		}
	}
	changed := &secret{pb: to, versions: sec.versions}
	if err := changed.validate(); err != nil {
		return nil, err
	}
	to.Etag = s.nextEtag()
	sec.pb = to
	return proto.CloneOf(to), nil
}

// DeleteSecret removes a secret and its versions.
func (s *service) DeleteSecret(_ context.Context, req *secretmanagerpb.DeleteSecretRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, sec, err := s.find(req.GetName())
	if err != nil {
		return nil, err
	}
	if err := checkEtag(req.GetEtag(), sec.pb.GetEtag()); err != nil {
		return nil, err
	}
	delete(s.secrets, k)
	return &emptypb.Empty{}, nil
}

// ListSecrets returns a project's secrets by id; it knows no filter.
func (s *service) ListSecrets(_ context.Context, req *secretmanagerpb.ListSecretsRequest) (*secretmanagerpb.ListSecretsResponse, error) {
	project, err := s.names.project(req.GetParent())
	if err != nil {
		return nil, err
	}
	if req.GetFilter() != "" {
		return nil, status.Error(codes.InvalidArgument, "filter: not supported here for secrets")
	}
	size, err := pageSize(req.GetPageSize())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []key
	for k := range s.secrets {
		if k.project == project {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b key) int { return strings.Compare(a.secret, b.secret) })
	res := &secretmanagerpb.ListSecretsResponse{TotalSize: int32(len(keys))}
	for _, k := range keys {
		if k.secret <= req.GetPageToken() {
			continue
		}
		if len(res.Secrets) == size {
			res.NextPageToken = keyOf(res.Secrets[size-1].GetName())
			break
		}
		res.Secrets = append(res.Secrets, proto.CloneOf(s.secrets[k].pb))
	}
	return res, nil
}

func keyOf(name string) string { return name[strings.LastIndex(name, "/")+1:] }

func pageSize(asked int32) (int, error) {
	if asked < 0 {
		return 0, status.Error(codes.InvalidArgument, "page_size: want a positive number")
	}
	if asked == 0 {
		return maxPage, nil
	}
	return min(int(asked), maxPage), nil
}
