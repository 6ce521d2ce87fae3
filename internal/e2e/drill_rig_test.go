package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/buildtest/monitoring"
	"example.com/gemini-webhook/internal/localcloud"
)

// drill is a rig whose functions are processes of their own, and what an operator has.
type drill struct {
	*lined
	drilled
	address string      // of the public door
	open    atomic.Bool // whether it can be reached
	begin   time.Time
	rotator *child
	batch   string
	dead    int

	mu       sync.Mutex
	requests []monitoring.Entry
	marked   map[*child]int // how much of its log is before the repair
	past     int            // and how many requests
}

func newDrill(t *testing.T, c drilled) *drill {
	t.Helper()
	c.gemini.RetryBase, c.gemini.RetryMax = never, never // one attempt each
	d := &drill{drilled: c, begin: time.Now(), marked: map[*child]int{}}
	d.lined = &lined{rig: newRig(t, options{
		cloud: localcloud.Options{MaxDeliveryAttempts: cmp.Or(c.attempts, 5), Gemini: c.gemini}, env: []string{"DOORS=tasks"}, unregistered: true,
	})}
	d.open.Store(true)
	env := slices.DeleteFunc(slices.Clone(d.cloud.Env()), func(v string) bool { return strings.HasPrefix(v, "PUSH_") })
	target := &url.URL{Scheme: "http"}
	d.address = d.serve(target)
	var err error
	d.webhook, d.secret, err = d.operator.Register(t.Context(), "gemini-webhook", d.address+hookPath)
	must(t, err)
	c.cause(d)
	d.public = start(t, append(append(env, "DOORS=public"), c.env...)...)
	target.Host = d.public.addr
	return d
}

// serve is a proxy before the public door, which keeps a request log as Cloud Run does.
func (d *drill) serve(target *url.URL) (address string) {
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !d.open.Load() {
			http.Error(w, "the door is closed", http.StatusServiceUnavailable)
			return
		}
		begin, answered := time.Now(), &answering{ResponseWriter: w}
		proxy.ServeHTTP(answered, r)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.requests = append(d.requests, monitoring.Revision("public", "run.googleapis.com/requests", monitoring.Entry{"severity": "INFO", "httpRequest": map[string]any{
			"requestMethod": r.Method, "requestUrl": "https://door.example" + r.URL.Path,
			"status": float64(answered.status), "latency": fmt.Sprintf("%.6fs", time.Since(begin).Seconds()),
		}}))
	}))
	d.t.Cleanup(server.Close)
	return server.URL
}

// answering remembers the status.
type answering struct {
	http.ResponseWriter
	status int
}

func (a *answering) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// functions are the processes that run, by their functions.
func (d *drill) functions() map[string]*child {
	all := map[string]*child{"public": d.public, "tasks": d.child, "reconcile": d.reconciler, "rotate": d.rotator}
	for name, c := range all {
		if c == nil {
			delete(all, name)
		}
	}
	return all
}

// mark makes state tell of what comes from now on.
func (d *drill) mark() {
	for _, c := range d.functions() {
		d.marked[c] = len(c.logs.String())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.past = len(d.requests)
}

func (d *drill) repaired() bool { return len(d.marked) > 0 }

// state is what Cloud Monitoring would look at.
func (d *drill) state() monitoring.State {
	d.mu.Lock()
	entries := slices.Clone(d.requests[d.past:])
	d.mu.Unlock()
	for name, c := range d.functions() {
		for line := range strings.Lines(c.logs.String()[d.marked[c]:]) {
			var members map[string]any
			if json.Unmarshal([]byte(line), &members) == nil { // else a part of a line, or the framework's
				entries = append(entries, monitoring.Logged(name, members))
			}
		}
	}
	return monitoring.State{Entries: entries, Gauge: d.gauge}
}

// gauge stands for metrics of Pub/Sub: messages that are not acknowledged, and the age of
// the oldest in seconds, which goes by as fast as all simulated time.
func (d *drill) gauge(metric, subscription string) float64 {
	kind, isQueue := strings.CutPrefix(subscription, "gemini-webhook-queue-")
	switch {
	case metric == "num_undelivered_messages" && subscription == "gemini-webhook-dead-letters":
		return float64(len(d.letters()))
	case metric == "oldest_unacked_message_age" && isQueue:
		return d.waiting(strings.TrimSuffix(kind, "s")) * timeScale
	}
	d.t.Fatalf("nothing stands for %s of %s", metric, subscription)
	return 0
}

// letters are the ids of the dead letters.
func (d *drill) letters() (ids []string) {
	for _, m := range d.cloud.PubSub.Messages("projects/" + localcloud.Project + "/topics/" + localcloud.DeadLetterTopic) {
		if m.Acks == 0 {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// waiting is the age of the oldest message of a kind that the queue has, in seconds.
func (d *drill) waiting(kind string) (age float64) {
	for _, m := range d.cloud.PubSub.Messages("projects/" + localcloud.Project + "/topics/" + localcloud.QueueTopic) {
		if m.Attributes["kind"] == kind && !d.seen.done(m.ID) {
			age = max(age, time.Since(m.PublishTime).Seconds())
		}
	}
	return age
}

func (s *seen) done(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finished[id]
}

// startsReconciler starts it once.
func (d *drill) startsReconciler() {
	if d.reconciler == nil {
		d.reconciler = d.startReconciler("VERTEX_LOCATIONS=", "CANARY_WEBHOOK="+d.canary)
	}
}

func (d *drill) reconcile() {
	d.startsReconciler()
	d.rig.reconcile()
}

// file makes one in the operator's directory.
func (d *drill) file(name, text string) string {
	path := filepath.Join(d.t.TempDir(), name)
	must(d.t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// commandsOf are the commands of a runbook's shell blocks, each as a script: after the
// exports of its block.
func commandsOf(t *testing.T, runbook, until string) (scripts []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/runbooks/" + runbook + ".md")
	must(t, err)
	before, _, found := strings.Cut(string(text), until)
	if until == "" {
		before = string(text)
	} else if !found {
		t.Fatalf("%s has no %q", runbook, until)
	}
	for _, m := range shellBlock.FindAllStringSubmatch(before, -1) {
		exports := ""
		for line := range strings.Lines(strings.ReplaceAll(m[1], "\\\n", "")) {
			switch {
			case strings.HasPrefix(line, "export "):
				exports += line
			case strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#"):
				scripts = append(scripts, exports+line)
			}
		}
	}
	return scripts
}

// names are those of a deployment, as documents have them, and of the embedded cloud.
var names = strings.NewReplacer(
	"go run ./cmd/webhookctl", "webhookctl", // which is built once
	"my-project-gemini-webhook-state", localcloud.StateBucket, "my-project", localcloud.Project, "gemini-webhook-", "gemini-",
	"REGION", "europe-west1",
)

// repair runs the runbook's commands.
func (d *drill) repair() {
	d.t.Helper()
	env := d.desk()
	for _, script := range commandsOf(d.t, d.book(), d.until) {
		if slices.ContainsFunc(d.leave, func(part string) bool { return strings.Contains(script, part) }) {
			continue
		}
		var values []string
		if d.each != nil {
			values = d.each(d, script)
		}
		cmd := exec.CommandContext(d.t.Context(), "bash", "-euo", "pipefail", "-c", strings.NewReplacer(values...).Replace(names.Replace(script)))
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		_, command, _ := strings.Cut("\n"+script, "\n")
		lines := strings.Split(strings.TrimSpace(command), "\n")
		d.t.Logf("%s\n%s", lines[len(lines)-1], out)
		if err != nil {
			d.t.Errorf("docs/runbooks/%s.md: %v", d.book(), err)
		}
	}
}

// desk is the environment of an operator whose tools work in the embedded cloud.
func (d *drill) desk() (env []string) {
	d.t.Helper()
	tool, err := controls()
	must(d.t, err)
	self, err := os.Executable()
	must(d.t, err)
	bin := d.t.TempDir()
	must(d.t, os.Symlink(tool, filepath.Join(bin, "webhookctl")))
	must(d.t, os.WriteFile(filepath.Join(bin, "gcloud"), []byte("#!/bin/sh\n"+roleVariable+"=gcloud exec '"+self+"' \"$@\"\n"), 0o755))
	server := httptest.NewServer(http.HandlerFunc(d.standIn))
	d.t.Cleanup(server.Close)
	env = []string{
		"PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH"), "HOME=" + d.t.TempDir(), "KEY=" + localcloud.APIKey, standInVariable + "=" + server.URL,
	}
	for _, v := range d.cloud.Env() {
		if name, _, _ := strings.Cut(v, "="); strings.HasSuffix(name, "_EMULATOR_HOST") || strings.HasSuffix(name, "_BASE_URL") {
			env = append(env, v)
		}
	}
	return env
}

// standInVariable is where the stand-in of gcloud asks.
const standInVariable = "E2E_GCLOUD"

// standIn performs a command of gcloud. That its flags are right is checked elsewhere, by
// gcloud's own parser.
func (d *drill) standIn(w http.ResponseWriter, r *http.Request) {
	stdin, err := io.ReadAll(r.Body)
	command := strings.Join(r.URL.Query()["arg"], " ")
	for words, do := range d.gcloud {
		if err == nil && strings.HasPrefix(command+" ", words+" ") {
			do(d, string(stdin))
			return
		}
	}
	http.Error(w, "the stand-in does not know: gcloud "+command, http.StatusBadRequest)
}

// askStandIn is what the stand-in's program does.
func askStandIn() error {
	var stdin []byte
	if slices.Contains(os.Args, "--data-file=-") {
		var err error
		if stdin, err = io.ReadAll(os.Stdin); err != nil {
			return err
		}
	}
	resp, err := http.Post(os.Getenv(standInVariable)+"/?"+url.Values{"arg": os.Args[1:]}.Encode(), "text/plain", bytes.NewReader(stdin))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", said)
	}
	return err
}
