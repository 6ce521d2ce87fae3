package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"example.com/gemini-webhook/handlers"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/jwks"
	localpubsub "example.com/gemini-webhook/internal/localcloud/pubsub"
	"example.com/gemini-webhook/internal/vectors"
	"example.com/gemini-webhook/verify"
)

// queueing keeps what the receiver queued.
type queueing struct {
	mu       sync.Mutex
	messages [][]byte
}

func (q *queueing) Enqueue(_ context.Context, _ string, messages ...[]byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages = append(q.messages, messages...)
	return nil
}

func (q *queueing) last(t *testing.T) *event.Event {
	t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.messages) == 0 {
		t.Fatal("nothing is queued")
	}
	e, err := event.Decode(q.messages[len(q.messages)-1])
	must(t, err)
	return e
}

// receiver is ours: its secret is the newer version, its token and its key set those
// of the environment.
func (r *deskRig) receiver() (*httptest.Server, *queueing) {
	r.Helper()
	secrets, err := verify.NewStaticSecrets(r.newer)
	must(r, err)
	tokens, err := verify.NewStaticTokens(r.token)
	must(r, err)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(r, err)
	address := "http://" + free.Addr().String()
	must(r, free.Close())
	r.Setenv("JWKS_URL", address+"/jwks.json")
	quiet, q := slog.New(slog.DiscardHandler), &queueing{}
	server := httptest.NewServer(handlers.NewReceiver(handlers.ReceiverConfig{
		Verifier: &verify.Verifier{
			Secrets: secrets, Tokens: tokens, Tolerance: 5 * time.Minute, Now: time.Now,
			Keys: jwks.New(jwks.Config{URL: address + "/jwks.json", StaleLimit: time.Hour, Now: time.Now, Log: quiet}),
		},
		Queue: q, ReplayTolerance: 5 * time.Minute, MaxBodyBytes: 1 << 20, Now: time.Now, Log: quiet,
	}))
	r.Cleanup(server.Close)
	return server, q
}

// TestTrigger: an event of every type is accepted as if Gemini had sent it, in every
// scheme.
func TestTrigger(t *testing.T) {
	r := newDesk(t)
	server, q := r.receiver()
	for _, name := range vectors.SampleTypes() {
		if !event.Known(name) {
			t.Errorf("%s is not in the catalogue", name)
		}
		out, _ := r.do(codeDone, "trigger", name, "--url="+server.URL, "--json")
		var got triggered
		must(t, json.Unmarshal([]byte(out), &got))
		queued := q.last(t)
		if got.Status != 200 || queued.Type != name || queued.ID != got.WebhookID || queued.ResourceID == "" || queued.Mode != "static" {
			t.Errorf("%s: %+v, queued %+v", name, got, queued)
		}
	}
	if n := len(vectors.SampleTypes()); n != 9 {
		t.Errorf("%d types", n)
	}
	for _, scheme := range []string{"v1a", "jwt"} {
		server, q = r.receiver()
		out, _ := r.do(codeDone, "trigger", "batch.succeeded", "--url="+server.URL, "--scheme="+scheme, "--set=data.id=batches/mine", "--set=user_metadata.n=1")
		queued := q.last(t)
		if !strings.Contains(out, "200 OK") || queued.Mode != "dynamic" || queued.ResourceID != "batches/mine" || string(queued.UserMetadata["n"].Raw()) != "1" {
			t.Errorf("%s: %s, queued %+v", scheme, out, queued)
		}
	}
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	must(t, err)
	t.Setenv("PORT", port)
	if out, _ := r.do(codeDone, "trigger", "batch.failed"); !strings.Contains(out, "webhook-id  msg_") {
		t.Errorf("at PORT: %s", out)
	}
	out, messages := r.do(codeFailed, "trigger", "batch.failed", "--secret-file="+r.file("old", r.older))
	if !strings.Contains(out, "signature_mismatch") || !strings.Contains(messages, "did not accept") {
		t.Errorf("another secret: %s%s", out, messages)
	}
}

// TestTriggerUsage: what cannot be sent is said before anything is.
func TestTriggerUsage(t *testing.T) {
	r := newDesk(t)
	for _, args := range []string{
		"batch.unknown", "batch.failed --scheme=v2", "batch.failed --set=x", "batch.failed --set==1", "batch.failed --set=type.x=1",
		"batch.failed --url=http://r.example", "batch.failed --scheme=jwt", "batch.failed --scheme=jwt --jwks-listen=0.0.0.0:1", "batch.failed --scheme=jwt --jwks-listen=127.0.0.1",
	} {
		r.do(codeUsage, append([]string{"trigger"}, strings.Fields(args)...)...)
	}
	server := httptest.NewServer(nil)
	server.Close()
	if _, messages := r.do(codeFailed, "trigger", "batch.failed", "--url="+server.URL); !strings.Contains(messages, "no answer") {
		t.Errorf("nobody listens: %s", messages)
	}
	if _, messages := r.do(codeFailed, "trigger", "batch.failed", "--signing-secrets=projects/p/secrets/none", "--url="+server.URL); !strings.Contains(messages, "projects/p/secrets/none") {
		t.Errorf("no such secret: %s", messages)
	}
}

// tried runs conformance.
func (r *deskRig) tried(want int, args ...string) map[string]trial {
	r.Helper()
	out, _ := r.do(want, append([]string{"conformance", "--json"}, args...)...)
	all := map[string]trial{}
	for line := range strings.Lines(out) {
		var got trial
		must(r, json.Unmarshal([]byte(line), &got))
		all[got.Name] = got
	}
	if len(all) != len(vectors.Cases()) {
		r.Errorf("%d cases of %d", len(all), len(vectors.Cases()))
	}
	return all
}

func of(all map[string]trial, result string) (names []string) {
	for name, got := range all {
		if got.Result == result {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TestConformance: our receiver gets all right that can be tried, to the code.
func TestConformance(t *testing.T) {
	r := newDesk(t)
	server, _ := r.receiver()
	all := r.tried(codeDone, server.URL+"/gemini", "--exact", "--strict")
	if wrong := append(of(all, "wrong"), of(all, "lenient")...); len(wrong) > 0 {
		t.Errorf("%v", wrong)
	}
	for _, name := range of(all, "untried") {
		if got := all[name]; got.Reason == "" || !strings.HasPrefix(name, "audience/") && !strings.HasPrefix(name, "plain/") && !strings.HasPrefix(name, "static/tolerance-") && name != "rotated/by-the-older" {
			t.Errorf("%+v", got)
		}
	}
	t.Setenv("JWKS_URL", "")
	out, messages := r.do(codeDone, "conformance", server.URL, "--secret-file="+r.file("secret", r.newer))
	if !strings.Contains(out, "right") || !strings.Contains(messages, " 0 wrong") {
		t.Errorf("as a table: %s%s", out, messages)
	}
}

// TestConformanceFinds: receivers that are wrong, each in its way.
func TestConformanceFinds(t *testing.T) {
	r := newDesk(t)
	t.Setenv("JWKS_URL", "")
	answering := func(status func(request *http.Request) int) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) { w.WriteHeader(status(request)) }))
		t.Cleanup(server.Close)
		return server.URL
	}
	all := r.tried(codeFailed, answering(func(*http.Request) int { return 200 }))
	if got := all["static/body-tampered"]; got.Result != "wrong" || got.Status != 200 {
		t.Errorf("who accepts everything: %+v", got)
	}
	if got := all["header/id-with-dot"]; got.Result != "lenient" {
		t.Errorf("level should: %+v", got)
	}
	if got := all["v1a/genuine"]; got.Result != "untried" || !strings.Contains(got.Reason, "--jwks-listen") {
		t.Errorf("without a key set: %+v", got)
	}
	if right := of(r.tried(codeFailed, answering(func(*http.Request) int { return 401 })), "right"); len(right) > 0 {
		t.Errorf("who refuses everything is right: %v", right)
	}
	if right := of(r.tried(codeFailed, answering(func(*http.Request) int { return 404 })), "right"); len(right) > 0 {
		t.Errorf("who is not there is right: %v", right)
	}
	rewriting := answering(func(request *http.Request) int {
		body, _ := io.ReadAll(request.Body)
		var event any
		_ = json.Unmarshal(body, &event)
		body, _ = json.Marshal(event)
		secrets, err := verify.NewStaticSecrets(r.newer)
		if err != nil {
			return 500
		}
		if _, err := verify.Delivery(request.Context(), body, request.Header, secrets, time.Now()); err != nil {
			return 401
		}
		return 204
	})
	if got := r.tried(codeFailed, rewriting); got["static/genuine"].Result != "right" || got["static/body-spaces"].Result != "wrong" {
		t.Errorf("who parses JSON first: %+v", got["static/body-spaces"])
	}
	plain := r.file("plain", "test-secret-that-is-no-base64!")
	if got := r.tried(codeFailed, answering(func(*http.Request) int { return 200 }), "--secret-file="+plain); got["secret/not-decoded"].Result != "untried" || got["plain/wrong"].Result != "wrong" {
		t.Errorf("a plain secret: %+v", got["secret/not-decoded"])
	}
}

// TestConformanceUsage: what there is nothing to try with.
func TestConformanceUsage(t *testing.T) {
	r := newDesk(t)
	t.Setenv("JWKS_URL", "")
	r.do(codeUsage, "conformance", "http://r.example")
	r.do(codeFailed, "conformance", "http://127.0.0.1:1", "--secret-file="+r.file("weak", "short"))
	t.Setenv("SIGNING_SECRETS", "")
	r.do(codeUsage, "conformance", "http://127.0.0.1:1")
}

// listenRig is a topic, and a client of it.
func listenRig(t *testing.T) (client *pubsub.Client, publish func(id, kind string)) {
	t.Helper()
	server, err := localpubsub.Start()
	must(t, err)
	t.Cleanup(func() { server.Close() })
	t.Setenv("PUBSUB_EMULATOR_HOST", server.Addr())
	t.Setenv("GOOGLE_CLOUD_PROJECT", "p")
	t.Setenv("OUTCOMES_TOPIC", "outcomes")
	t.Setenv("RESULTS_TOPIC", "results")
	client, err = pubsub.NewClient(t.Context(), "p")
	must(t, err)
	t.Cleanup(func() { client.Close() })
	for _, topic := range []string{"outcomes", "results"} {
		_, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/p/topics/" + topic})
		must(t, err)
	}
	return client, func(id, kind string) {
		topic := "outcomes"
		if kind == "batch.result" {
			topic = "results"
		}
		publisher := client.Publisher(topic)
		defer publisher.Stop()
		_, err := publisher.Publish(t.Context(), &pubsub.Message{
			Data: []byte(`{"outcome_id":"` + id + `"}`), Attributes: map[string]string{"outcome_id": id, "type": kind, "resource_id": "batches/1"},
		}).Get(t.Context())
		must(t, err)
	}
}

func subscribed(t *testing.T, client *pubsub.Client) (names []string) {
	t.Helper()
	for s, err := range client.SubscriptionAdminClient.ListSubscriptions(context.WithoutCancel(t.Context()), &pubsubpb.ListSubscriptionsRequest{Project: "projects/p"}).All() {
		must(t, err)
		names = append(names, s.GetName())
	}
	return names
}

// notify is a stream of messages that says when a text has come.
type notify struct {
	bytes.Buffer
	mu   sync.Mutex
	text string
	seen chan struct{}
}

func (n *notify) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	had := strings.Contains(n.String(), n.text)
	count, err := n.Buffer.Write(p)
	if !had && strings.Contains(n.String(), n.text) {
		close(n.seen)
	}
	return count, err
}

// desktop is a receiver of this machine that verifies what is forwarded, and refuses
// the first.
type desktop struct {
	mu   sync.Mutex
	file string
	ids  []string
	bad  []error
	fail int
}

func (l *desktop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	key, err := readSecretFile(l.file)
	if err == nil {
		var secrets verify.StaticSecrets
		if secrets, err = verify.NewStaticSecrets(string(key.Reveal())); err == nil {
			_, err = verify.Delivery(r.Context(), body, r.Header, secrets, time.Now())
		}
	}
	l.bad = append(l.bad, err)
	if l.fail > 0 {
		l.fail--
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if string(body) != fmt.Sprintf(`{"outcome_id":"%s"}`, r.Header.Get("webhook-id")) {
		l.bad = append(l.bad, fmt.Errorf("%s", body))
	}
	l.ids = append(l.ids, r.Header.Get("webhook-id"))
}

// TestListen: outcomes of both topics are forwarded, signed, again where they are
// refused; the subscriptions are gone at the end.
func TestListen(t *testing.T) {
	client, publish := listenRig(t)
	to := &desktop{file: t.TempDir() + "/secret", fail: 1}
	server := httptest.NewServer(to)
	defer server.Close()
	messages := &notify{text: "forwarding", seen: make(chan struct{})}
	var out bytes.Buffer
	ended := make(chan int)
	go func() {
		ended <- run(t.Context(), []string{"listen", "--forward=" + server.URL + "/hook", "--secret-file=" + to.file, "--limit=3", "--json"}, streams{out: &out, messages: messages})
	}()
	<-messages.seen
	if n := len(subscribed(t, client)); n != 2 {
		t.Errorf("%d subscriptions, want one for each topic", n)
	}
	publish("o1", "batch.completed")
	publish("o2", "batch.result")
	publish("o3", "video.generated")
	if code := <-ended; code != codeDone {
		t.Errorf("code %d: %s%s", code, &out, messages)
	}
	slices.Sort(to.ids)
	if got := strings.Join(slices.Compact(to.ids), " "); got != "o1 o2 o3" {
		t.Errorf("forwarded %s", got)
	}
	for _, bad := range to.bad {
		if bad != nil {
			t.Error(bad)
		}
	}
	if left := subscribed(t, client); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if got := strings.Count(out.String(), `"status":200`); got != 3 || !strings.Contains(out.String(), `"status":500`) {
		t.Errorf("printed %s", &out)
	}
	key, err := readSecretFile(to.file)
	must(t, err)
	if strings.Contains(out.String()+messages.String(), string(key.Reveal())) {
		t.Error("the secret is printed")
	}
}

// TestListenInterrupted: an interrupt leaves no subscription behind; an existing one
// is read and stays.
func TestListenInterrupted(t *testing.T) {
	client, publish := listenRig(t)
	to := &desktop{file: t.TempDir() + "/secret"}
	server := httptest.NewServer(to)
	defer server.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	messages := &notify{text: "forwarding", seen: make(chan struct{})}
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"listen", "--forward=" + server.URL, "--secret-file=" + to.file, "--types=batch.completed"}, streams{out: io.Discard, messages: messages})
	}()
	<-messages.seen
	interrupt()
	if code := <-ended; code != codeDone {
		t.Errorf("interrupted: code %d: %s", code, messages)
	}
	if left := subscribed(t, client); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	_, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{Name: "projects/p/subscriptions/mine", Topic: "projects/p/topics/outcomes", AckDeadlineSeconds: 10})
	must(t, err)
	publish("o1", "batch.completed")
	out, _, code := webhookctl(t, "listen", "--forward="+server.URL, "--secret-file="+to.file, "--subscription=mine", "--limit=1")
	if code != codeDone || !strings.Contains(out, "batch.completed batches/1 o1: 200") || len(subscribed(t, client)) != 1 {
		t.Errorf("an existing one: code %d, %s", code, out)
	}
}

// TestListenUsage: what cannot be forwarded.
func TestListenUsage(t *testing.T) {
	client, _ := listenRig(t)
	file := "--secret-file=" + t.TempDir() + "/secret"
	for _, args := range [][]string{
		{"--forward=http://r.example", file},
		{"--forward=http://127.0.0.1:1"},
		{"--forward=http://127.0.0.1:1", file, "--types=\""},
		{"--forward=http://127.0.0.1:1", file, "--types=x", "--subscription=mine"},
		{"--forward=http://127.0.0.1:1", "--secret-file=/nowhere/secret"},
	} {
		if _, messages, code := webhookctl(t, append([]string{"listen"}, args...)...); code != codeUsage {
			t.Errorf("%v: code %d, %s", args, code, messages)
		}
	}
	t.Setenv("RESULTS_TOPIC", "absent")
	if _, messages, code := webhookctl(t, "listen", "--forward=http://127.0.0.1:1", file); code != codeFailed || !strings.Contains(messages, "absent") || len(subscribed(t, client)) > 0 {
		t.Errorf("a topic that is not there: code %d, %s", code, messages)
	}
}

// TestExamples: what the help of these commands shows works as it is typed.
func TestExamples(t *testing.T) {
	r := newDesk(t)
	server, _ := r.receiver()
	t.Chdir(r.dir)
	r.file("secret.txt", r.newer)
	for _, v := range vectors.Published().Vectors {
		if v.Name == "static/genuine" {
			r.file("request.txt", captured(t, v.Request))
		}
	}
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	must(t, err)
	t.Setenv("PORT", port)
	t.Setenv("JWKS_URL", "")
	_, publish := listenRig(t)
	found := 0
	for _, help := range []string{verification{}.Help(), trigger{}.Help(), conformance{}.Help(), listen{}.Help()} {
		for line := range strings.Lines(help) {
			command, ok := strings.CutPrefix(strings.TrimSpace(line), "go run ./cmd/webhookctl ")
			if !ok {
				continue
			}
			found++
			messages := &notify{text: "forwarding", seen: make(chan struct{})}
			go func() {
				select {
				case <-messages.seen:
					publish("o1", "batch.completed")
				case <-t.Context().Done():
				}
			}()
			args := strings.Fields(strings.ReplaceAll(command, "127.0.0.1:8080", server.Listener.Addr().String()))
			var out bytes.Buffer
			if code := run(t.Context(), args, streams{out: &out, messages: messages}); code != codeDone {
				t.Errorf("%s: code %d\n%s%s", command, code, &out, messages)
			}
		}
	}
	if found != 4 {
		t.Errorf("%d examples", found)
	}
}
