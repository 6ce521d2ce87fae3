// Package endpoint says which addresses secrets may be sent to, or be a part of:
// those by https, and by http on this machine alone, where emulators listen. Who is
// on the way of plain http reads keys and tokens, and changes what is answered.
package endpoint

import (
	"errors"
	"net"
	"net/url"
)

// ErrInsecure is what an address wants. It does not hold the address: somebody
// may have put a secret in its place.
var ErrInsecure = errors.New("must be an https:// URL without user or fragment (http:// only for localhost, 127.0.0.1 or [::1])")

// Parse reads an address, or gives [ErrInsecure].
func Parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || !private(u) {
		return nil, ErrInsecure
	}
	return u, nil
}

// Same reports whether what was sent to one address may be sent to the other: of
// the same host and port, by the same scheme.
func Same(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }

func private(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
