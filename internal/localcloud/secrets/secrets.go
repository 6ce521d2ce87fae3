// Package secrets is a Secret Manager server in process, for the demo, for
// end-to-end tests and for tests of faults. It speaks plaintext gRPC to
// Google's client cloud.google.com/go/secretmanager/apiv1: pass
// Server.ClientOptions to secretmanager.NewClient, or set
// SECRET_MANAGER_EMULATOR_HOST, which this project's receiver knows, to
// Server.Addr.
//
// It keeps everything in memory and checks no credentials. It has no IAM, no
// encryption, no regional secrets and no notifications: rotation settings are
// stored, but no SECRET_ROTATE is sent.
package secrets

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"path"
	"sync"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// Errors of Start.
var (
	// ErrNotLoopback means that the address is not a loopback address: the
	// server checks no credentials and must stay on this machine.
	ErrNotLoopback = errors.New("secrets: address is not loopback, use 127.0.0.1:PORT")
	// ErrStarted means that Start was called twice, or after Close.
	ErrStarted = errors.New("secrets: server was started or closed before, make a new one")
)

// Options configures a Server; the zero value is ready for use.
type Options struct {
	// Now is the clock of all create and destroy times; time.Now where nil.
	Now func() time.Time
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

// Server is a Secret Manager server. All methods are safe for concurrent use,
// and those that handle secrets work before Start too.
type Server struct {
	service *service

	mu     sync.Mutex
	fail   func(Op) *Fault
	counts map[string]int64
	grpc   *grpc.Server
	addr   string
	served chan struct{} // closed when the accept loop has ended
	closed chan struct{} // closed by Close; ends delays
	once   sync.Once
}

// New returns a server that does not listen yet.
func New(opts Options) *Server {
	now := opts.Now
	if now == nil {
		now = time.Now
	}
	return &Server{
		service: newService(now, opts.ProjectNumbers),
		counts:  map[string]int64{},
		closed:  make(chan struct{}),
	}
}

// Start listens on addr, host:port on a loopback address; empty means a free
// port of 127.0.0.1. Errors: ErrNotLoopback, ErrStarted, those of net.Listen.
func (s *Server) Start(addr string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
		return ErrStarted
	default:
	}
	if s.grpc != nil {
		return ErrStarted
	}
	ln, err := listen(addr)
	if err != nil {
		return err
	}
	s.addr = ln.Addr().String()
	s.grpc = grpc.NewServer(grpc.UnaryInterceptor(s.intercept))
	secretmanagerpb.RegisterSecretManagerServiceServer(s.grpc, s.service)
	s.served = make(chan struct{})
	go func() {
		defer close(s.served)
		_ = s.grpc.Serve(ln) // ends with Close
	}()
	return nil
}

func listen(addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("secrets: listen: %w", err)
	}
	if !tcp.IP.IsLoopback() {
		return nil, ErrNotLoopback
	}
	return net.ListenTCP("tcp", tcp)
}

// Addr is the host:port listened on; empty before Start.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// ClientOptions make secretmanager.NewClient talk to this server, which must
// have been started.
func (s *Server) ClientOptions() []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(s.Addr()),
		option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

// Close stops listening and cuts calls that are under way. The secrets stay
// readable from Go. Calling it again does nothing.
func (s *Server) Close() error {
	s.once.Do(func() {
		close(s.closed)
		s.mu.Lock()
		srv := s.grpc
		s.mu.Unlock()
		if srv != nil {
			srv.Stop()
			<-s.served
		}
	})
	return nil
}

// Fail installs a hook that is asked before every call which fault it shall
// suffer; nil from the hook is none, a nil hook removes it. The hook may be
// called from several goroutines at once.
func (s *Server) Fail(hook func(Op) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = hook
}

// Count is how many calls of a method ("AccessSecretVersion") were received,
// failed ones included, since New or ResetCounts. Google's client repeats some
// failed calls by itself. Calls from Go are not counted.
func (s *Server) Count(method string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[method]
}

// Counts is a copy of all counters.
func (s *Server) Counts() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// ResetCounts sets all counters to zero.
func (s *Server) ResetCounts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.counts)
}

// intercept counts the call and applies its fault.
func (s *Server) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	op := Op{Method: path.Base(info.FullMethod), Name: requestName(req)}
	s.mu.Lock()
	s.counts[op.Method]++
	hook := s.fail
	s.mu.Unlock()
	var f Fault
	if hook != nil {
		if chosen := hook(op); chosen != nil {
			f = *chosen
		}
	}
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.closed:
			return nil, status.Error(codes.Unavailable, "server is closing")
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
	if f.Err != nil {
		return nil, f.Err
	}
	res, err := handler(ctx, req)
	if f.Lose {
		return nil, status.Error(codes.Unavailable, "fault on purpose: the answer was lost")
	}
	return res, err
}

func requestName(req any) string {
	switch r := req.(type) {
	case interface{ GetName() string }:
		return r.GetName()
	case interface{ GetParent() string }:
		return r.GetParent()
	case *secretmanagerpb.UpdateSecretRequest:
		return r.GetSecret().GetName()
	}
	return ""
}
