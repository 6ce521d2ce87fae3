# What on-call engineers look at is there, and of everything that can fail somebody hears.

mock_provider "google" {
  source          = "./tests/mocks/google"
  override_during = plan
}

mock_provider "google-beta" {
  source          = "./tests/mocks/google-beta"
  override_during = plan
}

mock_provider "gemini" {
  override_during = plan
}

variables {
  project_id     = "acme-prod"
  region         = "europe-west1"
  api_key_secret = "projects/acme-prod/secrets/gemini-api-key"
}

run "metrics_service_levels_and_a_dashboard_by_default_and_nobody_is_notified" {
  command = plan

  assert {
    condition     = toset(keys(google_logging_metric.this)) == toset([for f in fileset("monitoring/metrics", "*.json") : trimsuffix(f, ".json")]) && google_logging_metric.this["deliveries"].name == "gemini-webhook-deliveries"
    error_message = "Every metric that is defined, with the receiver's name before its own."
  }

  assert {
    condition     = google_logging_metric.this["deliveries"].filter == "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"gemini-webhook\" AND jsonPayload.verdict:*" && length(one(google_logging_metric.this["deliveries"].metric_descriptor).labels) == 4 && google_logging_metric.this["deliveries"].label_extractors["reason"] == "EXTRACT(jsonPayload.code)"
    error_message = "As its file says."
  }

  assert {
    condition     = one(google_logging_metric.this["outcomes"].metric_descriptor).value_type == "DISTRIBUTION" && google_logging_metric.this["outcomes"].value_extractor == "EXTRACT(jsonPayload.age_s)" && length(one(one(google_logging_metric.this["outcomes"].bucket_options).explicit_buckets).bounds) > 10
    error_message = "A distribution has its buckets."
  }

  assert {
    condition     = toset([for s in google_monitoring_slo.this : s.rolling_period_days]) == toset([3, 28]) && google_monitoring_slo.this["accepted"].goal == 0.999 && one(one(google_monitoring_slo.this["fresh"].windows_based_sli).metric_mean_in_range).range[0].max == 300
    error_message = "Three service levels, over 28 days and over 3."
  }

  assert {
    condition     = jsondecode(google_monitoring_dashboard.this.dashboard_json).displayName == "gemini-webhook: from the door to the last line"
    error_message = "A dashboard."
  }

  assert {
    condition     = length(google_monitoring_alert_policy.this) == 0 && length(google_storage_bucket_object.runbook) == 0
    error_message = "No alerts without channels."
  }
}

run "alerts_on_all_that_is_there" {
  command = plan

  variables {
    alerts   = { notification_channels = ["projects/acme-prod/notificationChannels/1", "projects/acme-prod/notificationChannels/2"] }
    bigquery = {}
    rotation = { period = "2592000s" }
  }

  assert {
    condition     = toset(keys(google_monitoring_alert_policy.this)) == toset([for f in fileset("monitoring/alerts", "*.json") : trimsuffix(f, ".json")])
    error_message = "Every alert that is defined."
  }

  assert {
    condition = alltrue([for p in google_monitoring_alert_policy.this :
      p.notification_channels == tolist(["projects/acme-prod/notificationChannels/1", "projects/acme-prod/notificationChannels/2"])
      && p.alert_strategy[0].notification_channel_strategy[0].notification_channel_names == p.notification_channels
      && contains(["3600s", "86400s"], p.alert_strategy[0].notification_channel_strategy[0].renotify_interval)
    && contains(["1800s", "86400s"], p.alert_strategy[0].auto_close)])
    error_message = "Each goes to the channels, is repeated, and closes by itself."
  }

  assert {
    condition     = alltrue([for name, p in google_monitoring_alert_policy.this : p.documentation[0].links[0].url == "https://storage.cloud.google.com/acme-prod-gemini-webhook-source/runbooks/${split(".", name)[0]}.md" && contains(keys(google_storage_bucket_object.runbook), "${split(".", name)[0]}.md")])
    error_message = "Each links to its runbook, which is there."
  }

  assert {
    condition     = endswith(google_monitoring_alert_policy.this["rotation-missed"].conditions[1].condition_prometheus_query_language[0].query, " > 744")
    error_message = "A rotation of 30 days is late after 31."
  }

  assert {
    condition     = google_monitoring_alert_policy.this["slo-accepted.fast"].combiner == "AND" && [for c in google_monitoring_alert_policy.this["slo-accepted.fast"].conditions : c.condition_threshold[0].threshold_value] == [14.4, 14.4]
    error_message = "A page wants both windows."
  }
}

run "no_alerts_on_what_is_not_there" {
  command = plan

  variables {
    alerts    = { notification_channels = ["projects/acme-prod/notificationChannels/1"] }
    reconcile = null
  }

  assert {
    condition     = length(setintersection(keys(google_monitoring_alert_policy.this), ["bigquery-backlog", "bigquery-dead-letters", "rotation-missed", "canary-missing", "deliveries-absent", "reconciliation-missing", "webhook-disabled"])) == 0 && length(google_monitoring_alert_policy.this) > 10
    error_message = "No BigQuery, no rotation, no reconciliation."
  }
}

run "thresholds_and_runbooks_are_inputs" {
  command = plan

  variables {
    alerts = {
      notification_channels = ["projects/acme-prod/notificationChannels/1"]
      runbook_base_url      = "https://git.example/receiver/docs/runbooks"
      thresholds            = { dead_letters = 3, failed_lines_share = 0.5, accepted_goal = 0.99 }
    }
  }

  assert {
    condition     = google_monitoring_alert_policy.this["dead-letters"].conditions[0].condition_threshold[0].threshold_value == 3 && endswith(google_monitoring_alert_policy.this["failed-lines"].conditions[0].condition_prometheus_query_language[0].query, " > 0.5") && google_monitoring_slo.this["accepted"].goal == 0.99
    error_message = "As they are given."
  }

  assert {
    condition     = google_monitoring_alert_policy.this["dead-letters"].documentation[0].links[0].url == "https://git.example/receiver/docs/runbooks/dead-letters.md" && length(google_storage_bucket_object.runbook) == 0
    error_message = "Where the runbooks are published they are not uploaded."
  }
}
