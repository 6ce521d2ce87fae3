package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/endpoint"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/vectors"
)

const (
	deliveryTimeout = 30 * time.Second
	maxAnswerBytes  = 64 << 10
)

// deliveries sends what no server of ours sends: headers as they are given, twice or
// in another case. It follows no redirect, for a receiver must not send one.
var deliveries = &http.Client{
	Timeout:       deliveryTimeout,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// receipt is what a receiver answered.
type receipt struct {
	status int
	body   string
	took   time.Duration
}

func (r receipt) accepted() bool { return r.status >= 200 && r.status <= 299 }

// deliver sends a request to an address, whatever path the request has. The error
// does not have the address, which may hold a token.
func deliver(ctx context.Context, to *url.URL, r vectors.Request) (receipt, error) {
	request, err := http.NewRequestWithContext(ctx, r.Method, to.String(), strings.NewReader(string(r.Body)))
	if err != nil {
		return receipt{}, errors.New("the request cannot be made")
	}
	for _, h := range r.Headers {
		request.Header[h[0]] = append(request.Header[h[0]], h[1])
	}
	start := time.Now()
	response, err := deliveries.Do(request)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		return receipt{}, fmt.Errorf("no answer of the receiver: %w", err)
	}
	defer response.Body.Close()
	took := time.Since(start)
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return receipt{}, errors.New("the receiver's answer broke off")
	}
	return receipt{response.StatusCode, strings.TrimSpace(string(body)), took}, nil
}

// requestOf is a delivery with a header as http has it.
func requestOf(header http.Header, body []byte) vectors.Request {
	r := vectors.Request{Method: http.MethodPost, Headers: [][2]string{{"Content-Type", "application/json"}}, Body: body}
	for name, values := range header {
		r.Headers = append(r.Headers, [2]string{name, values[0]})
	}
	return r
}

// keyFlags say where the keys of dynamic deliveries are served.
type keyFlags struct {
	JWKSListen string `name:"jwks-listen" placeholder:"HOST:PORT" help:"Address on loopback at which the key set of dynamic deliveries is served: the receiver's JWKS_URL must be http://HOST:PORT/. By default that of JWKS_URL, where it is on loopback."`
}

// address is where to serve the key set; "" where nobody says.
func (k keyFlags) address() (string, error) {
	address := k.JWKSListen
	if address == "" {
		u, err := endpoint.Parse(os.Getenv("JWKS_URL"))
		if err != nil || u.Scheme != "http" {
			return "", nil
		}
		address = u.Host
	}
	if u, err := endpoint.Parse("http://" + address); err != nil || u.Host != address || u.Port() == "" {
		return "", usage("--jwks-listen wants a port on loopback, as 127.0.0.1:8765")
	}
	return address, nil
}

// serveKeys serves the signer's key set until close.
func serveKeys(address string, signer *vectors.Signer, s streams) (end func() error, err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve the key set: %w", err)
	}
	server := &http.Server{Handler: signer, ReadHeaderTimeout: deliveryTimeout}
	go func() { _ = server.Serve(listener) }() // it ends with Close
	fmt.Fprintf(s.messages, "the key set is served at http://%s/: the receiver's JWKS_URL has to be that\n", listener.Addr())
	return server.Close, nil
}

// dynamicTarget is where dynamic deliveries go: below the receiver's path token,
// where it has one.
func (t tokenFlags) dynamicTarget(ctx context.Context, base *url.URL) (*url.URL, error) {
	if t.TokenSecret == "" {
		return base, nil
	}
	text, name, err := newestOf(ctx, t.TokenSecret)
	if err != nil {
		return nil, err
	}
	if _, err := secret.PathTokens(text.Reveal()); err != nil {
		return nil, fmt.Errorf("%s is no token: %w", name, err)
	}
	return &url.URL{Scheme: base.Scheme, Host: base.Host, Path: "/dynamic/" + strings.TrimSpace(string(text.Reveal())) + "/webhookctl"}, nil
}

// shownURL is an address without its token.
func shownURL(u *url.URL) string {
	return u.Scheme + "://" + u.Host + event.PublicPath(u.EscapedPath())
}

// target reads the address of a receiver.
func target(flag, address string) (*url.URL, error) {
	u, err := endpoint.Parse(address)
	if err != nil {
		return nil, usage("%s %w", flag, err)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// keysWait is how long a receiver may take to fetch a key set anew: it does so every
// 5 s at most.
const (
	keysWait  = 15 * time.Second
	keysPause = 500 * time.Millisecond
)

// introduce sends a delivery whose keys the receiver does not know yet: again, until
// it is accepted, or refused by a receiver that has fetched the keys.
func introduce(ctx context.Context, signer *vectors.Signer, to *url.URL, sign func() (vectors.Request, error)) (receipt, error) {
	end := time.Now().Add(keysWait)
	for {
		known := signer.Fetches() > 0
		request, err := sign()
		if err != nil {
			return receipt{}, err
		}
		answer, err := deliver(ctx, to, request)
		if err != nil || answer.accepted() || known || time.Now().After(end) {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, nil
		case <-time.After(keysPause):
		}
	}
}
