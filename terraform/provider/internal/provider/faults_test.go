package provider

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// fault is what goes wrong with one call.
type fault int

const (
	fine      fault = iota
	drop            // it does not arrive
	lose            // it is done, and its answer is lost
	dead            // the process is not alive any more: nothing arrives, and nothing tries again
	broken          // Gemini answers 500
	throttled       // Gemini answers 429
)

func (f fault) String() string {
	return [...]string{"fine", "dropped", "answer lost", "dead", "broken", "throttled"}[f]
}

var errInjected = errors.New("injected: the connection broke")

// faults stands between the provider and both services.
type faults struct {
	host string // of the simulator, whatever host the provider thinks to call

	mu     sync.Mutex
	choose func(call string) fault
	pings  int // that arrived
}

// set makes calls fail as choose says; nil: none does.
func (f *faults) set(choose func(call string) fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.choose = choose
}

func (f *faults) pinged() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pings
}

func (f *faults) next(call string) fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.choose == nil {
		return fine
	}
	return f.choose(call)
}

// intercept is a grpc.UnaryClientInterceptor.
func (f *faults) intercept(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	switch f.next(path.Base(method)) {
	case drop:
		return status.Error(codes.Unavailable, "injected")
	case dead:
		return status.Error(codes.PermissionDenied, "injected")
	case lose:
		_ = invoke(ctx, method, req, reply, conn, options...)
		return status.Error(codes.Unavailable, "injected")
	}
	return invoke(ctx, method, req, reply, conn, options...)
}

// RoundTrip implements http.RoundTripper.
func (f *faults) RoundTrip(req *http.Request) (*http.Response, error) {
	call := req.Method + " webhooks"
	if _, id, ok := strings.Cut(req.URL.Path, "/webhooks/"); ok {
		call = req.Method + " webhook"
		if _, verb, ok := strings.Cut(id, ":"); ok {
			call = verb
		}
	}
	chosen := f.next(call)
	switch chosen {
	case drop:
		return nil, errInjected
	case dead:
		return answer(req, http.StatusForbidden, `Consumer 'api_key:`+apiKey+`' has been suspended.`), nil
	case broken:
		return answer(req, http.StatusInternalServerError, "An internal error has occurred."), nil
	case throttled:
		return answer(req, http.StatusTooManyRequests, "Resource has been exhausted."), nil
	}
	req = req.Clone(req.Context())
	req.URL.Scheme, req.URL.Host, req.Host = "http", f.host, f.host
	resp, err := http.DefaultTransport.RoundTrip(req)
	if call == "ping" {
		f.mu.Lock()
		f.pings++
		f.mu.Unlock()
	}
	if err != nil || chosen != lose {
		return resp, err
	}
	_, _ = io.Copy(&bytes.Buffer{}, resp.Body)
	_ = resp.Body.Close()
	return nil, errInjected
}

func answer(req *http.Request, status int, message string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: req,
		Body: io.NopCloser(strings.NewReader(`{"error":{"message":"` + message + `"}}`)),
	}
}

// nth chooses the n-th call to fail, and kills the process with it. Of a lost
// answer it counts the calls that change something: for others it is the same
// whether they arrive.
type nth struct {
	n   int
	how fault

	mu    sync.Mutex
	count int
	call  string
}

func (f *nth) choose(call string) fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count >= f.n {
		return dead
	}
	if f.how == lose && reads(call) {
		return fine
	}
	if f.count++; f.count < f.n {
		return fine
	}
	f.call = call
	return f.how
}

func reads(call string) bool {
	for _, verb := range []string{"Get", "List", "Access", "Test", "GET "} {
		if strings.HasPrefix(call, verb) {
			return true
		}
	}
	return false
}

// seen says how many calls there were, and which one failed.
func (f *nth) seen() (calls int, failed string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count, f.call
}
