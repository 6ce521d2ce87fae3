package e2e

import (
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
	"example.com/gemini-webhook/internal/webhookadmin"
	"example.com/gemini-webhook/verify/verifytest"
)

var update = flag.Bool("update", false, "write testdata/lines.jsonl anew")

// linesFile has the lines that metrics are made of, as the receiver writes them in each
// condition. internal/buildtest evaluates the metrics' filters over them.
const linesFile = "testdata/lines.jsonl"

// fixed are members whose values differ from run to run, and what stands for them.
var fixed = map[string]any{
	"time": "2026-11-30T12:00:00Z", "duration_ms": 12, "age_s": 1.5, "event_key": "KEY", "message_id": "1", "attempt": 1,
	"event_id": "msg_1", "webhook": "WEBHOOK", "error": "ERROR", "errors": nil, "started": "2026-11-30T12:00:00Z", "ended": "2026-11-30T12:00:01Z",
	"versions": nil, "disabled": nil, "bytes": 100, "note": nil, "looked_at": nil, "canary_seconds": 1.5, "asked": "2026-11-30T12:00:00Z", "reason": "REASON",
}

// sometimes are messages of lines that come or not, as things happen to meet.
var sometimes = []string{"task waits; Pub/Sub delivers it again", "key set can", "secret can"}

// recorded gives the lines of a function's log, each once, with fixed values.
func recorded(t *testing.T, function, log string) (lines []string) {
	t.Helper()
	for line := range strings.Lines(log) {
		var members map[string]any
		if err := json.Unmarshal([]byte(line), &members); err != nil { // the framework's
			members = map[string]any{"message": strings.TrimSpace(line)}
		}
		message, _ := members["message"].(string)
		if slices.ContainsFunc(sometimes, func(prefix string) bool { return strings.HasPrefix(message, prefix) }) {
			continue
		}
		for name := range members {
			if value, ok := fixed[name]; ok {
				members[name] = value
			}
			if strings.HasPrefix(name, "logging.googleapis.com/") {
				delete(members, name)
			}
		}
		text, err := json.Marshal(map[string]any{"function": function, "line": members})
		must(t, err)
		lines = append(lines, string(text))
	}
	return lines
}

// TestLinesOfMetrics: in each condition that metrics tell apart, the receiver writes the
// lines that are committed, and no others.
func TestLinesOfMetrics(t *testing.T) {
	t.Parallel()
	l := &lined{rig: newRig(t, options{
		cloud: localcloud.Options{MaxDeliveryAttempts: 5, Gemini: gemini.Options{
			RetryBase: 24 * time.Hour, RetryMax: 24 * time.Hour, // one attempt each
			BatchDuration: 24 * time.Hour,
		}},
		env: []string{"DOORS=tasks"},
	})}
	env := append(slices.DeleteFunc(slices.Clone(l.cloud.Env()), func(v string) bool { return strings.HasPrefix(v, "PUSH_") }), "DOORS=public", "SIGNING_SECRET_OVERLAP=48h")
	l.public = start(t, env...)
	l.deliveries()
	ending := start(t, append(env, "SIGNING_SECRET_OVERLAP=1h")...)
	l.send(ending, "msg_ending", l.old)
	l.outcomes()
	l.reconciliations()
	rotator := l.rotations()

	for _, c := range []*child{l.public, ending, l.child, l.reconciler, rotator} { // what they wrote is read when they have ended
		c.terminate(t)
		c.exitCode(t)
	}
	var lines []string
	for _, part := range []struct{ function, log string }{
		{"public", l.public.logs.String() + ending.logs.String()}, {"tasks", l.child.logs.String()},
		{"reconcile", l.reconciler.logs.String()}, {"rotate", rotator.logs.String()},
	} {
		lines = append(lines, recorded(t, part.function, part.log)...)
	}
	slices.Sort(lines)
	got := strings.Join(slices.Compact(lines), "\n") + "\n"
	if *update {
		must(t, os.WriteFile(linesFile, []byte(got), 0o644))
	}
	want, err := os.ReadFile(linesFile)
	must(t, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("other lines are written than the metrics are tested with; look at terraform/monitoring/metrics, then run this test with -update (-want +got):\n%s", diff)
	}
}

// lined is a rig whose doors are apart, and what its conditions need.
type lined struct {
	*rig
	public     *child
	old        string // the signing secret before the newest
	reconciler *child
}

// send posts a delivery that a secret signed to a public door, with changes.
func (l *lined) send(door *child, id, secret string, changes ...func(http.Header)) answer {
	l.t.Helper()
	body := interaction("1")
	header := verifytest.Static(secret, id, time.Now(), []byte(body))
	for _, change := range changes {
		change(header)
	}
	return send(l.t, http.MethodPost, door.url()+hookPath, header, body)
}

// deliveries are one of each verdict and version.
func (l *lined) deliveries() {
	l.old = l.secret
	next, err := l.operator.Rotate(l.t.Context(), webhookadmin.After24h)
	must(l.t, err)
	token, err := l.operator.CreateToken(l.t.Context())
	must(l.t, err)

	l.send(l.public, "msg_newest", next)
	l.send(l.public, "msg_newest", next) // queued before
	l.send(l.public, "msg_older", l.old)
	l.send(l.public, "msg_forged", another)
	l.send(l.public, "msg_no_signature", next, func(h http.Header) { h.Del("webhook-signature") })
	l.send(l.public, "msg_late", another, func(h http.Header) { h.Set("webhook-timestamp", "1700000000") })
	stale := verifytest.Static(next, "msg_stale", time.Now().Add(-time.Hour), []byte(interaction("1")))
	send(l.t, http.MethodPost, l.public.url()+hookPath, stale, interaction("1"))
	for _, scheme := range []gemini.Scheme{gemini.SchemeEd25519, gemini.SchemeRS256} {
		l.toAddress("/dynamic/"+token, scheme)
	}
	l.toAddress("/dynamic/"+strings.Repeat("x", 40), gemini.SchemeEd25519)

	l.wait("the queue", l.seen.idle)
	l.cloud.PubSub.SetHook(pubsub.Hook{Before: func(pubsub.Publish) error { return errors.New("down") }})
	l.send(l.public, "msg_not_queued", next)
	l.cloud.PubSub.SetHook(pubsub.Hook{})
}

// toAddress has Gemini deliver to a path of the public door.
func (l *lined) toAddress(path string, scheme gemini.Scheme) {
	l.t.Helper()
	id, err := l.cloud.Gemini.EmitTo(l.public.url()+path, "interaction.completed", map[string]any{"id": scheme}, gemini.EmitOptions{Scheme: scheme})
	must(l.t, err)
	l.wait("the delivery", func() bool {
		return slices.ContainsFunc(l.cloud.Gemini.Deliveries(), func(d gemini.Delivery) bool { return d.ID == id && d.Status != 0 })
	})
}

// outcomes are those of batches and of another event, and a push of a stranger.
func (l *lined) outcomes() {
	l.put(jsonl(3) + `{"key":"f","error":{"code":8,"message":"no quota"}}` + "\nno JSON\n")
	for id, pointer := range map[string]string{"batches/1": objectURI, "batches/2": "gs://elsewhere/o", "batches/3": "gs://" + localcloud.ResultBucket + "/none"} {
		l.event("batch.succeeded", map[string]any{"id": id, "output_file_uri": pointer})
	}
	l.event("batch.failed", map[string]any{"id": "batches/4", "error_code": "13", "error_message": "internal"})
	send(l.t, http.MethodPost, l.url()+"/tasks/process", bearer("x.y.z"), "{}")
	l.wait("all outcomes", func() bool {
		return l.seen.has("batch.completed") && l.seen.has("batch.unreadable") && l.seen.has("batch.failed") &&
			l.seen.has("interaction.completed") && l.seen.count(localcloud.DeadLetterTopic) > 0 && l.seen.idle()
	})
}

// event sends an event of a type to the public door.
func (l *lined) event(kind string, data map[string]any) {
	l.t.Helper()
	body, err := json.Marshal(map[string]any{"type": kind, "version": "v1", "timestamp": "2026-01-22T12:00:00Z", "data": data})
	must(l.t, err)
	id := "msg_" + strings.ReplaceAll(data["id"].(string), "/", "_")
	if a := send(l.t, http.MethodPost, l.public.url()+hookPath, verifytest.Static(l.old, id, time.Now(), body), string(body)); a.status != http.StatusOK {
		l.t.Fatalf("%s: %v", id, a)
	}
}

// reconciliations are one that finds nothing and cannot enable the webhook, one that can
// and finds jobs, and one in an outage.
func (l *lined) reconciliations() {
	_, err := l.operator.RunInline(l.t.Context(), "running", 1)
	must(l.t, err)
	must(l.t, l.cloud.Gemini.Disable(l.webhook))
	l.record("pings", time.Now().Add(-time.Hour)) // it did not arrive
	l.reconciler = l.startReconciler("VERTEX_LOCATIONS=", "CANARY_WEBHOOK=e2e")
	target := l.child.addr
	l.front.set("")
	l.reconcile()
	l.front.set(target)
	l.record("arrivals", time.Now())
	l.reconcile()
	l.reconcile()
	status := notify(l.t, l.reconciler, message("", "", time.Now()))
	if status/100 != 2 {
		l.t.Errorf("a reconciliation: %d", status)
	}
}

// record has the state say when a ping was asked for, or arrived.
func (l *lined) record(what string, at time.Time) {
	name := "v1/canary/" + what + at.UTC().Format("/2006-01-02T15:04:05.000000000Z")
	l.cloud.Storage.Put(localcloud.StateBucket, name, nil, gcs.Attrs{})
}

// rotations are one of each action.
func (l *lined) rotations() *child {
	rotator := l.startRotator()
	rotate := func(published time.Time) {
		notify(l.t, rotator, message("SECRET_ROTATE", localcloud.SigningSecret, published))
	}
	notify(l.t, rotator, message("SECRET_VERSION_ADD", localcloud.SigningSecret, time.Now()))
	rotate(time.Now().Add(-time.Hour)) // there is a newer key
	l.wait("too many keys", func() bool {
		rotate(time.Now())
		return strings.Contains(rotator.logs.String(), `"action":"limited"`)
	})
	must(l.t, l.cloud.Gemini.Close())
	notify(l.t, l.reconciler, message("", "", time.Now()))
	must(l.t, l.cloud.Secrets.Close())
	rotate(time.Now())
	return rotator
}
