package geminiapi

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/secret"
)

// answers serves these in their order, and the last one again and again.
func answers(t *testing.T, all ...http.HandlerFunc) (url string, asked *int) {
	t.Helper()
	asked = new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked++
		all[min(*asked, len(all))-1](w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// status answers with one and with a body that nothing may quote.
func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, `{"error":{"status":"INVALID_ARGUMENT","message":"a secret sentence with `+key+`"}}`)
	}
}

func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// breaks ends the connection without an answer.
func breaks(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}
}

var errSentinels = map[string]error{"not found": object.ErrNotFound, "denied": object.ErrDenied, "refused": object.ErrRefused, "name": object.ErrName}

// kinds says which sentinels an error has; "an outage" where it has none.
func kinds(err error) string {
	if err == nil {
		return "none"
	}
	var all []string
	for name, sentinel := range errSentinels {
		if errors.Is(err, sentinel) {
			all = append(all, name)
		}
	}
	if len(all) == 0 {
		return "an outage"
	}
	return strings.Join(all, " and ")
}

// TestErrors: what each answer means, and how often it is asked for.
func TestErrors(t *testing.T) {
	invalidKey := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(400)
		_, _ = io.WriteString(w, `{"error":{"details":[{"reason":"API_KEY_INVALID"}]}}`)
	}
	noHTTP := func(w http.ResponseWriter, r *http.Request) {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_, _ = io.WriteString(conn, "a secret sentence")
			_ = conn.Close()
		}
	}
	for name, test := range map[string]struct {
		answers []http.HandlerFunc
		want    string
		asked   int
	}{
		"success":                   {[]http.HandlerFunc{body("content")}, "none", 1},
		"not found":                 {[]http.HandlerFunc{status(404)}, "not found", 1},
		"401":                       {[]http.HandlerFunc{status(401)}, "denied", 1},
		"403":                       {[]http.HandlerFunc{status(403)}, "denied", 1},
		"a key that is not valid":   {[]http.HandlerFunc{invalidKey}, "denied", 1},
		"400":                       {[]http.HandlerFunc{status(400)}, "refused", 1},
		"410":                       {[]http.HandlerFunc{status(410)}, "refused", 1},
		"204":                       {[]http.HandlerFunc{status(204)}, "an outage", 1},
		"a redirect to nowhere":     {[]http.HandlerFunc{status(302)}, "an outage", 1},
		"throttled, then well":      {[]http.HandlerFunc{status(429), body("content")}, "none", 2},
		"down, then well":           {[]http.HandlerFunc{status(503), status(500), breaks, body("content")}, "none", 4},
		"down":                      {[]http.HandlerFunc{status(503)}, "an outage", tries},
		"down, then gone":           {[]http.HandlerFunc{status(500), status(404)}, "not found", 2},
		"asks to wait long":         {[]http.HandlerFunc{status(429, "Retry-After", "31"), body("content")}, "an outage", 1},
		"asks to wait past":         {[]http.HandlerFunc{status(429, "Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"), body("content")}, "none", 2},
		"asks to wait for nonsense": {[]http.HandlerFunc{status(429, "Retry-After", "-5 years"), body("content")}, "none", 2},
		"no HTTP":                   {[]http.HandlerFunc{noHTTP}, "an outage", 1},
	} {
		t.Run(name, func(t *testing.T) {
			url, asked := answers(t, test.answers...)
			service := files(t, url, key)
			service.pause = time.Millisecond
			content, err := service.Open(t.Context(), "files/x")
			if got := kinds(err); got != test.want || *asked != test.asked {
				t.Errorf("%v: %s, asked %d times, want %s, %d", err, got, *asked, test.want, test.asked)
			}
			if err == nil {
				data, err := io.ReadAll(content)
				must(t, errors.Join(err, content.Close()))
				if string(data) != "content" {
					t.Errorf("got %q", data)
				}
			} else if strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "secret sentence") || !strings.Contains(err.Error(), "files/x") {
				t.Errorf("the error is %q", err)
			}
		})
	}
}

// TestWaitsEndWithTheContext: no pause is begun that the context would not outlast.
func TestWaitsEndWithTheContext(t *testing.T) {
	url, asked := answers(t, status(503, "Retry-After", "20"))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	begin := time.Now()
	if _, err := files(t, url, key).Open(ctx, "files/x"); kinds(err) != "an outage" || *asked != 1 || time.Since(begin) > 2*time.Second {
		t.Errorf("%v after %v, asked %d times", err, time.Since(begin), *asked)
	}
}

// TestRetryAfterIsWaitedFor: it is longer than the pause.
func TestRetryAfterIsWaitedFor(t *testing.T) {
	url, _ := answers(t, status(429, "Retry-After", "1"), body("content"))
	service := files(t, url, key)
	service.pause = time.Millisecond
	begin := time.Now()
	content, err := service.Open(t.Context(), "files/x")
	must(t, err)
	content.Close()
	if took := time.Since(begin); took < time.Second {
		t.Errorf("asked again after %v, want 1s", took)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	url, asked := answers(t, body("content"))
	for _, bad := range []string{"", " \n", "two words", "line\nbreak", "schlüssel"} {
		_, err := files(t, url, bad).Open(t.Context(), "files/x")
		if kinds(err) != "denied" || *asked > 0 || len(bad) > 2 && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v, asked %d times", bad, err, *asked)
		}
	}
	unread := errors.New("Secret Manager is down")
	service := Files{New(func(context.Context) (secret.Value, error) { return secret.Value{}, unread })}
	if _, err := service.Open(t.Context(), "files/x"); !errors.Is(err, unread) || kinds(err) != "an outage" {
		t.Errorf("a key that cannot be read: %v", err)
	}
}

// TestDownload: what the answer says of a file is passed on.
func TestDownload(t *testing.T) {
	url, _ := answers(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/download/v1beta/files/abc-1:download" || r.URL.RawQuery != "alt=media" {
			t.Errorf("asked for %s", r.URL)
		}
		w.Header().Set("Content-Type", "video/mp4")
		_, _ = io.WriteString(w, "content")
	})
	body, contentType, err := files(t, url, key).Download(t.Context(), "files/abc-1")
	must(t, err)
	defer body.Close()
	if content, err := io.ReadAll(body); contentType != "video/mp4" || string(content) != "content" || err != nil {
		t.Errorf("%q of the type %q, %v", content, contentType, err)
	}
}

func TestNamesOfFiles(t *testing.T) {
	service := files(t, "https://proxy.example/gemini/", key)
	for text, want := range map[string]string{
		"files/abc": "files/abc",
		"https://proxy.example/gemini/v1beta/files/abc:download?alt=media":              "files/abc",
		"https://generativelanguage.googleapis.com/v1beta/files/abc:download?alt=media": "files/abc",
		"http://proxy.example/gemini/v1beta/files/abc":                                  "",
		"https://user@proxy.example/gemini/v1beta/files/abc":                            "",
		"https://proxy.example:444/gemini/v1beta/files/abc":                             "",
		"https://evil.example/v1beta/files/abc":                                         "",
		"https://proxy.example/gemini/v1beta/files/../batches/x":                        "",
		"gs://bucket/object": "", "": "", "%": "",
	} {
		if got := service.Name(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// badNames are in no address that is asked for.
var badNames = []string{"", ".", "..", "../x", "a/b", "a?b", "a#b", "a%2fb", "a b", "a\n", "é", "a:b", strings.Repeat("a", 129)}

// TestBadNamesAreNotAskedFor: names come from events.
func TestBadNamesAreNotAskedFor(t *testing.T) {
	url, asked := answers(t, body("{}"))
	a := api(t, url, key)
	for what, read := range map[string]func(name string) error{
		"files/":        func(name string) error { _, err := Files{a}.Open(t.Context(), name); return err },
		"batches/":      func(name string) error { _, err := Batches{a}.Read(t.Context(), name, nil); return err },
		"interactions/": func(name string) error { _, err := Interactions{a}.Read(t.Context(), name, 1, nil); return err },
		"operations/":   func(name string) error { _, err := Operations{a}.Videos(t.Context(), name); return err },
		"models/":       func(name string) error { _, err := Operations{a}.Videos(t.Context(), name+"/operations/1"); return err },
	} {
		for _, prefix := range []string{"", what, "/" + what, what + "../"} {
			for _, name := range badNames {
				if what == "files/" && len(name) == 129 {
					continue // files may be longer
				}
				if err := read(prefix + name); kinds(err) != "name" {
					t.Errorf("%q: %v", prefix+name, err)
				}
			}
		}
	}
	if *asked > 0 {
		t.Errorf("asked %d times", *asked)
	}
}
