package main

import (
	"slices"
	"strings"
	"testing"
)

// linked is a state in which a topic, a bucket and an account have a grant, and
// a subscription is on the topic.
const linked = `{"values": {"root_module": {"resources": [
{"address": "topic", "mode": "managed", "type": "google_pubsub_topic", "values": {"id": "projects/p/topics/gemini-webhook-queue", "name": "gemini-webhook-queue"}},
{"address": "bucket", "mode": "managed", "type": "google_storage_bucket", "values": {"id": "p-gemini-webhook-state"}},
{"address": "account", "mode": "managed", "type": "google_service_account", "values": {"id": "projects/p/serviceAccounts/gemini-webhook-tasks@p.iam", "email": "gemini-webhook-tasks@p.iam"}},
{"address": "publishes", "mode": "managed", "type": "google_pubsub_topic_iam_member", "values": {"topic": "gemini-webhook-queue", "member": "serviceAccount:gemini-webhook-tasks@p.iam"}},
{"address": "writes", "mode": "managed", "type": "google_storage_bucket_iam_member", "values": {"bucket": "b/p-gemini-webhook-state", "member": "serviceAccount:gemini-webhook-tasks@p.iam"}},
{"address": "others", "mode": "managed", "type": "google_storage_bucket_iam_member", "values": {"bucket": "somebody-elses", "member": "serviceAccount:gemini-webhook-tasks@p.iam"}},
{"address": "subscription", "mode": "managed", "type": "google_pubsub_subscription", "values": {"id": "projects/p/subscriptions/s", "topic": "projects/p/topics/gemini-webhook-queue",
  "push_config": [{"oidc_token": [{"service_account_email": "gemini-webhook-tasks@p.iam"}]}]}},
{"address": "function", "mode": "managed", "type": "google_cloudfunctions2_function", "values": {"name": "gemini-webhook", "service_config": [{"service_account_email": "gemini-webhook-tasks@p.iam", "environment_variables": {"T": "projects/p/topics/gemini-webhook-queue"}}]}}
]}}}`

func TestBound(t *testing.T) {
	t.Parallel()
	all, err := parseState([]byte(linked))
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"topic":     "publishes subscription",
		"bucket":    "writes",
		"account":   "publishes writes others function",
		"publishes": "",
	} {
		r := all[slices.IndexFunc(all, func(r resource) bool { return r.Address == address })]
		if got := strings.Join(addresses(bound(r, all)), " "); got != want {
			t.Errorf("bound to %s: %q, want %q", address, got, want)
		}
	}
	var got []string
	for _, group := range groups(all) {
		got = append(got, strings.Join(addresses(group), " "))
	}
	if want := []string{"topic bucket", "account"}; !slices.Equal(got, want) {
		t.Errorf("groups are %q, want %q: topic and account share a grant", got, want)
	}
}

func addresses(resources []resource) (all []string) {
	for _, r := range resources {
		all = append(all, r.Address)
	}
	return all
}

func TestUnmatched(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ old, new, want string }{
		"as it should be":          {"", "", ""},
		"a topic that is not here": {`"topic": "gemini-webhook-queue"`, `"topic": "gemini-webhook-other"`, "publishes: what it is granted on is not found"},
		"an unknown kind":          {`google_pubsub_topic_iam_member`, `google_workflows_workflow_iam_member`, "publishes: what it is granted on is not found"},
		"an unknown account":       {`"bucket": "b/p-gemini-webhook-state", "member": "serviceAccount:gemini-webhook-tasks@`, `"bucket": "b/p-gemini-webhook-state", "member": "serviceAccount:gemini-webhook-other@`, "writes: serviceAccount:gemini-webhook-other@p.iam is not found"},
	} {
		all, err := parseState([]byte(strings.Replace(linked, test.old, test.new, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(unmatched(all), "\n"); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestStale(t *testing.T) {
	t.Parallel()
	replaced, topic, webhook := []string{"delete", "create"}, resource{Address: "topic"}, resource{Address: "webhook", Type: "gemini_webhook"}
	for name, test := range map[string]struct {
		bound   resource
		actions map[string][]string
		want    string
	}{
		"made again":          {resource{Address: "grant"}, map[string][]string{"topic": replaced, "grant": replaced}, ""},
		"left":                {resource{Address: "grant"}, map[string][]string{"topic": replaced, "grant": {"no-op"}}, "replacing topic leaves grant (no-op)"},
		"updated":             {resource{Address: "grant"}, map[string][]string{"topic": replaced, "grant": {"update"}}, "replacing topic leaves grant (update)"},
		"taken away":          {resource{Address: "grant"}, map[string][]string{"topic": replaced, "grant": {"delete"}}, "replacing topic leaves grant (delete)"},
		"the webhook moves":   {webhook, map[string][]string{"topic": replaced, "webhook": {"update"}}, ""},
		"the webhook stays":   {webhook, map[string][]string{"topic": replaced, "webhook": {"no-op"}}, "replacing topic leaves webhook (no-op)"},
		"nothing is replaced": {webhook, map[string][]string{"topic": {"no-op"}, "webhook": {"update"}}, "topic is not replaced, as was asked"},
	} {
		if got := strings.Join(stale(topic, []resource{test.bound}, test.actions), "\n"); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
