package main

import (
	"path"
	"slices"
	"strings"
)

// grants tells whether the resource is a grant, and on which type of resource.
func (r resource) grants() (on string, ok bool) {
	on, _, ok = strings.Cut(r.Type, "_iam_")
	if on == "google_cloud_run_v2_service" {
		on = "google_cloudfunctions2_function" // the service that Cloud Functions makes has the function's name
	}
	return on, ok
}

// shortNames are the attributes that name a resource of a type by the last part
// of its name.
var shortNames = map[string]string{
	"google_pubsub_topic":                 "topic",
	"google_pubsub_subscription":          "subscription",
	"google_storage_bucket":               "bucket",
	"google_secret_manager_secret":        "secret_id",
	"google_artifact_registry_repository": "repository",
	"google_bigquery_dataset":             "dataset_id",
	"google_bigquery_table":               "table_id",
	"google_cloudfunctions2_function":     "name",
}

// byName are the places where a name alone is enough: what has it goes on
// working with another resource of that name.
var byName = []string{
	"environment_variables",                   // looked up at run time
	"google_secret_manager_secret.topics",     // Secret Manager publishes by name
	"push_config.oidc_token",                  // tokens are signed for an address
	"event_trigger.service_account_email",     // so are Eventarc's
	"google_eventarc_trigger.service_account", // as above
	"build_config.service_account",            // builds act as an address
	"build_config.source",                     // Cloud Functions has copied the archive
}

// names tells whether a text at a place in a resource means r.
func (r resource) names(in resource, place, text string) bool {
	on, isGrant := in.grants()
	key := place[strings.LastIndex(place, ".")+1:]
	last := path.Base(r.text("id"))
	switch {
	case r.Type == "google_service_account":
		email := r.text("email")
		return text == email || strings.TrimPrefix(text, "serviceAccount:") == email || text == r.text("id")
	case isGrant && on == r.Type:
		return key == shortNames[r.Type] && path.Base(text) == last
	case isGrant || shortNames[r.Type] == "":
		return false
	case r.Type == "google_bigquery_table":
		return text == r.text("project")+"."+r.text("dataset_id")+"."+r.text("table_id")
	case r.Type == "google_cloudfunctions2_function":
		return false // called by its address
	case strings.Contains(text, "/"):
		return text == r.text("id")
	}
	return key == shortNames[r.Type] && text == last
}

// bound returns the resources that are lost or useless when r is replaced by
// another of the same name, unless they are made again: its grants, those to it,
// and what names it where a name alone is not enough.
func bound(r resource, all []resource) (found []resource) {
	for _, other := range all {
		if other.Address == r.Address || other.Type == "terraform_data" {
			continue
		}
		if other.anyText(func(place, text string) bool { return r.names(other, place, text) }) {
			found = append(found, other)
		}
	}
	return found
}

// anyText tells whether a text of the resource satisfies f, which is also given
// its place, as block.attribute. Places in byName are left out.
func (r resource) anyText(f func(place, text string) bool) bool {
	var look func(place string, value any) bool
	look = func(place string, value any) bool {
		if slices.ContainsFunc(byName, func(p string) bool { return strings.Contains(r.Type+place, p) }) {
			return false
		}
		switch value := value.(type) {
		case string:
			return f(place, value)
		case []any:
			return slices.ContainsFunc(value, func(v any) bool { return look(place, v) })
		case map[string]any:
			for key, v := range value {
				if look(place+"."+key, v) {
					return true
				}
			}
		}
		return false
	}
	return look("", r.Values)
}
