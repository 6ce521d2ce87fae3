package console

import (
	"bytes"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/devserver"
	"example.com/gemini-webhook/internal/nodetest"
)

var update = flag.Bool("update", false, "make the pictures in docs/images anew")

// chromium is a browser of this machine.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("there is no chromium, chromium-browser or google-chrome in PATH")
	return ""
}

// scripted is an event that would run something if it were not taken for a text.
const scripted = `{"type":"<img src=x onerror=\"ran=1;document.title='ran'\">","timestamp":"2026-03-01T12:00:00Z",` +
	`"data":{"id":"<script>ran=1;document.title='ran'</script><xss>\"'></textarea></pre>","<xss>":"<iframe srcdoc='<script>parent.ran=1</script>'>"}}`

// attacker is a page that does to the console what a page of another origin can.
const attacker = `<!DOCTYPE html><title>attacker</title><script>
const target = %q;
window.read = [];
const body = () => new URLSearchParams({type: "batch.succeeded", kind: "batch-file", offset: "1h", name: "pubsub", on: "true", scheme: "v1", body: "{}", token: "guess"});
const paths = ["/trigger", "/run", "/rotate", "/clock", "/fault", "/deliveries/1/again", "/deliveries/1/edit"];
const stolen = (what) => (text) => window.read.push(what + text);
const frame = (sandbox, html) => new Promise((done) => {
  const f = document.createElement("iframe");
  if (sandbox !== null) f.sandbox = sandbox;
  f.srcdoc = html;
  f.onload = () => setTimeout(done, 200);
  document.body.append(f);
});
const form = (path) => "<form method=post action='" + target + path + "'><input name=type value=batch.succeeded><input name=kind value=batch-file><input name=on value=true><input name=name value=pubsub><input name=offset value=1h></form><script>document.forms[0].submit()<\/script>";
onload = async () => {
  await Promise.all(paths.flatMap((path) => [
    fetch(target + path, {method: "POST", mode: "no-cors", credentials: "include", body: body()}).catch(() => {}),
    fetch(target + path, {method: "POST", body: body()}).then((r) => r.text()).then(stolen(path)).catch(() => {}),
    frame("allow-scripts allow-forms", form(path)),
    frame(null, form(path)),
  ]));
  for (const path of ["/", "/deliveries/1", "/deliveries/1/as/curl"]) await fetch(target + path).then((r) => r.text()).then(stolen(path)).catch(() => {});
  const events = new EventSource(target + "/events");
  events.onmessage = (e) => stolen("/events")(e.data);
  setTimeout(() => { document.title = "done"; }, 300);
};
</script><body></body>`

// TestInABrowser drives the page of a real server as a person does, by keys, and as
// another origin would. With -update it makes the pictures in docs/images.
func TestInABrowser(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	steps, err := os.ReadFile("testdata/browser.mjs")
	if err != nil {
		t.Fatal(err)
	}
	dir := nodetest.Install(t, "puppeteer-core@24.43.1", "axe-core@4.14.1")
	s, err := devserver.Start(t.Context(), devserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	at, refused := serve(t, s)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, attacker, at)
	}))
	t.Cleanup(other.Close)
	input := map[string]any{"url": at, "other": other.URL, "chromium": browser, "nasty": scripted, "batch": worked(t, s), "pictures": pictures(t)}
	var saw seen
	nodetest.Run(t, dir, string(steps), input, &saw)
	if saw.Passes < 100 {
		t.Errorf("axe has found only %d things that are right", saw.Passes)
	}
	saw.Passes = 0
	want := seen{
		Focused: "type", Opened: true, Typed: true, Compared: true, Untouched: true, Told: true, Verdict: "✓ accepted", Shown: true, Copied: true, Kept: true, Found: true,
		On: "clock 10m0s behind, faults stale", Refused: "✗ refused", Off: "clock right, faults none", Help: true, Scriptless: true,
		Lines: "✗ failed", Tree: []string{"plan", "ranges", "lines", "outcomes"}, Wide: 400,
		Violations: []string{}, Errors: []string{}, Stolen: []string{},
	}
	if diff := cmp.Diff(want, saw); diff != "" {
		t.Errorf("in the browser (-want +saw):\n%s", diff)
	}
	if n := refused.Load(); n < 28 {
		t.Errorf("of the other origin's forms %d came and were refused", n)
	}
}

// seen is what the browser saw; see testdata/browser.mjs.
type seen struct {
	Focused, Verdict, On, Refused, Off, Lines                                                   string
	Opened, Typed, Compared, Shown, Ran, Copied, Told, Kept, Found, Help, Scriptless, Untouched bool
	Markup, Wide, Passes                                                                        int
	Tree, Violations, Errors, Stolen                                                            []string
}

// worked runs jobs, sends events of each scheme and a forged one, and gives the number
// of the delivery of a batch that is done.
func worked(t *testing.T, s *devserver.Server) (seq int64) {
	t.Helper()
	for _, kind := range []string{devserver.KindVideo, devserver.KindInteraction, devserver.KindBatchFile} {
		if _, err := s.Run(t.Context(), kind); err != nil {
			t.Fatal(err)
		}
	}
	for _, event := range []devserver.Trigger{
		{Type: "batch.failed", Scheme: devserver.SchemeV1}, {Type: "interaction.failed", Scheme: devserver.SchemeV1a}, {Type: "video.generated", Scheme: devserver.SchemeJWT},
	} {
		if _, err := s.Trigger(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	d := sample()
	d.Request.Header.Set("Webhook-Timestamp", strconv.FormatInt(time.Now().Unix(), 10))
	forged, err := http.NewRequestWithContext(t.Context(), http.MethodPost, New(s, 0).receiver().String(), bytes.NewReader(d.Request.Body))
	if err != nil {
		t.Fatal(err)
	}
	forged.Header = d.Request.Header
	if res, err := http.DefaultClient.Do(forged); err != nil {
		t.Fatal(err)
	} else if _ = res.Body.Close(); res.StatusCode != http.StatusUnauthorized {
		t.Fatalf("a forged delivery: %d", res.StatusCode)
	}
	for range s.Changes(t.Context()) {
		list, _ := s.List(devserver.Query{Text: "batch.succeeded"})
		for _, d := range list {
			if d.Outcomes > 0 && d.Failed > 0 {
				return d.Seq
			}
		}
	}
	t.Fatal("the batch was not worked on")
	return 0
}

// pictures is where they go; "" without -update.
func pictures(t *testing.T) string {
	t.Helper()
	if !*update {
		return ""
	}
	dir, err := filepath.Abs("../../docs/images")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// serve serves the page of a server. It gives the address, and counts what is refused.
func serve(t *testing.T, s Server) (address string, refused *atomic.Int64) {
	t.Helper()
	refused = new(atomic.Int64)
	server := httptest.NewUnstartedServer(nil)
	h := New(s, server.Listener.Addr().(*net.TCPAddr).Port)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &statusWriter{ResponseWriter: w}
		h.ServeHTTP(answer, r)
		if answer.status == http.StatusForbidden {
			refused.Add(1)
		}
	})
	server.Start()
	t.Cleanup(server.CloseClientConnections)
	return server.URL, refused
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
