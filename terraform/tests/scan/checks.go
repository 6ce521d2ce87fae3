package main

import (
	"fmt"
	"path"
	"strings"
)

// pushes wants an OIDC token on every push subscription, for an account and an
// audience that are named.
func pushes(resources []resource) (findings []string) {
	var found int
	for _, r := range resources {
		push := r.block("push_config")
		if r.Type != "google_pubsub_subscription" || !push.there() {
			continue
		}
		found++
		token := push.block("oidc_token")
		if !strings.Contains(token.text("service_account_email"), "@") || token.text("audience") == "" {
			findings = append(findings, r.Address+" pushes without authentication")
		}
	}
	if found < 2 {
		findings = append(findings, fmt.Sprintf("%d push subscriptions, want the queue's two", found))
	}
	return findings
}

const keep31Days = "2678400s"

// deadLetters wants what a dead-letter topic needs to lose nothing.
func deadLetters(resources []resource) (findings []string) {
	topics := map[string]bool{}
	for _, r := range resources {
		policy := r.block("dead_letter_policy")
		switch {
		case r.Type != "google_pubsub_subscription":
		case policy.there():
			topics[policy.text("dead_letter_topic")] = true
			if !agentHas(resources, "roles/pubsub.subscriber", "subscription", r.text("name")) {
				findings = append(findings, r.Address+": Pub/Sub may not take dead letters from it")
			}
		case r.block("push_config").there():
			findings = append(findings, r.Address+" pushes for ever: it has no dead-letter topic")
		}
	}
	if len(topics) == 0 {
		findings = append(findings, "no dead-letter topic")
	}
	for topic := range topics {
		if !kept(resources, topic) {
			findings = append(findings, topic+" has no pull subscription that never expires and keeps "+keep31Days)
		}
		if !agentHas(resources, "roles/pubsub.publisher", "topic", path.Base(topic)) {
			findings = append(findings, topic+": Pub/Sub may not publish to it")
		}
	}
	return findings
}

func kept(resources []resource, topic string) bool {
	for _, r := range resources {
		expires := r.block("expiration_policy")
		if r.Type == "google_pubsub_subscription" && r.text("topic") == topic && !r.block("push_config").there() &&
			expires.there() && expires.text("ttl") == "" && r.text("message_retention_duration") == keep31Days {
			return true
		}
	}
	return false
}

// agentHas tells whether Pub/Sub's service agent has a role on a topic or a
// subscription.
func agentHas(resources []resource, role, kind, name string) bool {
	for _, r := range resources {
		if !strings.HasPrefix(r.Type, "google_pubsub_"+kind+"_iam_") || r.text("role") != role || path.Base(r.text(kind)) != name {
			continue
		}
		for _, member := range members(r) {
			if strings.Contains(member, "@gcp-sa-pubsub.") {
				return true
			}
		}
	}
	return false
}

// keyGrants wants none outside of module.key_grants: the grants of two receivers
// in a project are one, and whoever goes first would take it away.
func keyGrants(resources []resource) (findings []string) {
	for _, r := range resources {
		if strings.HasPrefix(r.Type, "google_kms_crypto_key_iam_") && !strings.HasPrefix(r.Address, "module.key_grants.") {
			findings = append(findings, r.Address+" is shared with every other receiver that uses the key")
		}
	}
	return findings
}

// versions wants no resource that holds the payload of a secret.
func versions(resources []resource) (findings []string) {
	for _, r := range resources {
		if strings.HasPrefix(r.Type, "google_secret_manager_secret_version") || r.Type == "google_service_account_key" {
			findings = append(findings, r.Address+" puts a secret into the state")
		}
	}
	return findings
}
