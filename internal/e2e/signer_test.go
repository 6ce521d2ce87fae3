package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud"
)

// strangersCase is one delivery: what the package signs, and what is sent.
type strangersCase struct {
	Name           string            `json:"name"`
	ID             string            `json:"id"`
	Body           string            `json:"body"` // signed
	Send           string            `json:"send"` // sent
	SecondsFromNow int               `json:"secondsFromNow"`
	Secrets        []string          `json:"secrets"`
	Headers        map[string]string `json:"headers"`
	Without        []string          `json:"without"`
	want           string
}

// Deliveries that the project did not sign: the signer is the npm package of
// the Standard Webhooks project.
func TestStrangersSigner(t *testing.T) {
	if testing.Short() {
		t.Skip("npm needs seconds and its registry; run without -short")
	}
	t.Parallel()
	script := installSigner(t)
	r := newRig(t, options{})
	const stranger = "whsec_c3RyYW5nZXJzIGtleSwgbm90IG91cnMgYXQgYWxsISE="
	const accepted, mismatch, stale = `200 {"status":"accepted"}`, `401 {"error":"signature_mismatch"}`, `401 {"error":"timestamp_out_of_range"}`
	now := strconv.FormatInt(time.Now().Unix()-30, 10)

	var cases []strangersCase
	// A case is a good delivery with one thing changed.
	add := func(name, want string, change func(*strangersCase)) {
		body := interaction("int " + name)
		c := strangersCase{
			Name: name, ID: "msg_" + strconv.Itoa(len(cases)), Body: body, Send: body,
			Secrets: []string{r.secret}, Headers: map[string]string{}, Without: []string{}, want: want,
		}
		change(&c)
		cases = append(cases, c)
	}
	add("good", accepted, func(*strangersCase) {})
	add("good, a foreign entry first", accepted, func(c *strangersCase) { c.Secrets = []string{stranger, r.secret} })
	add("good, four minutes old", accepted, func(c *strangersCase) { c.SecondsFromNow = -240 })
	add("good, its clock four minutes fast", accepted, func(c *strangersCase) { c.SecondsFromNow = 240 })
	add("good, not ASCII", accepted, func(c *strangersCase) { c.Body = `{"type":"x.y","data":{"id":"数据 🙂"}}`; c.Send = c.Body })
	add("another secret", mismatch, func(c *strangersCase) { c.Secrets = []string{stranger} })
	add("body changed", mismatch, func(c *strangersCase) { c.Send += " " })
	add("body cut", mismatch, func(c *strangersCase) { c.Send = c.Send[:len(c.Send)-1] })
	add("id changed", mismatch, func(c *strangersCase) { c.Headers["webhook-id"] = "msg_other" })
	add("time changed", mismatch, func(c *strangersCase) { c.Headers["webhook-timestamp"] = now })
	add("six minutes old", stale, func(c *strangersCase) { c.SecondsFromNow = -360 })
	add("six minutes early", stale, func(c *strangersCase) { c.SecondsFromNow = 360 })
	add("no signature", `400 {"error":"missing_header"}`, func(c *strangersCase) { c.Without = []string{"webhook-signature"} })
	add("no id", `400 {"error":"missing_header"}`, func(c *strangersCase) { c.Without = []string{"webhook-id"} })
	add("no time", `400 {"error":"missing_header"}`, func(c *strangersCase) { c.Without = []string{"webhook-timestamp"} })
	add("id with a dot", `400 {"error":"bad_header"}`, func(c *strangersCase) { c.ID = "msg.1" })
	add("the names of Svix", `400 {"error":"missing_header"}`, func(c *strangersCase) {
		c.Without = []string{"webhook-id", "webhook-timestamp", "webhook-signature"}
		c.Headers["svix-id"] = c.ID
	})

	got := signAndPost(t, script, r.child.url()+hookPath, cases)
	want := make(map[string]string)
	good := make(map[string]bool) // event ids
	for _, c := range cases {
		want[c.Name] = c.want
		if c.want == accepted {
			good[c.ID] = true
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	r.wait("the outcomes", func() bool { return r.seen.count(localcloud.OutcomesTopic) >= len(good) && r.seen.idle() })
	for _, o := range r.seen.outcomes(t, localcloud.OutcomesTopic) {
		if !good[o.EventID] {
			t.Errorf("an outcome of what was refused, or a second one: %s", o.raw)
		}
		delete(good, o.EventID)
	}
}

// installSigner puts the package beside the script that uses it, in a
// temporary folder.
func installSigner(t *testing.T) (script string) {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not on the PATH; install Node 18 or newer", program)
		}
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", "standardwebhooks@1")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install standardwebhooks@1, is the registry reachable? %v\n%s", err, out)
	}
	source, err := os.ReadFile(filepath.Join("testdata", "sign.js"))
	must(t, err)
	script = filepath.Join(dir, "sign.js")
	must(t, os.WriteFile(script, source, 0o600))
	return script
}

func signAndPost(t *testing.T, script, url string, cases []strangersCase) map[string]string {
	t.Helper()
	input, err := json.Marshal(map[string]any{"url": url, "cases": cases})
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", script)
	node.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	node.Stderr = &stderr
	out, err := node.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, stderr.String())
	}
	var answers map[string]string
	must(t, json.Unmarshal(out, &answers))
	return answers
}
