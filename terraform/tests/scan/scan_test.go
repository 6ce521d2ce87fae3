package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const readme = `before | ` + "`roles/x.y`" + ` | topic | public | outside of the table |
<!-- roles -->
| role | on | to | why |
|---|---|---|---|
| ` + "`roles/run.invoker`" + ` | service | push | calls |
| ` + "`roles/pubsub.publisher`" + ` | topic | Pub/Sub | dead letters |
| ` + "`roles/pubsub.subscriber`" + ` | subscription | Pub/Sub | dead letters |
<!-- /roles -->
`

// good is a state in which everything is as it should be.
const good = `{"values": {"root_module": {"resources": [
{"address": "a.tasks", "mode": "managed", "type": "google_service_account", "values": {"account_id": "w-tasks"}},
{"address": "s.events", "mode": "managed", "type": "google_pubsub_subscription", "values": {"name": "events", "topic": "projects/p/topics/queue",
  "push_config": [{"oidc_token": [{"service_account_email": "w-push@p.iam", "audience": "https://a"}]}], "dead_letter_policy": [{"dead_letter_topic": "projects/p/topics/dead"}]}},
{"address": "s.ranges", "mode": "managed", "type": "google_pubsub_subscription", "values": {"name": "ranges", "topic": "projects/p/topics/queue",
  "push_config": [{"oidc_token": [{"service_account_email": "w-push@p.iam", "audience": "https://a"}]}], "dead_letter_policy": [{"dead_letter_topic": "projects/p/topics/dead"}]}},
{"address": "g.events", "mode": "managed", "type": "google_pubsub_subscription_iam_member", "values": {"subscription": "events", "role": "roles/pubsub.subscriber", "member": "serviceAccount:service-1@gcp-sa-pubsub.iam"}},
{"address": "g.ranges", "mode": "managed", "type": "google_pubsub_subscription_iam_member", "values": {"subscription": "ranges", "role": "roles/pubsub.subscriber", "member": "serviceAccount:service-1@gcp-sa-pubsub.iam"}},
{"address": "g.invoker", "mode": "managed", "type": "google_cloud_run_v2_service_iam_binding", "values": {"role": "roles/run.invoker", "members": ["serviceAccount:w-push@p.iam"]}}
], "child_modules": [{"address": "module.dead", "resources": [
{"address": "s.dead", "mode": "managed", "type": "google_pubsub_subscription", "values": {"name": "dead", "topic": "projects/p/topics/dead", "message_retention_duration": "2678400s", "push_config": [], "expiration_policy": [{"ttl": ""}]}},
{"address": "g.dead", "mode": "managed", "type": "google_pubsub_topic_iam_member", "values": {"topic": "dead", "role": "roles/pubsub.publisher", "member": "serviceAccount:service-1@gcp-sa-pubsub.iam"}}
]}]}}}`

// TestRun breaks one thing at a time.
func TestRun(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		old, new string // in the state, or else in the README
		want     string // a part of the only finding
	}{
		"as it should be":                 {"", "", ""},
		"a push without a token":          {`"oidc_token": [{"service_account_email": "w-push@p.iam", "audience": "https://a"}]`, `"oidc_token": []`, "s.events pushes without authentication"},
		"a push without an audience":      {`"audience": "https://a"`, `"audience": ""`, "s.events pushes without authentication"},
		"no dead-letter policy":           {`"dead_letter_policy": [{"dead_letter_topic": "projects/p/topics/dead"}]`, `"dead_letter_policy": []`, "s.events pushes for ever"},
		"dead letters expire":             {`"ttl": ""`, `"ttl": "2678400s"`, "no pull subscription that never expires"},
		"dead letters by default expire":  {`"expiration_policy": [{"ttl": ""}]`, `"expiration_policy": []`, "no pull subscription that never expires"},
		"dead letters are kept for a day": {`"2678400s"`, `"86400s"`, "no pull subscription that never expires"},
		"dead letters of another topic":   {`"name": "dead", "topic": "projects/p/topics/dead"`, `"name": "dead", "topic": "projects/p/topics/queue"`, "no pull subscription that never expires"},
		"another may acknowledge":         {`"subscription": "ranges"`, `"subscription": "events"`, "s.ranges: Pub/Sub may not take dead letters"},
		"a party that is not listed":      {`"members": ["serviceAccount:w-push@p.iam"]`, `"members": ["serviceAccount:w-push@p.iam", "allUsers"]`, "roles/run.invoker on service to allUsers"},
		"a resource that is not listed":   {`google_cloud_run_v2_service_iam_binding`, `google_project_iam_binding`, "roles/run.invoker on project to push"},
		"a role that nothing grants":      {"<!-- /roles -->", "| `roles/x.z` | topic | public | - |\n<!-- /roles -->", "lists roles/x.z on topic to public"},
		"a key's grant of one receiver":   {`{"address": "a.tasks"`, `{"address": "k", "mode": "managed", "type": "google_kms_crypto_key_iam_member", "values": {"role": "roles/run.invoker", "member": "serviceAccount:w-push@p.iam"}}, {"address": "a.tasks"`, "k is shared with every other receiver"},
		"a version":                       {`{"address": "a.tasks"`, `{"address": "v", "mode": "managed", "type": "google_secret_manager_secret_version", "values": {}}, {"address": "a.tasks"`, "v puts a secret into the state"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state, list := strings.Replace(good, test.old, test.new, 1), readme
			if state == good {
				list = strings.Replace(readme, test.old, test.new, 1)
			}
			if name != "as it should be" && state == good && list == readme {
				t.Fatal("the test breaks nothing")
			}
			findings, err := run(write(t, "README.md", list), []string{write(t, "state.json", state)})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(findings, "\n")
			if !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("findings are %q, want one with %q", got, test.want)
			}
		})
	}
}

func TestRunRefusesWhatTestsNothing(t *testing.T) {
	t.Parallel()
	empty := write(t, "state.json", `{"values": {"root_module": {}}}`)
	if _, err := run(write(t, "README.md", readme), []string{empty}); err == nil {
		t.Error("no error for a state without resources")
	}
	if _, err := run(write(t, "README.md", "no table"), []string{write(t, "state.json", good)}); err == nil {
		t.Error("no error for a README without the table")
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
