package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/verify"
)

// TestReadmeCommands runs the commands of README.md's section "At your desk" as they
// are written there, beside a receiver in the embedded cloud.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	commands := d.commands()

	listening := d.start(commands["listen"])
	d.wait("listen", func() bool { return strings.Contains(listening.messages.String(), "forwarding") })
	var sent struct {
		Status    int
		WebhookID string `json:"webhook_id"`
	}
	d.run(commands["trigger"], &sent)
	if sent.Status != http.StatusOK {
		t.Errorf("trigger: status %d", sent.Status)
	}
	var forwarded struct {
		Type   string
		Status int
	}
	listening.end(&forwarded)
	if forwarded.Status != http.StatusOK || forwarded.Type != "interaction.completed" {
		t.Errorf("listen: %+v", forwarded)
	}
	if got := <-d.got; got.err != nil || got.body.EventID != sent.WebhookID {
		t.Errorf("forwarded: event_id %q, %v; want %q, signed with the file's secret", got.body.EventID, got.err, sent.WebhookID)
	}

	var verdict struct {
		Genuine bool
		Status  int
	}
	d.run(commands["verify"], &verdict)
	if !verdict.Genuine || verdict.Status != http.StatusOK {
		t.Errorf("verify: %+v", verdict)
	}

	results := map[string]int{}
	for line := range strings.Lines(d.run(commands["conformance"], nil)) {
		var trial struct{ Result string }
		must(t, json.Unmarshal([]byte(line), &trial))
		results[trial.Result]++
	}
	if results["wrong"] > 0 || results["right"] < 20 {
		t.Errorf("conformance: %v", results)
	}
}

// desk is a directory with the files that the commands name, and a program that
// outcomes are forwarded to.
type desk struct {
	*rig
	dir  string
	tool string
	to   *httptest.Server
	got  chan forward
}

// forward is what came at the program.
type forward struct {
	body struct {
		EventID string `json:"event_id"`
	}
	err error // of its signature
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{rig: newRig(t, options{}), dir: t.TempDir(), got: make(chan forward, 10)}
	var err error
	d.tool, err = controls()
	must(t, err)
	d.to = httptest.NewServer(http.HandlerFunc(d.receive))
	t.Cleanup(d.to.Close)
	const body = `{"type":"batch.failed","version":"v1","timestamp":"2026-01-22T12:00:00Z","data":{"id":"batches/1"}}`
	var captured bytes.Buffer
	fmt.Fprintf(&captured, "POST %s HTTP/1.1\r\nHost: receiver.example\r\n", hookPath)
	must(t, d.signed("msg_captured", body).Write(&captured))
	captured.WriteString("\r\n" + body)
	must(t, os.WriteFile(filepath.Join(d.dir, "request.txt"), captured.Bytes(), 0o600))
	return d
}

// receive verifies what is forwarded as any receiver would.
func (d *desk) receive(_ http.ResponseWriter, r *http.Request) {
	var f forward
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &f.body)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(filepath.Join(d.dir, "local-secret.txt"))
	}
	var keys verify.StaticSecrets
	if err == nil {
		keys, err = verify.NewStaticSecrets(string(text))
	}
	if err == nil {
		_, err = verify.Delivery(r.Context(), body, r.Header, keys, time.Now())
	}
	f.err = err
	d.got <- f
}

// commands are the README's, by name, with this test's addresses.
func (d *desk) commands() map[string][]string {
	d.t.Helper()
	text, err := os.ReadFile("../../README.md")
	must(d.t, err)
	_, section, _ := strings.Cut(string(text), "\n## At your desk\n")
	section, _, _ = strings.Cut(section, "\n## ")
	found := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^go run ./cmd/webhookctl ([^#\n]+)`).FindAllStringSubmatch(section, -1) {
		words := strings.Fields(strings.NewReplacer("http://127.0.0.1:8080", d.url(), "http://127.0.0.1:9000", d.to.URL).Replace(m[1]))
		if !slices.Contains(words, "--json") {
			d.t.Errorf("%s lacks --json", words[0])
		}
		found[words[0]] = words
	}
	if len(found) != 4 {
		d.t.Fatalf("README.md has the commands %v, want four", found)
	}
	return found
}

// running is a command that runs.
type running struct {
	d             *desk
	cmd           *exec.Cmd
	out, messages *buffer
}

// start runs a command with the receiver's environment, but for JWKS_URL: the simulator
// is at that address, where a developer's receiver has Google's.
func (d *desk) start(words []string) *running {
	d.t.Helper()
	_, port, _ := strings.Cut(d.front.addr(), ":")
	c := &running{d: d, cmd: exec.CommandContext(d.t.Context(), d.tool, words...), out: &buffer{}, messages: &buffer{}}
	c.cmd.Dir, c.cmd.Stdout, c.cmd.Stderr = d.dir, c.out, c.messages
	c.cmd.Env = append([]string{"HOME=" + d.dir}, slices.DeleteFunc(slices.Clone(d.env), func(pair string) bool {
		return strings.HasPrefix(pair, "JWKS_URL=")
	})...)
	c.cmd.Env = append(c.cmd.Env, "PORT="+port)
	must(d.t, c.cmd.Start())
	return c
}

// end wants a command to succeed, and decodes the JSON that it printed.
func (c *running) end(into any) string {
	c.d.t.Helper()
	if err := c.cmd.Wait(); err != nil {
		c.d.t.Fatalf("webhookctl %v: %v\n%s%s", c.cmd.Args[1:], err, c.out, c.messages)
	}
	out := c.out.String()
	if into != nil {
		if err := json.Unmarshal([]byte(out), into); err != nil {
			c.d.t.Fatalf("webhookctl %v printed %q: %v", c.cmd.Args[1:], out, err)
		}
	}
	return out
}

func (d *desk) run(words []string, into any) string {
	d.t.Helper()
	return d.start(words).end(into)
}
