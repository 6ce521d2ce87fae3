package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/gemini-webhook/verify"
)

const (
	fetchTimeout     = 2 * time.Second
	fetchInterval    = 5 * time.Second // between two fetches, whatever asks for them
	maxJWKSBytes     = 256 << 10       // Google's are under 4 KiB
	minKeysAge       = time.Minute     // max-age is honoured between these two
	maxKeysAge       = time.Hour
	defaultKeysAge   = 5 * time.Minute // where the answer names none
	maxJWKSRedirects = 3
)

func newClient() *http.Client {
	return &http.Client{CheckRedirect: sameOrigin, Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DisableKeepAlives:      true, // a connection would be dead by the next fetch
		MaxResponseHeaderBytes: 64 << 10,
	}}
}

// get makes the request, and returns the keys and how long they may be used.
func (s *Set) get(ctx context.Context) ([]verify.Key, time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.config.URL, nil)
	if err != nil {
		return nil, 0, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("status %d", response.StatusCode)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, maxJWKSBytes+1))
	if err != nil {
		return nil, 0, err
	}
	if len(document) > maxJWKSBytes {
		return nil, 0, fmt.Errorf("the document is over %d bytes", maxJWKSBytes)
	}
	keys, err := Parse(document)
	return keys, keysAge(response.Header), err
}

// keysAge is how long an answer may be used: its max-age, within bounds. The
// lower bound keeps a max-age of 0 from making every few requests wait, the
// upper one ends the life of a withdrawn key.
func keysAge(h http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return minKeysAge
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err == nil {
				return min(max(time.Duration(seconds)*time.Second, minKeysAge), maxKeysAge)
			}
		}
	}
	return defaultKeysAge
}

// sameOrigin follows redirects within the configured scheme and host only: who
// can redirect the request elsewhere must not choose our keys.
func sameOrigin(request *http.Request, via []*http.Request) error {
	first := via[0].URL
	if len(via) > maxJWKSRedirects || request.URL.Scheme != first.Scheme || request.URL.Host != first.Host {
		return errors.New("the JWKS is redirected to another host, or too often; configure the final URL")
	}
	return nil
}
