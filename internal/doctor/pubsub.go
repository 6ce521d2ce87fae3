package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

const (
	ackDeadlineSeconds = 600 // the private door works up to ten minutes on a task
	deadLetterDays     = 31  // Pub/Sub keeps no longer
	day                = 24 * time.Hour

	apply             = "terraform apply, or: "
	runbookDeadLetter = "docs/runbooks/dead-letters.md"
)

func (d *doctor) topicName(suffix string) string {
	return fmt.Sprintf("projects/%s/topics/%s", d.Project, d.id(suffix))
}

func (d *doctor) subscription(ctx context.Context, id string) (*pubsubpb.Subscription, error) {
	return d.PubSub.SubscriptionAdminClient.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{
		Subscription: fmt.Sprintf("projects/%s/subscriptions/%s", d.Project, id),
	})
}

func (d *doctor) topic(ctx context.Context, f *finding, suffix string) {
	topic, err := d.PubSub.TopicAdminClient.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: d.topicName(suffix)})
	if f.trouble(err, "topic "+d.id(suffix), "pubsub.topics.get (roles/pubsub.viewer)", apply+"gcloud pubsub topics create "+d.id(suffix)) {
		return
	}
	f.ok("exists%s", keeps(topic.GetMessageRetentionDuration().AsDuration()))
}

func keeps(retention time.Duration) string {
	if retention == 0 {
		return ""
	}
	return fmt.Sprintf(", keeps messages for %d days", int(retention/day))
}

// pushSubscription looks at one of the queue's two.
func (d *doctor) pushSubscription(ctx context.Context, f *finding, kind, name string) {
	sub, err := d.subscription(ctx, name)
	if f.trouble(err, "subscription "+name, "pubsub.subscriptions.get (roles/pubsub.viewer)", "terraform apply, or scripts/deploy-gcloud.sh: nothing works on the queue without it") {
		return
	}
	update := apply + "gcloud pubsub subscriptions update " + name
	d.alive(f, sub, name, "queue")
	if want := fmt.Sprintf("attributes.kind = %q", kind); strings.ReplaceAll(sub.GetFilter(), " ", "") != strings.ReplaceAll(want, " ", "") {
		f.fail("delete it and terraform apply, for a filter cannot be changed: gcloud pubsub subscriptions delete "+name, "its filter is %q, want %s", sub.GetFilter(), want)
	}
	push := sub.GetPushConfig()
	switch {
	case push.GetPushEndpoint() == "":
		f.fail(update+" --push-endpoint=https://…/tasks/process --push-auth-service-account="+d.PushAccount, "it does not push")
	case !strings.HasSuffix(push.GetPushEndpoint(), "/tasks/process"):
		f.fail(update+" --push-endpoint=https://…/tasks/process", "it pushes to %s, not to the private door's /tasks/process", push.GetPushEndpoint())
	}
	token := push.GetOidcToken()
	switch {
	case push.GetPushEndpoint() == "":
	case token == nil:
		f.fail(update+" --push-auth-service-account="+d.PushAccount+" --push-auth-token-audience=…", "it pushes without an OIDC token: the private door refuses that")
	case token.GetServiceAccountEmail() != d.PushAccount:
		f.fail(update+" --push-auth-service-account="+d.PushAccount+", and PUSH_SERVICE_ACCOUNT on the private door the same",
			"its token is of %s, not of %s", token.GetServiceAccountEmail(), d.PushAccount)
	}
	dead := sub.GetDeadLetterPolicy()
	switch {
	case dead.GetDeadLetterTopic() == "":
		f.fail(update+" --dead-letter-topic="+d.id("dead-letters")+" --max-delivery-attempts=30", "it has no dead-letter topic: what keeps failing is dropped when its retention ends")
	case dead.GetDeadLetterTopic() != d.topicName("dead-letters"):
		f.fail(update+" --dead-letter-topic="+d.id("dead-letters"), "its dead letters go to %s", dead.GetDeadLetterTopic())
	}
	if !never(sub) {
		f.warn(update+" --expiration-period=never", "Pub/Sub deletes it after a time without messages")
	}
	if sub.GetAckDeadlineSeconds() < ackDeadlineSeconds {
		f.warn(update+" --ack-deadline=600", "its acknowledgement deadline is %d s: what takes longer is pushed twice", sub.GetAckDeadlineSeconds())
	}
	if sub.GetRetryPolicy() == nil {
		f.warn(update+" --min-retry-delay=10s --max-retry-delay=600s", "it retries at once, without back-off")
	}
	f.ok("pushes %ss to %s as %s, gives up after %d attempts", kind, push.GetPushEndpoint(), d.PushAccount, dead.GetMaxDeliveryAttempts())
}

// alive looks at what any subscription needs.
func (d *doctor) alive(f *finding, sub *pubsubpb.Subscription, name, topic string) {
	switch {
	case sub.GetTopic() != d.topicName(topic): // also _deleted-topic_
		f.fail("delete it and terraform apply: gcloud pubsub subscriptions delete "+name, "it is attached to %s, not to %s", sub.GetTopic(), d.topicName(topic))
	case sub.GetDetached():
		f.fail("delete it and terraform apply: gcloud pubsub subscriptions delete "+name, "it is detached from its topic")
	case sub.GetState() == pubsubpb.Subscription_RESOURCE_ERROR:
		f.fail("see that what it delivers to exists and may be called", "Pub/Sub cannot deliver: RESOURCE_ERROR")
	}
}

// never says whether the subscription stays without messages, too. Unset means
// 31 days.
func never(sub *pubsubpb.Subscription) bool {
	policy := sub.GetExpirationPolicy()
	return policy != nil && policy.GetTtl().AsDuration() == 0
}

func (d *doctor) deadLetterSubscription(ctx context.Context, f *finding) {
	name := d.id("dead-letters")
	sub, err := d.subscription(ctx, name)
	if f.trouble(err, "subscription "+name, "pubsub.subscriptions.get (roles/pubsub.viewer)",
		apply+"gcloud pubsub subscriptions create "+name+" --topic="+name+" --expiration-period=never --message-retention-duration=31d; dead letters are lost until then") {
		return
	}
	update := apply + "gcloud pubsub subscriptions update " + name
	d.alive(f, sub, name, "dead-letters")
	if !never(sub) {
		f.fail(update+" --expiration-period=never", "Pub/Sub deletes it after a time without use, and the dead letters with it")
	}
	if sub.GetPushConfig().GetPushEndpoint() != "" {
		f.fail(update+" --push-endpoint=''", "it pushes; dead letters are to wait for people")
	}
	if sub.GetFilter() != "" {
		f.fail("delete it and terraform apply, for a filter cannot be changed: gcloud pubsub subscriptions delete "+name, "its filter drops dead letters")
	}
	if kept := sub.GetMessageRetentionDuration().AsDuration(); kept < deadLetterDays*day {
		f.warn(update+" --message-retention-duration=31d", "it keeps dead letters for %d days, not %d", int(kept/day), deadLetterDays)
	}
	f.ok("keeps dead letters for %d days and never expires", deadLetterDays)
}

// deadLetters takes one message and gives it back. Pub/Sub may answer nothing
// though there is something, so it asks more than once.
func (d *doctor) deadLetters(ctx context.Context, f *finding) {
	name := d.id("dead-letters")
	full := fmt.Sprintf("projects/%s/subscriptions/%s", d.Project, name)
	for range 3 {
		got, err := d.PubSub.SubscriptionAdminClient.Pull(ctx, &pubsubpb.PullRequest{
			Subscription: full, MaxMessages: 1,
			//lint:ignore SA1019 a wait would be most of what a look at a healthy deployment takes
			ReturnImmediately: true,
		})
		if f.trouble(err, "subscription "+name, "pubsub.subscriptions.consume (roles/pubsub.subscriber)", "see what the check of the subscription says") {
			return
		}
		for _, m := range got.GetReceivedMessages() {
			// Where that fails the lease ends by itself.
			_ = d.PubSub.SubscriptionAdminClient.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{Subscription: full, AckIds: []string{m.GetAckId()}})
			f.fail("find the cause and redrive them: "+runbookDeadLetter, "there are some; one is a task of kind %q, of %s",
				m.GetMessage().GetAttributes()["kind"], m.GetMessage().GetPublishTime().AsTime().UTC().Format(time.RFC3339))
			return
		}
	}
	f.ok("none")
}
