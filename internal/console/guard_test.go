package console

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const host = "127.0.0.1:7070"

// ask asks a page for something. Headers are given as name, value.
func ask(h http.Handler, method, path, form string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form))
	r.Host = host
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// everyPath are paths of all handlers that answer at once.
var everyPath = []string{
	"/", "/?q=x", "/deliveries/1", "/deliveries/99", "/deliveries/1/as/curl", "/deliveries/1/body",
	"/console.css", "/console.js", "/icon.svg", "/nothing",
}

func TestOnlyThisHostIsAnswered(t *testing.T) {
	t.Parallel()
	f := newFake(1)
	h := New(f, 7070)
	for name, want := range map[string]bool{
		"127.0.0.1:7070": true, "localhost:7070": true, "[::1]:7070": true,
		"": false, "127.0.0.1": false, "localhost": false, "127.0.0.1:7071": false, "attacker.example:7070": false, "attacker.example": false,
		"localhost.:7070": false, "127.0.0.1.attacker.example:7070": false, "0.0.0.0:7070": false, "[::]:7070": false, "user@localhost:7070": false,
	} {
		for _, path := range append([]string{"/events"}, everyPath...) {
			if path == "/events" && want {
				continue // it does not end
			}
			w := ask(h, http.MethodGet, path, "", "Host", name)
			if got := w.Code != http.StatusMisdirectedRequest; got != want {
				t.Errorf("%s of host %q: %d", path, name, w.Code)
			}
			if !want && w.Body.Len() > 0 {
				t.Errorf("%s of host %q answers %q", path, name, w.Body)
			}
		}
		if !want {
			w := ask(h, http.MethodPost, "/rotate", "token="+h.guard.token, "Host", name, "Origin", "http://"+name)
			if w.Code != http.StatusMisdirectedRequest {
				t.Errorf("a form of host %q: %d", name, w.Code)
			}
		}
	}
	if did := f.done(); did != nil {
		t.Errorf("it did %q", did)
	}
}

// actions are the forms, and what each has the server do.
var actions = map[string]struct{ form, did, to string }{
	"/trigger":            {"type=batch.succeeded&scheme=jwt", "trigger batch.succeeded jwt", "/deliveries/2"},
	"/run":                {"kind=batch-file&back=/deliveries/1", "run batch-file", "/deliveries/1?said=1"},
	"/rotate":             {"back=/?q%3Dx", "rotate", "/?q=x&said=1"},
	"/clock":              {"offset=-10m", "clock -10m0s", "/?said=1"},
	"/fault":              {"name=pubsub&on=true", "fault pubsub true", "/?said=1"},
	"/deliveries/1/again": {"", "again 1", "/deliveries/2"},
	"/deliveries/1/edit":  {"scheme=v1a&body=%7B%0D%0A%7D", "edit 1 v1a {\n}", "/deliveries/2"},
}

func TestOwnFormsAct(t *testing.T) {
	t.Parallel()
	for path, a := range actions {
		for name, headers := range map[string][]string{
			"origin": {"Origin", "http://" + host}, "fetch metadata": {"Sec-Fetch-Site", "same-origin"},
			"both": {"Origin", "http://" + host, "Sec-Fetch-Site", "same-origin"},
		} {
			f := newFake(1)
			h := New(f, 7070)
			w := ask(h, http.MethodPost, path, a.form+"&token="+h.guard.token, headers...)
			if diff := cmp.Diff([]string{a.did}, f.done()); w.Code != http.StatusSeeOther || w.Header().Get("Location") != a.to || diff != "" {
				t.Errorf("%s with %s: %d to %s\n%s", path, name, w.Code, w.Header().Get("Location"), diff)
			}
		}
	}
}

// TestOthersChangeNothing: neither another origin, nor a frame without one, nor who
// does not know the token.
func TestOthersChangeNothing(t *testing.T) {
	t.Parallel()
	f := newFake(1)
	h := New(f, 7070)
	good := "&token=" + h.guard.token
	for path, a := range actions {
		for name, attempt := range map[string]struct {
			token   string
			headers []string
		}{
			"another origin":                    {good, []string{"Origin", "https://attacker.example"}},
			"another port":                      {good, []string{"Origin", "http://127.0.0.1:7071", "Sec-Fetch-Site", "same-site"}},
			"another name of this machine":      {good, []string{"Origin", "http://localhost:7070"}},
			"a frame without an origin":         {good, []string{"Origin", "null"}},
			"the same, of its own site":         {good, []string{"Origin", "null", "Sec-Fetch-Site", "same-origin"}},
			"another site":                      {good, []string{"Sec-Fetch-Site", "cross-site"}},
			"another site, by a link":           {good, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}},
			"another site that claims ours":     {good, []string{"Origin", "http://" + host, "Sec-Fetch-Site", "cross-site"}},
			"nobody says from where":            {good, nil},
			"no token":                          {"", []string{"Origin", "http://" + host}},
			"an empty token":                    {"&token=", []string{"Origin", "http://" + host}},
			"the token of another start":        {"&token=" + newToken(), []string{"Origin", "http://" + host}},
			"no token, but of the same browser": {"", []string{"Sec-Fetch-Site", "none"}},
		} {
			if w := ask(h, http.MethodPost, path, a.form+attempt.token, attempt.headers...); w.Code != http.StatusForbidden {
				t.Errorf("%s, %s: %d", path, name, w.Code)
			}
		}
		if w := ask(h, http.MethodPost, path+"?"+a.form+good, "", "Origin", "http://"+host); w.Code != http.StatusForbidden {
			t.Errorf("%s with the token in its address: %d", path, w.Code)
		}
		if w := ask(h, http.MethodGet, path+"?"+a.form+good, "", "Origin", "http://"+host); w.Code < 400 {
			t.Errorf("GET %s: %d", path, w.Code)
		}
	}
	if did := f.done(); did != nil {
		t.Errorf("it did %q", did)
	}
}

func TestNobodyElseReads(t *testing.T) {
	t.Parallel()
	h := New(newFake(1), 7070)
	for path, want := range map[string]bool{"/": true, "/deliveries/1": true, "/deliveries/1/body": true, "/deliveries/1/as/curl": true} {
		for name, headers := range map[string][]string{
			"as a picture": {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"},
			"by fetch":     {"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"},
			"in a frame":   {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"},
		} {
			if w := ask(h, http.MethodGet, path, "", headers...); w.Code != http.StatusForbidden || w.Body.Len() > 0 {
				t.Errorf("%s %s: %d %q", path, name, w.Code, w.Body)
			}
		}
		if w := ask(h, http.MethodGet, path, "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"); (w.Code == http.StatusOK) != want {
			t.Errorf("%s by a link: %d", path, w.Code)
		}
	}
	if w := ask(h, http.MethodGet, "/events", "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"); w.Code != http.StatusForbidden {
		t.Errorf("/events of another site: %d", w.Code)
	}
}

// wantPolicy has nothing unsafe in it: no inline script or style, no eval, no other host.
const wantPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func TestEveryAnswerIsGuarded(t *testing.T) {
	t.Parallel()
	h := New(newFake(1), 7070)
	check := func(name string, w *httptest.ResponseRecorder) {
		for header, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin", "Content-Security-Policy": wantPolicy, "Cache-Control": "no-store",
		} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q", name, header, got)
			}
		}
		for header := range w.Header() {
			if strings.HasPrefix(header, "Access-Control-") {
				t.Errorf("%s has %s", name, header)
			}
		}
	}
	for _, path := range everyPath {
		check(path, ask(h, http.MethodGet, path, ""))
		check("OPTIONS "+path, ask(h, http.MethodOptions, path, "", "Origin", "https://attacker.example", "Access-Control-Request-Method", "POST"))
		check(path+" of another host", ask(h, http.MethodGet, path, "", "Host", "attacker.example"))
	}
	check("a form", ask(h, http.MethodPost, "/rotate", "token="+h.guard.token, "Origin", "http://"+host))
	check("another's form", ask(h, http.MethodPost, "/rotate", "x=y", "Origin", "https://attacker.example"))
}

func TestFormsLeadNowhereElse(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"//attacker.example": "/", "https://attacker.example/": "/", "/\\attacker.example": "/", "javascript:x": "/", "": "/",
		"//attacker.example/deliveries/1": "/deliveries/1", "/deliveries/1/body": "/", "/deliveries/7": "/deliveries/7", "/?q=a&said=3": "/?q=a",
	} {
		h := New(newFake(1), 7070)
		w := ask(h, http.MethodPost, "/rotate", url.Values{"back": {to}, "token": {h.guard.token}}.Encode(), "Origin", "http://"+host)
		got, _, _ := strings.Cut(w.Header().Get("Location"), "said=")
		if strings.TrimRight(got, "?&") != want {
			t.Errorf("back to %q leads to %s", to, got)
		}
	}
}

func TestListen(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", ":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0", "127.0.0.2:0", "[::ffff:127.0.0.1]:0", "[fe80::1%lo]:0", "127.0.0.1"} {
		l, err := Listen(t.Context(), address)
		if !errors.Is(err, ErrNotLoopback) {
			t.Errorf("%q: %v", address, err)
		}
		if err == nil {
			_ = l.Close()
		}
	}
	for _, address := range []string{"127.0.0.1:0", "localhost:0"} {
		l, err := Listen(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() { ended <- Serve(t.Context(), l, newFake(1)) }()
		res, err := http.Get("http://" + l.Addr().String() + "/")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(text), "<h1>Deliveries</h1>") {
			t.Errorf("%s: %d %v", address, res.StatusCode, err)
		}
		_ = l.Close()
		<-ended
	}
}
