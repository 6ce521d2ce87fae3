// Package geminiapi is what of the Gemini API the receiver and its tools use: result
// files and videos of the Files service, batches, operations and interactions as they
// are read, and the WebhookService.
//
// It talks to GOOGLE_GEMINI_BASE_URL where that is set, as the Gemini SDK does. The SDK
// holds whole answers and files in memory, so it is used for webhooks alone. What a name
// may be is checked before it is part of an address: names come from events.
package geminiapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/endpoint"
	"example.com/gemini-webhook/internal/gcp/stall"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/secret"
)

const defaultBaseURL = "https://generativelanguage.googleapis.com"

// baseURL is the given address or, where that is empty, GOOGLE_GEMINI_BASE_URL,
// or Google's. The API key goes there, so never by plain http to another machine.
func baseURL(given string) (string, error) {
	base := cmp.Or(given, os.Getenv("GOOGLE_GEMINI_BASE_URL"), defaultBaseURL)
	if _, err := endpoint.Parse(base); err != nil {
		return "", fmt.Errorf("the address of the Gemini API (GOOGLE_GEMINI_BASE_URL) %w", err)
	}
	return strings.TrimSuffix(base, "/"), nil
}

const (
	// headerTimeout bounds the wait for the first byte; how long a download may
	// take is the caller's context's to say.
	headerTimeout = 30 * time.Second
	// keyTimeout bounds the wait for the API key: the client that reads it waits, and
	// tries again, as long as its context lasts, and a push's lasts ten minutes.
	keyTimeout = 10 * time.Second

	tries       = 4                // of one request
	firstPause  = time.Second      // between two tries, doubling, half of it by chance
	maxWaiting  = 30 * time.Second // a longer Retry-After is for the queue to wait out
	apiRevision = "2026-05-20"     // of the shapes of interactions, as the SDK asks for them
)

// API is the Gemini API as it is read.
type API struct {
	base   string // empty where baseErr says why
	client *http.Client
	key    func(context.Context) (secret.Value, error)
	stall  time.Duration
	pause  time.Duration

	baseErr error
}

// New gives the API at GOOGLE_GEMINI_BASE_URL, or Google's. key returns the API key; it
// is called for every request, so that a new key needs no restart.
func New(key func(context.Context) (secret.Value, error)) *API {
	base, err := baseURL("")
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = headerTimeout
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: checkRedirect,
	}
	return &API{base: base, client: client, key: key, stall: stall.Timeout, pause: firstPause, baseErr: err}
}

var (
	errRedirects = errors.New("too many redirects")
	errPlainHTTP = errors.New("the answer redirects to plain http")
)

// checkRedirect keeps the API key to the address that was asked, for net/http drops
// Authorization when a redirect leaves the host, but not this header; and what is
// read to https.
func checkRedirect(next *http.Request, via []*http.Request) error {
	if len(via) >= 5 {
		return errRedirects
	}
	first := via[0].URL
	if _, err := endpoint.Parse(next.URL.String()); err != nil || first.Scheme == "https" && next.URL.Scheme != "https" {
		return errPlainHTTP
	}
	if !endpoint.Same(next.URL, first) {
		next.Header.Del("X-Goog-Api-Key")
	}
	return nil
}

// get asks for a path and gives the answer, whose body must be closed; its reads fail
// where they stall. It asks again, a few times, after 429, 5xx and broken connections.
// No error quotes an answer or the key.
func (a *API) get(ctx context.Context, what, path string) (*http.Response, error) {
	ctx, watch := stall.New(ctx, a.stall)
	resp, err := a.try(ctx, path)
	if err != nil {
		watch.Stop()
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	resp.Body = watch.Body(resp.Body)
	return resp, nil
}

func (a *API) try(ctx context.Context, path string) (*http.Response, error) {
	if a.baseErr != nil {
		return nil, a.baseErr
	}
	key, err := a.apiKey(ctx)
	if err != nil {
		return nil, err
	}
	pause := a.pause
	for attempt := 1; ; attempt++ {
		resp, err := a.once(ctx, path, key)
		if err == nil && resp.StatusCode == http.StatusOK {
			return resp, nil
		}
		wait := pause/2 + rand.N(pause/2+1)
		if err == nil {
			wait = max(wait, retryAfter(resp))
			err = refusal(resp)
		}
		if attempt == tries || wait > maxWaiting || !transient(err) || !sleep(ctx, wait) {
			return nil, err
		}
		pause *= 2
	}
}

// once sends one request.
func (a *API) once(ctx context.Context, path, key string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+path, nil)
	if err != nil {
		return nil, object.ErrName // its text has the address
	}
	req.Header.Set("X-Goog-Api-Key", key)
	req.Header.Set("Api-Revision", apiRevision)
	resp, err := a.client.Do(req)
	if withURL, ok := errors.AsType[*url.Error](err); ok {
		err = unquoted(withURL.Err)
	}
	return resp, err
}

func (a *API) apiKey(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, keyTimeout)
	defer cancel()
	value, err := a.key(ctx)
	if err != nil {
		return "", fmt.Errorf("read the API key: %w", err)
	}
	key := strings.TrimSpace(string(value.Reveal()))
	if key == "" || strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", fmt.Errorf("what GEMINI_API_KEY_SECRET holds is no API key, store one: %w", object.ErrDenied)
	}
	return key, nil
}

// statusError is an answer that says that it may pass.
type statusError struct{ text string }

func (e *statusError) Error() string { return e.text }

// transient reports whether asking again may help soon.
func transient(err error) bool {
	_, status := errors.AsType[*statusError](err)
	network, connection := errors.AsType[*net.OpError](err)
	return status || connection && !network.Timeout() || errors.Is(err, io.EOF)
}

// refusal is what an answer says that is no success, and closes it.
func refusal(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes)) // a part does
	resp.Body.Close()
	words := told(string(body))
	text := fmt.Sprintf("status %d%s", resp.StatusCode, words)
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound:
		return fmt.Errorf("%s: %w", text, object.ErrNotFound)
	case code == http.StatusUnauthorized, code == http.StatusForbidden, strings.Contains(words, "API_KEY_"):
		return fmt.Errorf("%s: %w", text, object.ErrDenied)
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code == statusClientClosed, code >= 500:
		return &statusError{text}
	case code >= 400:
		return fmt.Errorf("%s: %w", text, object.ErrRefused)
	}
	return fmt.Errorf("%s: no answer that can be read", text)
}

// retryAfter is how long an answer asks to wait, in seconds or until a time.
func retryAfter(resp *http.Response) time.Duration {
	text := resp.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return time.Until(at)
	}
	return 0
}

// sleep waits; false where ctx ends before it would.
func sleep(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
