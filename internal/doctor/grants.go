package doctor

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cloud.google.com/go/iam/apiv1/iampb"
)

// bindings is a resource's own policy. What is granted above it is not in it.
type bindings []*iampb.Binding

// has says whether the member has one of the roles. A custom role counts: what
// is in it is not looked up. So does a conditional grant.
func (b bindings) has(member string, roles ...string) bool {
	return slices.ContainsFunc(b, func(binding *iampb.Binding) bool {
		return slices.Contains(binding.GetMembers(), member) && (slices.Contains(roles, binding.GetRole()) || custom(binding.GetRole()))
	})
}

func custom(role string) bool { return !strings.HasPrefix(role, "roles/") }

// members are those who have one of the roles.
func (b bindings) members(roles ...string) []string {
	var all []string
	for _, binding := range b {
		if slices.Contains(roles, binding.GetRole()) {
			all = append(all, binding.GetMembers()...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func serviceAccount(email string) string { return "serviceAccount:" + email }

// onResource is added where a missing grant may be one on the project.
const onResource = " (grants on the project are not seen here; they give more than is needed)"

func (d *doctor) topicPolicy(ctx context.Context, f *finding, suffix string) (bindings, bool) {
	policy, err := d.PubSub.TopicAdminClient.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: d.topicName(suffix)})
	ok := !f.trouble(err, "topic "+d.id(suffix), "pubsub.topics.getIamPolicy (roles/iam.securityReviewer)", "see what the check of the topic says")
	return policy.GetBindings(), ok
}

// publishes are the roles that let publish.
var publishes = []string{"roles/pubsub.publisher", "roles/pubsub.editor", "roles/pubsub.admin"}

// outcomePublisher wants the private door to be able to publish what it makes.
func (d *doctor) outcomePublisher(ctx context.Context, f *finding) {
	tasks := serviceAccount(d.TasksAccount)
	for _, suffix := range []string{"outcomes", "results"} {
		policy, ok := d.topicPolicy(ctx, f, suffix)
		if ok && !policy.has(tasks, publishes...) {
			f.fail(apply+"gcloud pubsub topics add-iam-policy-binding "+d.id(suffix)+" --role=roles/pubsub.publisher --member="+tasks,
				"%s may not publish to topic %s%s", tasks, d.id(suffix), onResource)
		}
	}
	f.ok("%s", d.TasksAccount)
}

// queuePublishers wants the doors, what reconciles, and nobody else: what is on the
// queue is not verified again.
func (d *doctor) queuePublishers(ctx context.Context, f *finding) {
	policy, ok := d.topicPolicy(ctx, f, "queue")
	if !ok {
		return
	}
	change := func(verb, member string) string {
		return apply + "gcloud pubsub topics " + verb + "-iam-policy-binding " + d.id("queue") + " --role=roles/pubsub.publisher --member=" + member
	}
	ours, who := []string{serviceAccount(d.PublicAccount), serviceAccount(d.TasksAccount)}, "the two doors"
	if d.reconciles() {
		ours, who = append(ours, serviceAccount(d.ReconcileAccount)), "the two doors and the reconciliation"
	}
	for _, member := range ours {
		if !policy.has(member, publishes...) {
			f.fail(change("add", member), "%s may not publish to it%s", member, onResource)
		}
	}
	for _, member := range policy.members(publishes...) {
		if !slices.Contains(ours, member) {
			f.fail(change("remove", member), "%s may publish to it, and so have forged events processed", member)
		}
	}
	f.ok("%s alone, as far as the topic's own policy says", who)
}

var pubsubAgent = regexp.MustCompile(`^serviceAccount:service-[0-9]+@gcp-sa-pubsub\.iam\.gserviceaccount\.com$`)

// deadLetterGrants wants what Pub/Sub's service agent needs to move messages.
func (d *doctor) deadLetterGrants(ctx context.Context, f *finding) {
	number := d.projectNumber(ctx)
	agent := fmt.Sprintf("serviceAccount:service-%s@gcp-sa-pubsub.iam.gserviceaccount.com", number)
	if number == "" {
		agent = "serviceAccount:service-PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com"
	}
	granted := func(policy bindings, role string) bool {
		if number != "" {
			return policy.has(agent, role)
		}
		return slices.ContainsFunc(policy.members(role), pubsubAgent.MatchString)
	}
	policy, ok := d.topicPolicy(ctx, f, "dead-letters")
	if ok && !granted(policy, "roles/pubsub.publisher") {
		f.fail(apply+"gcloud pubsub topics add-iam-policy-binding "+d.id("dead-letters")+" --role=roles/pubsub.publisher --member="+agent,
			"Pub/Sub may not publish to topic %s: messages that keep failing stay in the queue until they are dropped%s", d.id("dead-letters"), onResource)
	}
	for _, name := range []string{d.id("queue-events"), d.id("queue-ranges")} {
		policy, err := d.PubSub.SubscriptionAdminClient.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{
			Resource: fmt.Sprintf("projects/%s/subscriptions/%s", d.Project, name),
		})
		if f.trouble(err, "subscription "+name, "pubsub.subscriptions.getIamPolicy (roles/iam.securityReviewer)", "see what the check of the subscription says") {
			continue
		}
		if !granted(policy.GetBindings(), "roles/pubsub.subscriber") {
			f.fail(apply+"gcloud pubsub subscriptions add-iam-policy-binding "+name+" --role=roles/pubsub.subscriber --member="+agent,
				"Pub/Sub may not take dead letters out of subscription %s%s", name, onResource)
		}
	}
	f.ok("Pub/Sub may move what keeps failing")
}
