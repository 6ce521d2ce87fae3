package main

import (
	"fmt"
	"strings"
)

// grant is a role on a kind of resource for one of the parties, as a row of the
// table in README.md.
type grant struct {
	Role, On, To string
}

func (g grant) String() string { return fmt.Sprintf("%s on %s to %s", g.Role, g.On, g.To) }

// parseRoles reads the table between <!-- roles --> and <!-- /roles -->: its
// first three columns are role, resource and party.
func parseRoles(text string) map[grant]bool {
	_, text, _ = strings.Cut(text, "<!-- roles -->")
	text, _, _ = strings.Cut(text, "<!-- /roles -->")
	grants := map[grant]bool{}
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || !strings.Contains(cells[1], "roles/") {
			continue
		}
		for i := range cells {
			cells[i] = strings.Trim(cells[i], " `\n")
		}
		grants[grant{cells[1], cells[2], cells[3]}] = true
	}
	return grants
}

// kinds is what each type of grant is on.
var kinds = map[string]string{
	"google_project":                      "project",
	"google_pubsub_topic":                 "topic",
	"google_pubsub_subscription":          "subscription",
	"google_secret_manager_secret":        "secret",
	"google_storage_bucket":               "bucket",
	"google_cloud_run_v2_service":         "service",
	"google_artifact_registry_repository": "repository",
	"google_service_account":              "service account",
	"google_kms_crypto_key":               "key",
	"google_bigquery_table":               "table",
}

// agents are Google's own accounts, by a part of their addresses.
var agents = map[string]string{
	"@gcp-sa-pubsub.":           "Pub/Sub",
	"@gcp-sa-secretmanager.":    "Secret Manager",
	"@gcp-sa-artifactregistry.": "Artifact Registry",
	"@gcp-sa-eventarc.":         "Eventarc",
	"@gcp-sa-cloudscheduler.":   "Cloud Scheduler",
	"@gcf-admin-robot.":         "Cloud Functions",
	"@serverless-robot-prod.":   "Cloud Run",
	"@gs-project-accounts.":     "Cloud Storage",
	"@bigquery-encryption.":     "BigQuery",
}

// undocumented returns the grants that the list lacks, and notes in granted
// those that it has.
func undocumented(resources []resource, documented, granted map[grant]bool) (findings []string) {
	single := true // one service: the public door's account has the tasks' roles too
	for _, r := range resources {
		if r.Type == "google_service_account" && strings.HasSuffix(r.text("account_id"), "-tasks") {
			single = false
		}
	}
	for _, r := range resources {
		base, _, isGrant := strings.Cut(r.Type, "_iam_")
		if !isGrant {
			continue
		}
		for _, member := range members(r) {
			g := grant{r.text("role"), kinds[base], party(member)}
			if single && g.To == "public" && !documented[g] {
				g.To = "tasks"
			}
			if !documented[g] {
				findings = append(findings, fmt.Sprintf("%s grants %s (%s), which README.md does not list", r.Address, g, r.Type))
			}
			granted[g] = true
		}
	}
	return findings
}

// members are those of an iam_member or an iam_binding. An iam_policy has none
// that can be read here, and is not used.
func members(r resource) []string {
	if member := r.text("member"); member != "" {
		return []string{member}
	}
	list, _ := r.Values["members"].([]any)
	var all []string
	for _, m := range list {
		text, _ := m.(string)
		all = append(all, text)
	}
	if len(all) == 0 {
		return []string{"nobody"}
	}
	return all
}

// party is the last word of one of our accounts' names, such as "public", or
// whose service agent it is.
func party(member string) string {
	for part, name := range agents {
		if strings.Contains(member, part) {
			return name
		}
	}
	account, _, _ := strings.Cut(member, "@")
	return account[strings.LastIndexAny(account, "-:")+1:]
}
