package push_test

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/gemini-webhook/internal/localcloud/push"
)

const project = "project"

// request is a delivery as the endpoint sees it.
type request struct {
	header http.Header
	body   string
	at     time.Time

	Message struct {
		Data        []byte
		Attributes  map[string]string
		MessageID   string `json:"messageId"`
		PublishTime string `json:"publishTime"`
	}
	Subscription    string
	DeliveryAttempt int
}

// endpoint records deliveries and answers with what answer says, 204 where nil.
type endpoint struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
}

func newEndpoint(t *testing.T, answer http.HandlerFunc) *endpoint {
	t.Helper()
	e := &endpoint{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		req := request{header: r.Header, body: string(body), at: time.Now()}
		if err != nil || json.Unmarshal(body, &req) != nil {
			t.Errorf("unreadable delivery %q: %v", body, err)
		}
		e.mu.Lock()
		e.requests = append(e.requests, req)
		e.mu.Unlock()
		if answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answer(w, r)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) got() []request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.requests)
}

// rig is a Pub/Sub server with clients of Google's, and what the driver said.
type rig struct {
	addr   string
	topics *pubsub.TopicAdminClient
	subs   *pubsub.SubscriptionAdminClient

	mu       sync.Mutex
	attempts []push.Attempt
}

func newRig(t *testing.T, addr string) *rig {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	topics, err := pubsub.NewTopicAdminClient(t.Context(), option.WithGRPCConn(conn))
	must(t, err)
	subs, err := pubsub.NewSubscriptionAdminClient(t.Context(), option.WithGRPCConn(conn))
	must(t, err)
	return &rig{addr: addr, topics: topics, subs: subs}
}

func newFake(t *testing.T) (*rig, *pstest.Server) {
	t.Helper()
	fake := pstest.NewServer()
	t.Cleanup(func() { fake.Close() })
	return newRig(t, fake.Addr), fake
}

// start runs a driver with one subscription until the test ends.
func (r *rig) start(t *testing.T, s push.Subscription, change ...func(*push.Config)) *push.Driver {
	t.Helper()
	cfg := push.Config{
		Endpoint: r.addr, Project: project, Subscriptions: []push.Subscription{s}, TimeScale: 0.01,
		Observe: func(a push.Attempt) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.attempts = append(r.attempts, a)
		},
		Report: func(err error) { t.Log(err) },
	}
	for _, f := range change {
		f(&cfg)
	}
	for i := range cfg.Subscriptions {
		s := &cfg.Subscriptions[i]
		s.Name, s.Topic = cmp.Or(s.Name, "work-push"), cmp.Or(s.Topic, "work")
		s.AckDeadline, s.MaxOutstanding = cmp.Or(s.AckDeadline, 10*time.Second), cmp.Or(s.MaxOutstanding, 100)
		s.MinBackoff, s.MaxBackoff = cmp.Or(s.MinBackoff, 100*time.Millisecond), cmp.Or(s.MaxBackoff, time.Minute)
	}
	d, err := push.Start(t.Context(), cfg)
	must(t, err)
	t.Cleanup(d.Stop)
	return d
}

func (r *rig) observed() []push.Attempt {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.attempts)
}

func (r *rig) publish(t *testing.T, topic string, messages ...*pubsubpb.PubsubMessage) []string {
	t.Helper()
	res, err := r.topics.Publish(t.Context(), &pubsubpb.PublishRequest{Topic: "projects/" + project + "/topics/" + topic, Messages: messages})
	must(t, err)
	return res.GetMessageIds()
}

// subscribe makes a pull subscription, to see what a topic gets.
func (r *rig) subscribe(t *testing.T, topic, name string) {
	t.Helper()
	_, _ = r.topics.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/" + project + "/topics/" + topic}) // may exist
	_, err := r.subs.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name: "projects/" + project + "/subscriptions/" + name, Topic: "projects/" + project + "/topics/" + topic,
		AckDeadlineSeconds: 10,
	})
	must(t, err)
}

// pull takes n messages or as many as come in time.
func (r *rig) pull(t *testing.T, name string, n int) []*pubsubpb.PubsubMessage {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	full := "projects/" + project + "/subscriptions/" + name
	var all []*pubsubpb.PubsubMessage
	for len(all) < n && ctx.Err() == nil {
		res, err := r.subs.Pull(ctx, &pubsubpb.PullRequest{Subscription: full, MaxMessages: int32(n)})
		must(t, err)
		for _, m := range res.GetReceivedMessages() {
			all = append(all, m.GetMessage())
			must(t, r.subs.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{Subscription: full, AckIds: []string{m.GetAckId()}}))
		}
	}
	return all
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(15 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("timed out waiting until %s", what)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
