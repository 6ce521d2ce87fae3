package consumertest

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/push"
)

const (
	audience = "https://consumer.example"
	account  = "consumer@" + localcloud.Project + ".iam.gserviceaccount.com"
	// poison is no outcome. What becomes of it is the program's to decide; the others must
	// get through.
	poison = `{"type":"batch.result","outcome_id":`
)

// Program is what is tried.
type Program struct {
	Command *exec.Cmd // its Env is added to
	// Durable: what it has kept outlives it, so it is killed and started anew before the
	// last line comes. What it counted of duplicates until then need not.
	Durable bool
}

// Push tries a program that takes wrapped pushes by POST at / on PORT. It gets
//
//	PORT                    where to listen, on 127.0.0.1 or everywhere
//	PUSH_AUDIENCE           the audience of the pushes' OIDC tokens
//	PUSH_SERVICE_ACCOUNT    the e-mail address in them
//	GOOGLE_CERTS_URL        the key set that stands in for https://www.googleapis.com/oauth2/v3/certs
//	STORE_DIR               an empty directory to keep things in
//
// Pushes with no token, or with one for another audience or of another account, must be
// answered with 401 or 403.
func (r *Rig) Push(t *testing.T, program Program) {
	t.Helper()
	topics := r.topics(t)
	program.Command.Env = append(environment(t, program), "PUSH_AUDIENCE="+audience, "PUSH_SERVICE_ACCOUNT="+account,
		"GOOGLE_CERTS_URL="+r.env["PUSH_JWKS_URL"])
	p := start(t, program.Command)
	r.forge(t, p.url())
	var subscriptions []push.Subscription
	for _, topic := range topics {
		subscriptions = append(subscriptions, push.Subscription{
			Name: topic, Topic: topic, PushEndpoint: p.url() + "/", ServiceAccount: account, Audience: audience,
			AckDeadline: 10 * time.Second, MinBackoff: 10 * time.Second, MaxBackoff: 600 * time.Second,
			MaxDeliveryAttempts: 5, DeadLetterTopic: topic + "-dead", MaxOutstanding: 10,
		})
	}
	driver, err := push.Start(t.Context(), push.Config{
		Endpoint: r.env["PUBSUB_EMULATOR_HOST"], Project: localcloud.Project, Subscriptions: subscriptions,
		Tokens: r.cloud.Tokens, TimeScale: 1.0 / timeScale, Report: func(error) {},
	})
	must(t, err)
	t.Cleanup(driver.Stop)
	r.deliver(t, p, topics, program.Durable)
}

// Pull tries a program that pulls. It gets
//
//	GOOGLE_CLOUD_PROJECT    the project of the subscriptions
//	SUBSCRIPTIONS           their ids, with commas between them
//	PUBSUB_EMULATOR_HOST    which Google's libraries read
//	STORE_DIR               an empty directory to keep things in
func (r *Rig) Pull(t *testing.T, program Program) {
	t.Helper()
	topics := r.topics(t)
	for _, topic := range topics {
		_, err := r.client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
			Name: "projects/" + localcloud.Project + "/subscriptions/" + topic, Topic: topicName(topic), AckDeadlineSeconds: 60,
		})
		must(t, err)
	}
	program.Command.Env = append(environment(t, program), "GOOGLE_CLOUD_PROJECT="+localcloud.Project,
		"SUBSCRIPTIONS="+strings.Join(topics, ","), "PUBSUB_EMULATOR_HOST="+r.env["PUBSUB_EMULATOR_HOST"])
	r.deliver(t, launch(t, program.Command), topics, program.Durable)
}

// environment is what every program gets: nothing of whoever runs the tests, but PATH.
func environment(t *testing.T, program Program) []string {
	t.Helper()
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "STORE_DIR=" + t.TempDir()}, program.Command.Env...)
}

// topics makes two topics for one program, for outcomes and for results.
func (r *Rig) topics(t *testing.T) []string {
	t.Helper()
	r.mu.Lock()
	r.programs++
	name := fmt.Sprintf("consumer-%d", r.programs)
	r.mu.Unlock()
	topics := []string{name + "-outcomes", name + "-results"}
	for _, topic := range topics {
		_, err := r.client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topicName(topic)})
		must(t, err)
	}
	return topics
}

func topicName(topic string) string {
	return "projects/" + localcloud.Project + "/topics/" + topic
}

// deliver publishes the batch, batch.completed first, and compares the program's report.
func (r *Rig) deliver(t *testing.T, p *process, topics []string, durable bool) {
	t.Helper()
	outcomes, results := topics[0], topics[1]
	last := len(r.Lines) - 1
	r.publish(t, results, Message{Data: []byte(poison)})
	r.acknowledged(t, r.publish(t, outcomes, r.Completed))
	twice := []Message{r.Completed}
	ids := r.publish(t, outcomes, r.Completed)
	for i, line := range r.Lines[:last] {
		ids = append(ids, r.publish(t, results, line)...)
		if i%10 == 0 {
			twice = append(twice, line)
			ids = append(ids, r.publish(t, results, line)...)
		}
	}
	r.acknowledged(t, ids)
	want := r.Want
	want.Duplicates = int64(len(twice))
	if len(p.reports) > 0 {
		t.Error("the program reported a batch of which a line is missing")
	}
	if durable {
		p.kill()
		p = p.again(t)
		want.Duplicates = 0
	}
	r.publish(t, results, r.Lines[last])
	select {
	case got := <-p.reports:
		// Pub/Sub may deliver more often than it is asked to.
		got.Duplicates = min(got.Duplicates, want.Duplicates)
		if got != want {
			t.Errorf("the program has %+v, published was %+v", got, want)
		}
	case <-p.exited:
		t.Error("the program ended before the batch was complete")
	case <-time.After(patience):
		t.Errorf("the program did not report the batch within %v of its last line", patience)
	}
	p.stop(t)
}

// publish publishes messages and returns their ids.
func (r *Rig) publish(t *testing.T, topic string, messages ...Message) (ids []string) {
	t.Helper()
	publisher := r.client.Publisher(topic)
	publisher.PublishSettings.CountThreshold = 1 // it does not wait for more
	defer publisher.Stop()
	for _, m := range messages {
		id, err := publisher.Publish(t.Context(), &pubsub.Message{Data: m.Data, Attributes: m.Attributes}).Get(t.Context())
		must(t, err)
		ids = append(ids, id)
	}
	return ids
}

// acknowledged waits until the program has acknowledged messages.
func (r *Rig) acknowledged(t *testing.T, ids []string) {
	t.Helper()
	wait(t, "the program acknowledges what it has kept", func() bool {
		for _, id := range ids {
			if r.cloud.PubSub.Message(id).Acks == 0 {
				return false
			}
		}
		return true
	})
}

// forge sends what Pub/Sub would not.
func (r *Rig) forge(t *testing.T, url string) {
	t.Helper()
	body, err := push.Wrap("forged", &pubsubpb.PubsubMessage{Data: r.Lines[0].Data, Attributes: r.Lines[0].Attributes, MessageId: "1"}, 0)
	must(t, err)
	for _, forged := range []struct{ what, audience, account string }{
		{"no token", "", ""},
		{"a token for another audience", "https://other.example", account},
		{"a token of another account", audience, "other@" + localcloud.Project + ".iam.gserviceaccount.com"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/", bytes.NewReader(body))
		must(t, err)
		if forged.audience != "" {
			token, err := r.cloud.Tokens.Mint(forged.audience, forged.account)
			must(t, err)
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		must(t, resp.Body.Close())
		if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
			t.Errorf("a push with %s was answered %d", forged.what, resp.StatusCode)
		}
	}
}
