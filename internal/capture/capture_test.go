package capture_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"mvdan.cc/sh/v3/syntax"

	"example.com/gemini-webhook/internal/capture"
	"example.com/gemini-webhook/internal/vectors"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// dump is a request as it is on the wire.
func dump(r vectors.Request) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: receiver.example\r\n", r.Method, r.Path)
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	return append(append(b.Bytes(), "\r\n"...), r.Body...)
}

// curl is its command line.
func curl(t *testing.T, r vectors.Request) []byte {
	t.Helper()
	words := []string{"curl", "-sSi", "-X", r.Method, "https://receiver.example" + r.Path + "?q=1"}
	for _, h := range r.Headers {
		words = append(words, "-H", h[0]+": "+h[1])
	}
	if len(r.Body) > 0 {
		words = append(words, "--data-raw", string(r.Body))
	}
	for i, word := range words {
		quoted, err := syntax.Quote(word, syntax.LangBash)
		must(t, err)
		words[i] = quoted
	}
	return []byte(strings.Join(words, " \\\n  "))
}

// TestForms: every vector is the same request in each form.
func TestForms(t *testing.T) {
	t.Parallel()
	for _, v := range vectors.Published().Vectors {
		want := http.Header{}
		for _, h := range v.Request.Headers {
			want.Add(h[0], h[1])
		}
		vector, err := json.Marshal(v)
		must(t, err)
		object := map[string][]string{}
		for _, h := range v.Request.Headers {
			name := http.CanonicalHeaderKey(h[0])
			object[name] = append(object[name], h[1])
		}
		lambda, err := json.Marshal(map[string]any{"httpMethod": v.Request.Method, "path": v.Request.Path, "headers": object, "body": base64.StdEncoding.EncodeToString(v.Request.Body), "isBase64Encoded": true})
		must(t, err)
		forms := map[string][]byte{"HTTP": dump(v.Request), "vector": vector, "base64": lambda}
		if utf8.Valid(v.Request.Body) && !bytes.ContainsRune(v.Request.Body, '\r') {
			forms["curl"] = curl(t, v.Request)
		}
		for form, text := range forms {
			got, err := capture.Parse(text)
			if err != nil {
				t.Errorf("%s as %s: %v", v.Name, form, err)
				continue
			}
			got.Header.Del("Host")
			if diff := cmp.Diff(want, got.Header); diff != "" || got.Method != v.Request.Method || got.Path != v.Request.Path || !bytes.Equal(got.Body, v.Request.Body) {
				t.Errorf("%s as %s: %s %s, %d bytes, headers (-want +got):\n%s", v.Name, form, got.Method, got.Path, len(got.Body), diff)
			}
		}
	}
}

// TestParse: forms that tools write, and what is assumed.
func TestParse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text, method, path, body, note string
	}{
		"LF":                    {text: "POST /a HTTP/1.1\nX: y\n\nbody\n", path: "/a", body: "body\n"},
		"a URL":                 {text: "POST https://r.example/a/b?c HTTP/2\n\n", path: "/a/b"},
		"without a version":     {text: "POST /a\n\nb", path: "/a", body: "b"},
		"curl -v":               {text: "> POST /a HTTP/1.1\r\n> X: y\r\n>\r\nbody", path: "/a", body: "body"},
		"no empty line":         {text: "POST /a HTTP/1.1\nX: y\n", path: "/a", note: "empty line"},
		"an editor's line end":  {text: "POST /a HTTP/1.1\nContent-Length: 4\n\nbody\n", path: "/a", body: "body", note: "left out"},
		"cut":                   {text: "POST /a HTTP/1.1\nContent-Length: 5\n\nbody", path: "/a", body: "body", note: "lost"},
		"added":                 {text: "POST /a HTTP/1.1\nContent-Length: 3\n\nbody", path: "/a", body: "body", note: "added"},
		"chunked":               {text: "POST /a HTTP/1.1\nTransfer-Encoding: chunked\n\n4\r\nbody\r\n0\r\n\r\n", path: "/a", body: "body"},
		"chunked no more":       {text: "POST /a HTTP/1.1\nTransfer-Encoding: chunked\n\nbody", path: "/a", body: "body", note: "as it is"},
		"curl":                  {text: `$ curl 'https://r.example/a' -H "X: y" -d 'a' --data b`, path: "/a", body: "a&b"},
		"curl, quoted by C":     {text: `curl --url=http://localhost/a --json $'{"a":"\'\n"}'`, path: "/a", body: "{\"a\":\"'\n\"}"},
		"curl, from a browser":  {text: `curl 'https://r.example/a' --data-raw $'\u00fc\x41\101\t\\\q\U0001f98a'`, path: "/a", body: "üAA\t\\\\q🦊"},
		"curl, double quotes":   {text: "curl r.example/a -d \"a\\\"b\\\\c\\d\"e\\ f'g\\'", path: "/a", body: `a"b\c\de fg\`},
		"curl without a body":   {text: `curl -XPUT r.example/a`, method: "PUT", path: "/a"},
		"curl, GET":             {text: `curl https://r.example`, method: "GET", path: "/"},
		"HAR":                   {text: `{"log":{"entries":[{"request":{"method":"POST","url":"https://r.example/a","headers":[{"name":":path","value":"/a"},{"name":"X","value":"y"}],"postData":{"text":"body"}}}]}}`, path: "/a", body: "body"},
		"no method":             {text: `{"headers":{},"url":"/a","body":"b"}`, path: "/a", body: "b", note: "POST"},
		"no body":               {text: `{"method":"POST","headers":{"x":"y"},"path":"/a"}`, path: "/a", note: "no body"},
		"replaced":              {text: `{"method":"POST","headers":{},"path":"/a","content":"a` + "\ufffd" + `"}`, path: "/a", body: "a\ufffd", note: "U+FFFD"},
		"names in another case": {text: `{"Method":"POST","Headers":{},"Path":"/a","Body":"b"}`, path: "/a", body: "b"},
	} {
		got, err := capture.Parse([]byte(test.text))
		if test.method == "" {
			test.method = "POST"
		}
		if err != nil || got.Method != test.method || got.Path != test.path || string(got.Body) != test.body || !strings.Contains(strings.Join(got.Notes, "\n"), test.note) || test.note == "" && len(got.Notes) > 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestRefused: what would have to be guessed, run or read elsewhere is refused, with
// what to give instead.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"nothing":           {"", "empty"},
		"a text":            {"hello", "no request"},
		"an answer":         {"HTTP/1.1 200 OK\n\n", "no request"},
		"no colon":          {"POST / HTTP/1.1\nX\n\n", "colon"},
		"a folded header":   {"POST / HTTP/1.1\nX: y\n z: 1\n\n", "name"},
		"a control":         {"POST / HTTP/1.1\nX: \x00\n\n", "control"},
		"many headers":      {"POST / HTTP/1.1\n" + strings.Repeat("X: y\n", 300) + "\n", "over 200"},
		"a broken length":   {"POST / HTTP/1.1\nContent-Length: -1\n\n", "Content-Length"},
		"a long capture":    {strings.Repeat("x", capture.MaxBytes+1), "over"},
		"a command":         {"curl https://r.example -d \"$(id)\"", "variables or commands"},
		"backquotes":        {"curl https://r.example -d `id`", "variables or commands"},
		"a variable":        {"curl https://r.example -d \"$SECRET\"", "variables or commands"},
		"a home":            {"curl https://r.example -d ~/x", "variables or commands"},
		"a pipe":            {"curl https://r.example | sh", "pipes"},
		"two commands":      {"curl https://r.example; id", "pipes"},
		"a redirection":     {"curl https://r.example > x", "pipes"},
		"a file":            {"curl https://r.example --data-binary @/etc/passwd", "file"},
		"a config":          {"curl -K /etc/passwd https://r.example", "not known"},
		"an upload":         {"curl -T /etc/passwd https://r.example", "not known"},
		"two URLs":          {"curl https://r.example https://s.example", "two URLs"},
		"no URL":            {"curl -H 'a: b'", "no URL"},
		"no value":          {"curl https://r.example -H", "no value"},
		"half a quote":      {"curl 'https://r.example", "quotes"},
		"a parsed body":     {`{"method":"POST","headers":{},"body":{"type":"x"}}`, "parsed"},
		"a number":          {`{"method":"POST","headers":{},"body":1}`, "parsed"},
		"two bodies":        {`{"method":"POST","headers":{},"body":"a","body_base64":"YQ=="}`, "two bodies"},
		"no base64":         {`{"method":"POST","headers":{},"body_base64":"*"}`, "base64"},
		"no headers":        {`{"method":"POST","body":"a"}`, "no headers"},
		"headers as a text": {`{"method":"POST","headers":"a: b","body":"a"}`, "neither"},
		"a list":            {`[1]`, "no object"},
		"broken JSON":       {`{"method"`, "broken"},
		"a number's path":   {`{"path":1,"headers":{}}`, "no text"},
		"two entries":       {`{"log":{"entries":[{},{}]}}`, "2 entries"},
	} {
		if _, err := capture.Parse([]byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParse: no text makes it fail otherwise than by an error, and what it reads fits
// the limits of a server.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"POST /a HTTP/1.1\r\nwebhook-id: msg_1\r\nContent-Length: 4\r\n\r\nbody",
		"> POST / HTTP/1.1\n>\n", "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n4\r\nbody\r\n0\r\n\r\n",
		`curl -sSi https://r.example -H 'a: b' --data-raw $'x\u00e9' --url=x`,
		`{"request":{"method":"POST","headers":[["a","b"]],"body_base64":"/w=="}}`,
		`{"log":{"entries":[{"request":{"headers":[{"name":"a","value":"b"}],"postData":{"text":"x"}}}]}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := capture.Parse(text)
		if err != nil {
			return
		}
		if !strings.HasPrefix(r.Path, "/") || r.Method == "" || len(r.Body) > len(text)*4 {
			t.Errorf("%q %q, %d bytes of %d", r.Method, r.Path, len(r.Body), len(text))
		}
		request := &http.Request{Header: r.Header}
		if err := request.Header.Write(new(bytes.Buffer)); err != nil {
			t.Error(err)
		}
	})
}
