package console

import (
	"crypto/subtle"
	"net/http"
	"strconv"
)

// guard keeps others than our own pages out.
type guard struct {
	hosts   map[string]bool // as a request to loopback names them
	token   string          // of this start
	origins *http.CrossOriginProtection
}

func newGuard(port int) guard {
	p := ":" + strconv.Itoa(port)
	return guard{
		hosts:   map[string]bool{"127.0.0.1" + p: true, "localhost" + p: true, "[::1]" + p: true},
		token:   newToken(),
		origins: http.NewCrossOriginProtection(),
	}
}

// policy lets a page load what is here, and nothing run or look otherwise that
// stands in the page itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// protect sets what every answer has, and refuses what no page of ours sends. There
// are no CORS headers: nobody else's page reads an answer.
func (g guard) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"Content-Security-Policy":      policy,
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cache-Control":                "no-store",
		} {
			w.Header().Set(name, value)
		}
		switch {
		case !g.hosts[r.Host]:
			// A name that was made to point here (DNS rebinding), or a tunnel.
			w.WriteHeader(http.StatusMisdirectedRequest)
		case !fetchedHere(r):
			w.WriteHeader(http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// fetchedHere tells whether a browser that says for whom it asks asks for a page of
// ours, or for the person at it: another site may link here, and no more. Forms are
// looked at by mayAct.
func fetchedHere(r *http.Request) bool {
	if r.Method == http.MethodPost {
		return true
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// mayAct tells whether a form was sent by a page of ours: from this origin, as the
// browser says, and with the token, which no other origin can read.
func (g guard) mayAct(r *http.Request) bool {
	switch origin := r.Header.Get("Origin"); {
	case origin != "" && origin != "http://"+r.Host:
		return false
	case origin == "" && r.Header.Get("Sec-Fetch-Site") == "":
		return false // not even a browser
	case g.origins.Check(r) != nil:
		return false
	}
	return subtle.ConstantTimeCompare([]byte(r.PostFormValue("token")), []byte(g.token)) == 1
}
