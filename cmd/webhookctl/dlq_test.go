package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	localpubsub "example.com/gemini-webhook/internal/localcloud/pubsub"
)

// graveyard is the embedded cloud with a private door that fails whatever it is pushed
// until it is repaired, and then acknowledges it.
type graveyard struct {
	*testing.T
	*localcloud.Cloud
	topics   *pubsub.Client
	repaired atomic.Bool
}

func newGraveyard(t *testing.T) *graveyard {
	t.Helper()
	cloud, err := localcloud.Start(t.Context(), localcloud.Options{MaxDeliveryAttempts: 5, TimeScale: 100_000})
	must(t, err)
	t.Cleanup(func() { must(t, cloud.Close()) })
	for _, variable := range cloud.Env() {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	g := &graveyard{T: t, Cloud: cloud}
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !g.repaired.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(door.Close)
	must(t, cloud.Push(t.Context(), door.URL, nil))
	g.topics, err = pubsub.NewClient(t.Context(), localcloud.Project)
	must(t, err)
	t.Cleanup(func() { g.topics.Close() })
	return g
}

func (g *graveyard) publish(topic, kind string, data []byte) {
	g.Helper()
	_, err := g.topics.TopicAdminClient.Publish(g.Context(), &pubsubpb.PublishRequest{
		Topic:    "projects/" + localcloud.Project + "/topics/" + topic,
		Messages: []*pubsubpb.PubsubMessage{{Data: data, Attributes: map[string]string{"kind": kind}}},
	})
	must(g, err)
}

func eventOf(id string) []byte {
	body := fmt.Sprintf(`{"type":"batch.succeeded","data":{"id":"batches/%s"}}`, id)
	return event.Encode(event.Delivery{ID: "msg_" + id, ReceivedAt: time.Unix(1_800_000_000, 0), Mode: "static"}, []byte(body))
}

// keyOf is the key of an event's message.
func (g *graveyard) keyOf(data []byte) string {
	g.Helper()
	e, err := event.Decode(data)
	must(g, err)
	return e.Key
}

// letter is a line of dlq list --json.
type letter struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Class    string `json:"class"`
	Resource string `json:"resource_id"`
	Key      string `json:"event_key"`
	Attempts int    `json:"attempts"`
	Result   string `json:"result"`
}

func (g *graveyard) lines(out string) (all []letter) {
	g.Helper()
	for line := range strings.Lines(out) {
		var l letter
		must(g, json.Unmarshal([]byte(line), &l))
		all = append(all, l)
	}
	return all
}

func (g *graveyard) list() []letter {
	g.Helper()
	out, messages, code := webhookctl(g.T, "dlq", "list", "--json")
	if code != codeDone {
		g.Fatalf("dlq list: code %d, %s", code, messages)
	}
	return g.lines(out)
}

// fill has four messages in the dead letters, by way of pushes that failed: an event
// that was reported, one that was not, a range without its plan, and a foreign one.
func (g *graveyard) fill() {
	g.Helper()
	g.publish(localcloud.QueueTopic, event.Kind, eventOf("1"))
	g.publish(localcloud.QueueTopic, event.Kind, eventOf("2"))
	g.publish(localcloud.QueueTopic, batch.KindRange, batch.Range{Key: "abc", Plan: "def", Interval: batch.Interval{End: 1}}.Encode())
	g.publish(localcloud.QueueTopic, event.Kind, []byte("not ours"))
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if n := len(g.PubSub.Messages("projects/" + localcloud.Project + "/topics/" + localcloud.DeadLetterTopic)); n == 4 {
			break
		}
		if time.Now().After(end) {
			g.Fatal("no dead letters")
		}
	}
	g.repaired.Store(true)
	g.Storage.Put(localcloud.StateBucket, "v1/"+g.keyOf(eventOf("1"))+"/flag/incomplete-0", nil, gcs.Attrs{Metadata: map[string]string{
		"reported-at": time.Now().Add(time.Hour).Format(time.RFC3339Nano), "error-code": "not_found", "error-message": "stat gs://x: not found",
	}})
}

// queued is how many messages of the queue have this data.
func (g *graveyard) queued(data []byte) (n int) {
	for _, m := range g.PubSub.Messages("projects/" + localcloud.Project + "/topics/" + localcloud.QueueTopic) {
		if string(m.Data) == string(data) {
			n++
		}
	}
	return n
}

// TestDLQ: what the commands print and do.
func TestDLQ(t *testing.T) {
	g := newGraveyard(t)
	g.fill()
	all := g.list()
	id := map[string]string{} // by class
	for _, l := range all {
		id[l.Class] = l.ID
		if l.Attempts != 5 {
			t.Errorf("%d attempts: %+v", l.Attempts, l)
		}
	}
	if len(all) != 4 || id["not_found"] == "" || id["unknown"] == "" || id["plan_lost"] == "" || id["foreign"] == "" {
		t.Fatalf("listed: %+v", all)
	}
	table, messages, code := webhookctl(t, "dlq", "list")
	if code != codeDone || !strings.Contains(table, "batches/1") || !strings.Contains(table, "plan_lost") || messages != "4 messages\n" {
		t.Errorf("dlq list: code %d, %s%s", code, table, messages)
	}
	for _, c := range []struct {
		args string
		code int
		out  string // a part of what is printed for scripts
		says string // and for people
	}{
		{"show " + id["not_found"], codeDone, "not_found: stat gs://x: not found", ""},
		{"show --json " + id["plan_lost"], codeDone, `"kind":"range"`, ""},
		{"show none", codeFailed, "", "not in the dead letters"},
		{"show", codeUsage, "", "<id>"},
		{"list --queue-topic=other", codeUsage, "", "give --subscription"},
		{"list --queue-topic=other-queue", codeFailed, "", "there is no subscription other-dead-letters"},
		{"redrive", codeUsage, "", "give one of --all, --class and ids"},
		{"redrive --all x", codeUsage, "", "give one of"},
		{"redrive --class=nothing", codeUsage, "", "there is no class"},
		{"redrive --class=foreign", codeUsage, "", "--force"},
		{"redrive --class=denied --state-bucket=", codeUsage, "", "give --state-bucket"},
		{"redrive --force --all", codeUsage, "", "--force wants the ids"},
		{"redrive " + id["foreign"], codeFailed, "redriven: 0 messages", "--force redrives"},
		{"redrive none", codeFailed, "redriven: 0 messages", "not in the dead letters"},
		{"drop " + id["foreign"], codeUsage, "", "give --yes"},
		{"redrive --json --class=not_found", codeDone, `"result":"redriven","id":"` + id["not_found"], "redriven: 1 message"},
		{"drop --yes none " + id["foreign"], codeFailed, "dropped " + id["foreign"], "not in the dead letters, or pulled by somebody else: none"},
		{"drop --yes --json " + id["plan_lost"], codeDone, `"result":"dropped"`, ""},
		{"redrive --all", codeDone, "redriven: 1 message", ""},
		{"redrive --all", codeDone, "redriven: 0 messages", ""},
	} {
		before := len(g.PubSub.Messages("projects/" + localcloud.Project + "/topics/" + localcloud.QueueTopic))
		out, messages, code := webhookctl(t, append([]string{"dlq"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(messages, c.says) {
			t.Errorf("dlq %s: code %d, %q, %q; want %d, %q, %q", c.args, code, out, messages, c.code, c.out, c.says)
		}
		if after := len(g.PubSub.Messages("projects/" + localcloud.Project + "/topics/" + localcloud.QueueTopic)); after > before && !strings.HasPrefix(c.args, "redrive") {
			t.Errorf("dlq %s queues something", c.args)
		}
	}
	for _, n := range []string{"1", "2"} {
		if got := g.queued(eventOf(n)); got == 0 {
			t.Errorf("event %s is not in the queue", n)
		}
	}
}

// TestDLQAsks: drop asks on a terminal; progress is one line there, and lines else.
func TestDLQAsks(t *testing.T) {
	g := newGraveyard(t)
	g.fill()
	id := g.list()[0].ID
	for _, c := range []struct {
		answer string
		code   int
	}{{"n\n", codeFailed}, {"y\n", codeDone}, {"y\n", codeFailed}} {
		_, messages, code := answered(t, t.Context(), &c.answer, "dlq", "drop", id)
		if code != c.code || !strings.Contains(messages, "Drop 1 message for good? [y/N]") {
			t.Errorf("%q: code %d, %q", c.answer, code, messages)
		}
	}
	for live, want := range map[bool]string{true: "\rredriven 1 of 2\rredriven 2 of 2\n", false: "redriven 1000 of 2000\n"} {
		var messages strings.Builder
		p := progress{s: streams{out: &strings.Builder{}, messages: &messages, live: live}, of: 2}
		if !live {
			p.of = 2000
		}
		for range p.of {
			p.step()
		}
		p.end(false)
		if messages.String() != want {
			t.Errorf("terminal %t: %q", live, messages.String())
		}
	}
}

// TestDLQRoles: what is denied names the role, and an interrupt the next step.
func TestDLQRoles(t *testing.T) {
	g := newGraveyard(t)
	g.fill()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, messages, code := answered(t, ctx, nil, "dlq", "list"); code != codeFailed || !strings.Contains(messages, "not complete: interrupted") || !strings.Contains(messages, "run it again") {
		t.Errorf("interrupted: code %d, %q", code, messages)
	}
	g.PubSub.SetHook(localpubsub.Hook{Before: func(localpubsub.Publish) error { return status.Error(codes.PermissionDenied, "injected") }})
	if _, messages, code := webhookctl(t, "dlq", "redrive", "--all"); code != codeFailed || !strings.Contains(messages, "roles/pubsub.publisher on the topic gemini-queue") || !strings.Contains(messages, "run it again to go on") {
		t.Errorf("no publisher: code %d, %q", code, messages)
	}
	g.PubSub.SetHook(localpubsub.Hook{})
	g.Storage.Fail(func(gcs.Op) *gcs.Fault { return &gcs.Fault{Status: http.StatusForbidden} })
	out, messages, code := webhookctl(t, "dlq", "list")
	if code != codeFailed || !strings.Contains(messages, "roles/storage.objectViewer on the bucket "+localcloud.StateBucket) || strings.Count(out, "unknown") != 3 {
		t.Errorf("no viewer: code %d, %q, %q", code, out, messages)
	}
	if _, messages, code := webhookctl(t, "dlq", "list", "--state-bucket="); code != codeDone {
		t.Errorf("without a state bucket: code %d, %q", code, messages)
	}
	g.Storage.Fail(nil)
	if n := len(g.list()); n != 4 {
		t.Errorf("%d are left of 4", n)
	}
}

// TestRunbook runs the commands of docs/runbooks/dead-letters.md as they stand there,
// each on dead letters of which it does something.
func TestRunbook(t *testing.T) {
	runbook, err := os.ReadFile("../../docs/runbooks/dead-letters.md")
	must(t, err)
	_, section, _ := strings.Cut(string(runbook), "\n## 2. Redrive\n")
	_, script, _ := strings.Cut(section, "```sh\n")
	script, _, _ = strings.Cut(script, "```")
	var commands []string
	g := newGraveyard(t)
	for line := range strings.Lines(script) {
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "export "), "="); ok && strings.HasPrefix(line, "export ") && os.Getenv(name) == "" {
			t.Errorf("%s is no variable of the receiver", name)
		}
		if command, ok := strings.CutPrefix(line, "go run ./cmd/webhookctl "); ok {
			commands = append(commands, command)
		}
	}
	if len(commands) < 6 {
		t.Fatalf("commands: %q", commands)
	}
	g.fill()
	yes := "y\n"
	for _, command := range commands {
		args := strings.Fields(command)
		left := slices.DeleteFunc(g.list(), func(l letter) bool { return l.Class == "foreign" })
		if strings.Contains(command, "drop") {
			left = g.list()
		}
		if n := slices.Index(args, "ID"); n >= 0 {
			args[n] = left[0].ID
		}
		out, messages, code := answered(t, t.Context(), &yes, args...)
		if code != codeDone || out == "" || strings.Contains(out, "redriven: 0") {
			t.Errorf("%s: code %d, %q, %q", command, code, out, messages)
		}
	}
}
