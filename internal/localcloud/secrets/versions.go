package secrets

import (
	"bytes"
	"context"
	"hash/crc32"
	"regexp"
	"slices"
	"strconv"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// maxPayload is the service's limit of a version's payload in bytes.
const maxPayload = 64 << 10

var (
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
	stateFilter = regexp.MustCompile(`^\s*state\s*[:=]\s*"?(ENABLED|DISABLED|DESTROYED)"?\s*$`)
)

func checksum(payload []byte) int64 { return int64(crc32.Checksum(payload, castagnoli)) }

// AddSecretVersion stores a payload under the next number.
func (s *service) AddSecretVersion(_ context.Context, req *secretmanagerpb.AddSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	payload := req.GetPayload()
	switch {
	case len(payload.GetData()) == 0:
		return nil, status.Error(codes.InvalidArgument, "payload.data is empty")
	case len(payload.GetData()) > maxPayload:
		return nil, status.Errorf(codes.InvalidArgument, "payload.data has %d bytes: at most %d are allowed", len(payload.GetData()), maxPayload)
	case payload.DataCrc32C != nil && payload.GetDataCrc32C() != checksum(payload.GetData()):
		return nil, status.Error(codes.InvalidArgument, "payload.data_crc32c does not match the data")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k, sec, err := s.find(req.GetParent())
	if err != nil {
		return nil, err
	}
	number := int64(len(sec.versions) + 1)
	v := &version{
		pb: &secretmanagerpb.SecretVersion{
			Name:       s.names.format(k) + "/versions/" + strconv.FormatInt(number, 10),
			CreateTime: timestamppb.New(s.now()),
			State:      secretmanagerpb.SecretVersion_ENABLED,
			Etag:       s.nextEtag(),

			ClientSpecifiedPayloadChecksum: payload.DataCrc32C != nil,
		},
		payload: bytes.Clone(payload.GetData()),
	}
	sec.versions = append(sec.versions, v)
	return proto.CloneOf(v.pb), nil
}

// findVersion resolves a number, an alias, or "latest", the most recently
// created version whatever its state. The lock must be held.
func (s *service) findVersion(name string) (*secret, *version, error) {
	k, id, err := s.names.version(name)
	if err != nil {
		return nil, nil, err
	}
	_, sec, err := s.find(s.names.format(k))
	if err != nil {
		return nil, nil, err
	}
	n, err := strconv.ParseInt(id, 10, 64)
	switch {
	case err == nil:
	case id == "latest":
		n = int64(len(sec.versions))
	default:
		n = sec.pb.GetVersionAliases()[id]
	}
	if n < 1 || n > int64(len(sec.versions)) {
		return nil, nil, status.Errorf(codes.NotFound, "Secret Version [%s/versions/%s] not found.", s.names.format(k), id)
	}
	return sec, sec.versions[n-1], nil
}

// GetSecretVersion returns a version without its payload.
func (s *service) GetSecretVersion(_ context.Context, req *secretmanagerpb.GetSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, v, err := s.findVersion(req.GetName())
	if err != nil {
		return nil, err
	}
	return proto.CloneOf(v.pb), nil
}

// AccessSecretVersion returns the payload of an enabled version.
func (s *service) AccessSecretVersion(_ context.Context, req *secretmanagerpb.AccessSecretVersionRequest) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, v, err := s.findVersion(req.GetName())
	if err != nil {
		return nil, err
	}
	if v.pb.GetState() != secretmanagerpb.SecretVersion_ENABLED {
		return nil, status.Errorf(codes.FailedPrecondition, "Secret Version [%s] is in %s state.", v.pb.GetName(), v.pb.GetState())
	}
	return &secretmanagerpb.AccessSecretVersionResponse{
		Name: v.pb.GetName(),
		Payload: &secretmanagerpb.SecretPayload{
			Data:       bytes.Clone(v.payload),
			DataCrc32C: proto.Int64(checksum(v.payload)),
		},
	}, nil
}

// ListSecretVersions returns the newest first. The page token is the last
// version listed, so versions added between two pages disturb nothing.
func (s *service) ListSecretVersions(_ context.Context, req *secretmanagerpb.ListSecretVersionsRequest) (*secretmanagerpb.ListSecretVersionsResponse, error) {
	size, err := pageSize(req.GetPageSize())
	if err != nil {
		return nil, err
	}
	before := int64(1) << 62
	if token := req.GetPageToken(); token != "" {
		if before, err = strconv.ParseInt(token, 10, 64); err != nil {
			return nil, status.Error(codes.InvalidArgument, "page_token: not one of this server")
		}
	}
	state := ""
	if filter := req.GetFilter(); filter != "" {
		m := stateFilter.FindStringSubmatch(filter)
		if m == nil {
			return nil, status.Error(codes.InvalidArgument, "filter: only state:ENABLED, state:DISABLED and state:DESTROYED are supported here")
		}
		state = m[1]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, sec, err := s.find(req.GetParent())
	if err != nil {
		return nil, err
	}
	res := &secretmanagerpb.ListSecretVersionsResponse{}
	for i, v := range slices.Backward(sec.versions) {
		if state != "" && v.pb.GetState().String() != state {
			continue
		}
		res.TotalSize++
		if int64(i)+1 >= before {
			continue
		}
		if len(res.Versions) == size {
			res.NextPageToken = keyOf(res.Versions[size-1].GetName())
			continue // counting goes on
		}
		res.Versions = append(res.Versions, proto.CloneOf(v.pb))
	}
	return res, nil
}

// EnableSecretVersion makes a disabled version accessible again, and stops its
// scheduled destruction.
func (s *service) EnableSecretVersion(_ context.Context, req *secretmanagerpb.EnableSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	return s.change(req.GetName(), req.GetEtag(), func(_ *secret, v *version) {
		v.pb.State, v.pb.ScheduledDestroyTime = secretmanagerpb.SecretVersion_ENABLED, nil
	})
}

// DisableSecretVersion makes a version inaccessible until it is enabled.
func (s *service) DisableSecretVersion(_ context.Context, req *secretmanagerpb.DisableSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	return s.change(req.GetName(), req.GetEtag(), func(_ *secret, v *version) {
		v.pb.State = secretmanagerpb.SecretVersion_DISABLED
	})
}

// DestroySecretVersion removes the payload. Where the secret has a
// version_destroy_ttl, the version is disabled and its destruction scheduled;
// this server never carries it out.
func (s *service) DestroySecretVersion(_ context.Context, req *secretmanagerpb.DestroySecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	return s.change(req.GetName(), req.GetEtag(), func(sec *secret, v *version) {
		if ttl := sec.pb.GetVersionDestroyTtl(); ttl != nil {
			v.pb.State = secretmanagerpb.SecretVersion_DISABLED
			v.pb.ScheduledDestroyTime = timestamppb.New(s.now().Add(ttl.AsDuration()))
			return
		}
		v.pb.State, v.payload = secretmanagerpb.SecretVersion_DESTROYED, nil
		v.pb.DestroyTime = timestamppb.New(s.now())
	})
}

// change applies f to a version that is not destroyed; the etag changes even
// where nothing else does, as the service documents.
func (s *service) change(name, etag string, f func(*secret, *version)) (*secretmanagerpb.SecretVersion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec, v, err := s.findVersion(name)
	if err != nil {
		return nil, err
	}
	if err := checkEtag(etag, v.pb.GetEtag()); err != nil {
		return nil, err
	}
	if v.pb.GetState() == secretmanagerpb.SecretVersion_DESTROYED {
		return nil, status.Errorf(codes.FailedPrecondition, "Secret Version [%s] is in DESTROYED state.", v.pb.GetName())
	}
	f(sec, v)
	v.pb.Etag = s.nextEtag()
	return proto.CloneOf(v.pb), nil
}
