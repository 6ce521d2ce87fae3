package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

const healthTimeout = 5 * time.Second

var errAddress = errors.New("its address is none of a receiver")

// NewHealth asks receivers for GET /health, for a [Healer]. Whoever holds the API key
// says which: so nothing goes with the request, no redirect is followed, nothing of an
// answer but its status is looked at, and what is local to the link, where instances have
// their metadata, is never asked. Private addresses are, for a VPC may have its own for
// the hosts of Cloud Run.
func NewHealth() func(ctx context.Context, origin string) error {
	dialer := &net.Dialer{Timeout: healthTimeout, Control: checkAddress}
	client := &http.Client{
		Timeout:       healthTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, DisableKeepAlives: true,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
	return func(ctx context.Context, origin string) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/health", nil)
		if err != nil {
			return errAddress
		}
		resp, err := client.Do(req)
		if err != nil {
			if withURL, ok := errors.AsType[*url.Error](err); ok {
				err = withURL.Err
			}
			return fmt.Errorf("GET /health: %w", err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("GET /health: status %d", resp.StatusCode)
		}
		return nil
	}
}

// checkAddress looks at an address when its name was looked up, before it is dialled.
func checkAddress(_, address string, _ syscall.RawConn) error {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return errAddress
	}
	if ip := parsed.Addr().Unmap(); ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return errAddress
	}
	return nil
}
