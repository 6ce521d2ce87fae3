package console

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/capture"
	"example.com/gemini-webhook/internal/devserver"
	"example.com/gemini-webhook/internal/vectors"
)

// arrival is what arrives of a delivery that was copied.
type arrival struct {
	Method, Path, Body string
	Headers            http.Header
}

// bodies that are hard to copy.
var bodies = map[string]string{
	"nasty":    nasty,
	"json":     `{"type":"it's $(id) \"quoted\" \\n ` + "`id`" + `","data":{"id":"ü 😀 <b>"}}`,
	"lines":    "{\n \"a\": 1\n}\n",
	"file":     "@/etc/passwd",
	"option":   "-K/etc/passwd",
	"brackets": "[1-3]{a,b}!! !$ %s %00 \\",
	"bytes":    nasty + "\x00\xff\xfe\x80'\"\x7f",
	"empty":    "",
	"long":     strings.Repeat("it's long\n", 20_000),
	"spaces":   "\n  \n",
}

// copied is a delivery with that body.
func copied(body string) devserver.Detail {
	d := sample()
	d.Request.Body = []byte(body)
	d.Request.Path = "/a/$(id)/it's/%60/[1-2];x=*&y"
	d.Request.Header = http.Header{
		"Webhook-Id": {`it's $(id) "quoted" \`}, "Webhook-Timestamp": {"1772366400"}, "Webhook-Signature": {"v1,AAAA+/= v1a,BBBB"},
		"Content-Type": {"application/json; x='y'"}, "X-Twice": {"one", "@two"}, "X-Bytes": {"\xff"}, "X-`Id`": {"$(id)"},
		"Content-Length": {"7"}, "Host": {"elsewhere.example"}, "Connection": {"close"},
	}
	return d
}

// programs run files that are copies, one after the other.
var programs = map[string]struct {
	ext    string
	needs  []string
	run    []string
	bodies []string // nil: all
}{
	"curl":   {ext: ".sh", needs: []string{"curl", "base64"}, run: []string{"sh", "-ec", `for f in "$@"; do sh "$f"; done`, "sh"}},
	"go":     {ext: ".go", run: []string{"go", "run"}, bodies: []string{"bytes"}}, // one, for it is compiled
	"python": {ext: ".py", run: []string{"python3", "-c", "import runpy, sys\nfor f in sys.argv[1:]: runpy.run_path(f)"}},
	// As the JavaScript that it is, too.
	"typescript": {ext: ".mjs", run: []string{"node", "--input-type=module", "-e", "for (const f of process.argv.slice(1)) await import(f)"}},
}

// TestCopiedCodeSendsTheSameBytes runs what is copied, and compares what arrives.
func TestCopiedCodeSendsTheSameBytes(t *testing.T) {
	t.Parallel()
	for name, program := range programs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, needed := range append(program.needs, program.run[0]) {
				if _, err := exec.LookPath(needed); err != nil {
					t.Skipf("there is no %s in PATH", needed)
				}
			}
			if program.bodies == nil {
				program.bodies = slices.Sorted(maps.Keys(bodies))
			}
			got := make(chan arrival, len(bodies))
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				got <- arrival{r.Method, r.URL.EscapedPath(), string(body), r.Header}
			}))
			defer server.Close()
			dir := t.TempDir()
			for _, body := range program.bodies {
				file := filepath.Join(dir, body+program.ext)
				writeCopy(t, file, name, server.URL, bodies[body])
				program.run = append(program.run, file)
			}
			cmd := exec.CommandContext(t.Context(), program.run[0], program.run[1:]...)
			cmd.Dir = t.TempDir()
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, body := range program.bodies {
				select {
				case a := <-got:
					compareArrival(t, body, bodies[body], a)
				default:
					t.Errorf("%s: nothing arrives", body)
				}
			}
			if entries, err := os.ReadDir(cmd.Dir); err != nil || len(entries) > 0 {
				t.Errorf("something was run: %v %v", entries, err)
			}
		})
	}
}

// writeCopy writes a delivery in one of the forms.
func writeCopy(t *testing.T, file, name, receiver, body string) {
	t.Helper()
	at, err := url.Parse(receiver)
	if err != nil {
		t.Fatal(err)
	}
	text, err := forms[slices.IndexFunc(forms, func(f form) bool { return f.Name == name })].make(snippetOf(copied(body), at))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func compareArrival(t *testing.T, name, body string, got arrival) {
	t.Helper()
	want := arrival{http.MethodPost, "/a/$(id)/it's/%60/[1-2];x=*&y", body, http.Header{}}
	headers := http.Header{}
	for _, header := range []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "Content-Type", "X-Twice"} {
		// fetch sends repeated ones as one, which is the same to HTTP.
		want.Headers.Set(header, strings.Join(copied(body).Request.Header[header], ", "))
		headers.Set(header, strings.Join(got.Headers[header], ", "))
	}
	got.Headers = headers
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: what arrives (-sent +arrived):\n%.3000s", name, diff)
	}
}

// TestFixtures: what is copied as a fixture is a vector, and webhookctl verify reads
// it as the request that came.
func TestFixtures(t *testing.T) {
	t.Parallel()
	for name, body := range bodies {
		d := copied(body)
		text, err := fixture(snippetOf(d, &url.URL{Host: "127.0.0.1:8080"}))
		if err != nil {
			t.Fatal(err)
		}
		var v vectors.Vector
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if string(v.Request.Body) != body || v.Now != d.At.Unix() || !v.Expect.Accepted || v.Scheme != vectors.HMAC {
			t.Errorf("%s: the vector is %+v", name, v)
		}
		got, err := capture.Parse([]byte(text))
		if err != nil || string(got.Body) != body || got.Path != d.Request.Path || got.Header.Get("Webhook-Signature") != d.Request.Header.Get("Webhook-Signature") {
			t.Errorf("%s: it is read as %+v, %v", name, got, err)
		}
	}
}

// TestCopiedTextCanBePasted: into a terminal, where control characters are keys.
func TestCopiedTextCanBePasted(t *testing.T) {
	t.Parallel()
	for name, body := range bodies {
		for _, f := range forms {
			text, err := f.make(snippetOf(copied(body), &url.URL{Host: "127.0.0.1:8080"}))
			if err != nil {
				t.Fatal(err)
			}
			if found := strings.IndexFunc(text, func(r rune) bool { return hidden(r) || r == '\uFFFD' }); found >= 0 {
				t.Errorf("%s as %s has %q", name, f.Name, text[max(0, found-20):min(len(text), found+20)])
			}
		}
	}
}
