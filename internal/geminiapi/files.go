// Package geminiapi is what of the Gemini API the receiver and its tools use:
// result files of the Files service, and the WebhookService.
//
// It talks to GOOGLE_GEMINI_BASE_URL where that is set, as the Gemini SDK does.
// The SDK's own download holds the whole file in memory, so it is not used.
package geminiapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
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

// headerTimeout bounds the wait for the first byte; how long a download may
// take is the caller's context's to say.
const headerTimeout = 30 * time.Second

// keyTimeout bounds the wait for the API key: the client that reads it waits, and
// tries again, as long as its context lasts, and a push's lasts ten minutes.
const keyTimeout = 10 * time.Second

// Files downloads files of the Files service.
type Files struct {
	base   string // empty where baseErr says why
	client *http.Client
	key    func(context.Context) (secret.Value, error)
	stall  time.Duration

	baseErr error
}

// NewFiles gives the Files service. key returns the API key; it is called for
// every download, so that a new key needs no restart.
func NewFiles(key func(context.Context) (secret.Value, error)) *Files {
	base, err := baseURL("")
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = headerTimeout
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: checkRedirect,
	}
	return &Files{base: base, client: client, key: key, stall: stall.Timeout, baseErr: err}
}

// checkRedirect keeps the API key to the address that was asked, for net/http drops
// Authorization when a redirect leaves the host, but not this header; and what is
// read to https.
func checkRedirect(next *http.Request, via []*http.Request) error {
	if len(via) >= 5 {
		return errors.New("too many redirects")
	}
	first := via[0].URL
	if _, err := endpoint.Parse(next.URL.String()); err != nil || first.Scheme == "https" && next.URL.Scheme != "https" {
		return errors.New("the answer redirects to plain http")
	}
	if !endpoint.Same(next.URL, first) {
		next.Header.Del("X-Goog-Api-Key")
	}
	return nil
}

// Open reads a file ("files/<id>") from its start; one that is not there is
// object.ErrNotFound. files.get fails on the names of batch results, so
// nothing is asked before the download, and the size is not known. A read that
// stalls fails.
func (f *Files) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	ctx, watch := stall.New(ctx, f.stall)
	content, err := f.download(ctx, name)
	if err != nil {
		watch.Stop()
		return nil, fmt.Errorf("download %s: %w", name, err)
	}
	return watch.Body(content), nil
}

func (f *Files) download(ctx context.Context, name string) (io.ReadCloser, error) {
	if f.baseErr != nil {
		return nil, f.baseErr
	}
	asking, cancel := context.WithTimeout(ctx, keyTimeout)
	key, err := f.key(asking)
	cancel()
	if err != nil {
		return nil, err
	}
	id := strings.TrimPrefix(name, "files/")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.base+"/download/v1beta/files/"+url.PathEscape(id)+":download?alt=media", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Goog-Api-Key", string(key.Reveal()))
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return resp.Body, nil
	case http.StatusNotFound:
		err = object.ErrNotFound
	case http.StatusUnauthorized, http.StatusForbidden:
		err = errors.New("refused; the file has expired, or the key in GEMINI_API_KEY_SECRET is not of the project that made the batch")
	default:
		err = errors.New("not answered with the file")
	}
	resp.Body.Close()
	return nil, fmt.Errorf("status %d: %w", resp.StatusCode, err)
}
