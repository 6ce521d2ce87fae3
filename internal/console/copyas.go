package console

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/template"

	"example.com/gemini-webhook/internal/devserver"
	"example.com/gemini-webhook/internal/vectors"
)

// form is one that a delivery can be copied in.
type form struct {
	Name, Title string
	make        func(snippet) (string, error)
}

// forms are all of them. What is copied sends the bytes that came, whatever they are,
// and runs nothing of them (TestCopiedCodeSendsTheSameBytes).
var forms = []form{
	{"curl", "curl", curl},
	{"go", "Go", of(goCode)},
	{"python", "Python", of(pythonCode)},
	{"typescript", "TypeScript", of(typeScriptCode)},
	{"fixture", "test fixture", fixture},
}

// snippet is what a delivery is sent again with.
type snippet struct {
	devserver.Detail
	Method, URL, Host, Path, Body string
	Headers                       []field
	Left                          int // headers that are left out: no printable ASCII
}

// ofTheConnection are headers that each client writes for itself.
var ofTheConnection = []string{"Accept-Encoding", "Connection", "Content-Length", "Expect", "Host", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// snippetOf makes it. The receiver is at an address such as http://127.0.0.1:8080/.
func snippetOf(d devserver.Detail, receiver *url.URL) snippet {
	s := snippet{Detail: d, Method: d.Request.Method, Host: receiver.Host, Path: d.Request.Path, Body: string(d.Request.Body)}
	s.URL = "http://" + s.Host + s.Path
	for _, name := range slices.Sorted(maps.Keys(d.Request.Header)) {
		for _, value := range d.Request.Header[name] {
			switch {
			case slices.Contains(ofTheConnection, name):
			case ascii(value):
				s.Headers = append(s.Headers, field{strings.ToLower(name), value})
			default:
				s.Left++
			}
		}
	}
	return s
}

// receiver is the address of the public door.
func (h *Handler) receiver() *url.URL {
	for _, a := range h.server.State().Addresses {
		if u, err := url.Parse(a.Value); err == nil && a.Name == receiverName && u.Host != "" {
			return u
		}
	}
	return &url.URL{Host: "127.0.0.1:8080"}
}

// receiverName is the name of its address.
const receiverName = "RECEIVER_URL"

// copyAs answers with a delivery in one of the forms.
func (h *Handler) copyAs(w http.ResponseWriter, r *http.Request) {
	d, ok := h.server.Get(r.Context(), seqOf(r))
	at := slices.IndexFunc(forms, func(f form) bool { return f.Name == r.PathValue("form") })
	if !ok || at < 0 {
		h.fail(w, http.StatusNotFound, gone)
		return
	}
	text, err := forms[at].make(snippetOf(d, h.receiver()))
	if err != nil {
		h.fail(w, http.StatusInternalServerError, sentence(err))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(text))
}

// maxArgument of a command line: Linux takes 128 KiB for one.
const maxArgument = 100 << 10

// curl makes a command line for a POSIX shell.
func curl(s snippet) (string, error) {
	var b strings.Builder
	if s.Left > 0 { // no comment: an interactive zsh has none
		fmt.Fprintf(&b, ": '%d headers are left out, for they are no printable text'\n", s.Left)
	}
	data := "--data-raw " + quoteShell(s.Body)
	if !plain(s.Body) || len(s.Body) > maxArgument {
		fmt.Fprintf(&b, "base64 -d <<'END' | ")
		data = "--data-binary @-"
	}
	fmt.Fprintf(&b, "curl -sS -i --globoff -X %s %s", quoteShell(s.Method), quoteShell(s.URL))
	for _, h := range s.Headers {
		header := h.Name + ": " + h.Value
		if h.Value == "" {
			header = h.Name + ";"
		}
		b.WriteString(" \\\n  -H " + quoteShell(header))
	}
	for _, name := range []string{"Content-Type", "User-Agent", "Accept"} {
		if s.Request.Header.Values(name) == nil {
			b.WriteString(" \\\n  -H " + quoteShell(strings.ToLower(name)+":")) // else curl's own
		}
	}
	b.WriteString(" \\\n  " + data + "\n")
	if data == "--data-binary @-" {
		text := base64.StdEncoding.EncodeToString([]byte(s.Body))
		for line := range slices.Chunk([]byte(text), 76) {
			b.Write(append(line, '\n'))
		}
		b.WriteString("END\n")
	}
	return b.String(), nil
}

// of makes code by a template.
func of(code *template.Template) func(snippet) (string, error) {
	return func(s snippet) (string, error) {
		var b bytes.Buffer
		err := code.Execute(&b, s)
		return b.String(), err
	}
}

func code(text string) *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{"go": quoteGo, "py": quotePython, "ts": quoteScript}).Parse(text))
}

var goCode = code(`package main

import (
	"fmt"
	"log"
	"net/http"
	"strings"
)

func main() {
	body := {{go .Body}}
	req, err := http.NewRequest({{go .Method}}, {{go .URL}}, strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
{{range .Headers}}	req.Header.Add({{go .Name}}, {{go .Value}})
{{end}}{{with .Left}}	// {{.}} headers are left out, for they are no printable text
{{end}}	res, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	fmt.Println(res.Status)
}
`)

var pythonCode = code(`import http.client

body = {{py .Body}}
conn = http.client.HTTPConnection({{py .Host}}.decode())
conn.putrequest({{py .Method}}.decode(), {{py .Path}}.decode(), skip_accept_encoding=True)
conn.putheader("content-length", str(len(body)))
{{range .Headers}}conn.putheader({{py .Name}}, {{py .Value}})
{{end}}{{with .Left}}# {{.}} headers are left out, for they are no printable text
{{end}}conn.endheaders(body)
res = conn.getresponse()
print(res.status, res.reason)
`)

var typeScriptCode = code(`const body = {{ts .Body}};
const res = await fetch({{ts .URL}}, {
  method: {{ts .Method}},
  headers: [
{{range .Headers}}    [{{ts .Name}}, {{ts .Value}}],
{{end}}{{with .Left}}    // {{.}} headers are left out, for they are no printable text
{{end}}  ],
{{if .Body}}  body,
{{end}}});
console.log(res.status, res.statusText);
export {};
`)

// fixture makes JSON: a member of "vectors" as docs/vectors.json has them, which
// webhookctl verify reads, too. Its keys are those of the embedded cloud.
func fixture(s snippet) (string, error) {
	v := vectors.Vector{
		Name: fmt.Sprintf("dev/%d", s.Seq), Why: "captured by webhookctl dev",
		Scheme: map[string]string{devserver.SchemeV1: vectors.HMAC, devserver.SchemeV1a: vectors.Ed25519, devserver.SchemeJWT: vectors.RS256}[s.Scheme],
		Level:  vectors.Must, Keys: "dev", Now: s.At.Unix(),
		Request: vectors.Request{Method: s.Method, Path: s.Path, Body: s.Request.Body},
		Expect:  vectors.Expect{Accepted: s.Report.Genuine, Status: s.Report.Status, Code: s.Report.Code},
	}
	for _, h := range s.Headers {
		v.Request.Headers = append(v.Request.Headers, [2]string{h.Name, h.Value})
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return escapeHidden(b.String()), err
}
