// Package admintest makes calls to Gemini and to Secret Manager fail, for tests
// of what administers webhooks.
package admintest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// APIKey is the API key of these tests. Refusals name it, as Google's have been
// seen to do.
const APIKey = "the-api-key-of-the-test"

// Fault is what goes wrong with one call.
type Fault int

// Faults of a call.
const (
	Fine      Fault = iota
	Drop            // it does not arrive
	Lose            // it is done, and its answer is lost
	Refuse          // it arrives and is refused; where all are, it is as if the caller were dead, for no client tries again
	Broken          // Gemini answers 500
	Throttled       // Gemini answers 429
)

func (f Fault) String() string {
	return [...]string{"fine", "dropped", "answer lost", "refused", "broken", "throttled"}[f]
}

var errInjected = errors.New("injected: the connection broke")

// Faults stands between the clients and both services: it is an
// http.RoundTripper, and Intercept a grpc.UnaryClientInterceptor.
type Faults struct {
	Host string // of Gemini's simulator, whatever host is called

	mu     sync.Mutex
	choose func(call string) Fault
	pings  int
	shown  []string
}

// Set makes calls fail as choose says, by names such as "POST webhooks", "GET
// webhook", "POST :rotateSigningSecret" and "AddSecretVersion"; nil: none does.
func (f *Faults) Set(choose func(call string) Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.choose = choose
}

// At makes all calls of one name fail, for [Faults.Set].
func At(name string, how Fault) func(call string) Fault {
	return func(call string) Fault {
		if call == name {
			return how
		}
		return Fine
	}
}

// Pings is how many pings Gemini has taken.
func (f *Faults) Pings() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pings
}

// Shown are the signing secrets that were in Gemini's answers.
func (f *Faults) Shown() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.shown)
}

// next chooses without the lock, for choose may wait.
func (f *Faults) next(call string) Fault {
	f.mu.Lock()
	choose := f.choose
	f.mu.Unlock()
	if choose == nil {
		return Fine
	}
	return choose(call)
}

// Intercept is a grpc.UnaryClientInterceptor.
func (f *Faults) Intercept(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	switch f.next(path.Base(method)) {
	case Drop:
		return status.Error(codes.Unavailable, "injected")
	case Refuse:
		return status.Error(codes.PermissionDenied, "injected")
	case Lose:
		_ = invoke(ctx, method, req, reply, conn, options...)
		return status.Error(codes.Unavailable, "injected")
	}
	return invoke(ctx, method, req, reply, conn, options...)
}

var wholeSecret = regexp.MustCompile(`whsec_[A-Za-z0-9+/]+=*"`) // none that is shortened

// RoundTrip implements http.RoundTripper.
func (f *Faults) RoundTrip(req *http.Request) (*http.Response, error) {
	call := req.Method + " webhooks"
	if _, id, ok := strings.Cut(req.URL.Path, "/webhooks/"); ok {
		call = req.Method + " webhook"
		if _, verb, ok := strings.Cut(id, ":"); ok {
			call = req.Method + " :" + verb
		}
	}
	chosen := f.next(call)
	switch chosen {
	case Drop:
		return nil, errInjected
	case Refuse:
		return answer(req, http.StatusForbidden, `Consumer 'api_key:`+APIKey+`' has been suspended.`), nil
	case Broken:
		return answer(req, http.StatusInternalServerError, "An internal error has occurred."), nil
	case Throttled:
		return answer(req, http.StatusTooManyRequests, "Resource has been exhausted."), nil
	}
	req = req.Clone(req.Context())
	req.URL.Scheme, req.URL.Host, req.Host = "http", f.Host, f.Host
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	for _, secret := range wholeSecret.FindAllString(string(body), -1) {
		f.shown = append(f.shown, strings.TrimSuffix(secret, `"`))
	}
	if call == "POST :ping" && resp.StatusCode == http.StatusOK {
		f.pings++
	}
	f.mu.Unlock()
	if chosen == Lose {
		return nil, errInjected
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

func answer(req *http.Request, status int, message string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: req,
		Body: io.NopCloser(strings.NewReader(`{"error":{"message":"` + message + `"}}`)),
	}
}
