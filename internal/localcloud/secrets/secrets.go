// Package secrets is a Secret Manager server in process, for the demo, for
// end-to-end tests and for tests of faults. It speaks plaintext gRPC to
// Google's client cloud.google.com/go/secretmanager/apiv1: pass
// Server.ClientOptions to secretmanager.NewClient, or set
// SECRET_MANAGER_EMULATOR_HOST, which this project's receiver knows, to
// Server.Addr.
//
// It has what this project calls: secrets with annotations under an etag, their
// policies, and versions to add, list, read and disable. Other RPCs, other fields and filters
// are refused, so that nothing is silently ignored. It keeps everything in
// memory, checks no credentials and sends no notifications.
package secrets

import (
	"context"
	"path"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/localcloud/fake"
)

// Options configures a Server; the zero value is ready for use.
type Options struct {
	// ProjectNumbers maps project ids to their numbers. Names in answers then
	// hold the number, as Google's do, and requests may hold either.
	ProjectNumbers map[string]string
}

// Op is one call, as the hook of Server.Fail sees it.
type Op struct {
	Method string // without its service, as "AccessSecretVersion"
	Name   string // the name or parent in the request, as sent
}

// Fault is what goes wrong with one call; the zero value is no fault.
type Fault struct {
	// Delay passes before anything is done or answered.
	Delay time.Duration
	// Err, where not nil, is returned in place of the call, which is not done;
	// make it with status.Error.
	Err error
	// Lose does the call and then answers Unavailable.
	Lose bool
}

// Server is a Secret Manager server. It counts calls by their method, those
// that Google's client repeats by itself among them.
type Server struct {
	*fake.Listener
	fake.Calls[string, Op, Fault]
	service *service
}

// Start serves a Secret Manager without secrets.
func Start(o Options) (_ *Server, err error) {
	s := &Server{service: newService(o.ProjectNumbers)}
	server := grpc.NewServer(grpc.UnaryInterceptor(s.intercept))
	secretmanagerpb.RegisterSecretManagerServiceServer(server, s.service)
	s.Listener, err = fake.GRPC(server)
	return s, err
}

// ClientOptions make secretmanager.NewClient talk to this server.
func (s *Server) ClientOptions() []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(s.Addr()),
		option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

// intercept counts the call and applies its fault.
func (s *Server) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	op := Op{Method: path.Base(info.FullMethod)}
	switch r := req.(type) {
	case interface{ GetName() string }:
		op.Name = r.GetName()
	case interface{ GetParent() string }:
		op.Name = r.GetParent()
	case interface{ GetResource() string }:
		op.Name = r.GetResource()
	case *secretmanagerpb.UpdateSecretRequest:
		op.Name = r.GetSecret().GetName()
	}
	f := s.Begin(op.Method, op)
	if !s.Sleep(ctx, f.Delay) {
		return nil, status.Error(codes.Unavailable, "the call or the server is over")
	}
	if f.Err != nil {
		return nil, f.Err
	}
	answer, err := handler(ctx, req)
	if f.Lose {
		return nil, status.Error(codes.Unavailable, "fault on purpose: the answer was lost")
	}
	return answer, err
}

// Create makes a secret without versions, named projects/P/secrets/S; one that
// exists is left as it is. It panics on an ill-formed name, for only the
// program can have chosen it.
func (s *Server) Create(secret string) {
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	if _, _, err := s.service.create(secret); err != nil {
		panic(err)
	}
}

// Add stores a new version, enabled, and returns its number. A missing secret
// is made. It panics as Create does.
func (s *Server) Add(secret string, payload []byte) int64 {
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	found, _, err := s.service.create(secret)
	if err != nil {
		panic(err)
	}
	return found.add(payload)
}

// SetPolicy sets what GetIamPolicy answers for a secret, which grants nothing. It
// panics as Create does.
func (s *Server) SetPolicy(secret string, bindings ...*iampb.Binding) {
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	found, _, err := s.service.create(secret)
	if err != nil {
		panic(err)
	}
	found.policy = bindings
}

// Delete removes a secret with its versions and annotations.
func (s *Server) Delete(secret string) {
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	k, _, _ := s.service.parse(secret) // an ill-formed name has no secret
	delete(s.service.secrets, k)
}

// Enable makes a version accessible. The error is the service's: NotFound, or
// FailedPrecondition for a destroyed version.
func (s *Server) Enable(secret string, version int64) error {
	return s.setState(secret, version, secretmanagerpb.SecretVersion_ENABLED)
}

// Disable makes a version inaccessible. Errors as Enable's.
func (s *Server) Disable(secret string, version int64) error {
	return s.setState(secret, version, secretmanagerpb.SecretVersion_DISABLED)
}

// Destroy removes a version's payload for good. Errors as Enable's.
func (s *Server) Destroy(secret string, version int64) error {
	return s.setState(secret, version, secretmanagerpb.SecretVersion_DESTROYED)
}

func (s *Server) setState(secret string, version int64, state secretmanagerpb.SecretVersion_State) error {
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	_, err := s.service.setState(versionName(secret, version), state)
	return err
}

// Payload returns a version's payload whatever its state, and whether there is
// one; a destroyed version has none.
func (s *Server) Payload(secret string, version int64) ([]byte, bool) {
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	_, v, err := s.service.version(versionName(secret, version))
	if err != nil || v.payload == nil {
		return nil, false
	}
	return v.payload, true
}
