package verify

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

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
