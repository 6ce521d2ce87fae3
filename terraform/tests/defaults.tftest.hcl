# What the three required inputs alone give.

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

run "three_inputs_are_enough" {
  command = plan

  assert {
    condition     = toset(keys(google_cloudfunctions2_function.this)) == toset(["public", "tasks", "reconcile"])
    error_message = "Three functions: the public door, the private door, and what reconciles."
  }

  assert {
    condition     = !contains(keys(google_service_account.this), "rotate") && length(google_pubsub_topic.rotation) == 0
    error_message = "No rotation unless it is asked for."
  }

  assert {
    condition     = length(module.bigquery) == 0 && length(module.workflow) == 0 && length(google_monitoring_alert_policy.this) == 0
    error_message = "No sinks and no alerts unless they are asked for."
  }

  assert {
    condition     = length(google_storage_bucket.results) == 0
    error_message = "No bucket for results unless it is asked for."
  }

  assert {
    condition     = one(gemini_webhook.this).uri == "https://function-hash-ew.a.run.app/gemini" && output.webhook_uri == one(gemini_webhook.this).uri
    error_message = "The webhook must point to the public door, outside /tasks/ and /dynamic/."
  }

  assert {
    condition     = one(gemini_webhook.this).signing_secret == "projects/acme-prod/secrets/gemini-webhook-signing-secret"
    error_message = "The webhook stores its keys in the signing secret."
  }

  assert {
    condition     = one(gemini_webhook.this).api_key_secret == var.api_key_secret && one(gemini_webhook.this).name == "gemini-webhook"
    error_message = "The webhook is made with the given key, under the prefix."
  }

  assert {
    condition     = one(gemini_webhook.this).enabled && length(one(gemini_webhook.this).subscribed_events) == 7
    error_message = "All seven types that Gemini accepts are subscribed to."
  }

  assert {
    condition     = one(gemini_webhook_token.this).secret == "projects/acme-prod/secrets/gemini-webhook-token"
    error_message = "The path token goes into its own secret."
  }

  assert {
    condition     = output.dynamic_webhook_base == "https://function-hash-ew.a.run.app/dynamic"
    error_message = "Dynamic webhooks are made from the address of the public door."
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.build_config[0].runtime == "go126" && f.build_config[0].environment_variables.GOFLAGS == "-tags=disable_grpc_modules"])
    error_message = "Runtime and build flags are those that the buildpack test builds with."
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : startswith(f.build_config[0].environment_variables.GOOGLE_GOLDFLAGS, "-s -w -X example.com/gemini-webhook/internal/version.Version=src-")])
    error_message = "The version names the hash of the source."
  }

  assert {
    condition     = alltrue([for k, f in google_cloudfunctions2_function.this : f.build_config[0].entry_point == (k == "reconcile" ? "Reconcile" : "GeminiWebhook")])
    error_message = "Both doors are the same function."
  }

  assert {
    condition     = strcontains(google_storage_bucket_object.source.name, data.archive_file.source.output_sha256)
    error_message = "Another source is another object, or it would not be deployed."
  }

  assert {
    condition     = google_storage_bucket.source.public_access_prevention == "enforced" && google_storage_bucket.source.uniform_bucket_level_access
    error_message = "The source bucket is not public."
  }

  assert {
    condition     = one(google_storage_bucket.state.lifecycle_rule).action[*].type == tolist(["Delete"]) || one(one(google_storage_bucket.state.lifecycle_rule).action).type == "Delete"
    error_message = "Old state is deleted."
  }

  assert {
    condition     = one(one(google_storage_bucket.state.lifecycle_rule).condition).age == 60
    error_message = "State is kept for 60 days, longer than dead letters."
  }

  assert {
    condition     = one(google_storage_bucket.state.soft_delete_policy).retention_duration_seconds == 0
    error_message = "Soft delete would bill every marker for another week."
  }

  assert {
    condition     = google_storage_bucket.state.uniform_bucket_level_access && google_storage_bucket.state.public_access_prevention == "enforced"
    error_message = "The state bucket is not public."
  }

  assert {
    condition     = one(one(one(google_storage_bucket.archive).lifecycle_rule).condition).age == 90 && one(one(google_storage_bucket.archive).soft_delete_policy).retention_duration_seconds == 604800
    error_message = "Copies are kept for 90 days, and a week more where somebody deletes them."
  }

  assert {
    condition     = alltrue([for b in google_storage_bucket.archive : b.uniform_bucket_level_access && b.public_access_prevention == "enforced" && !b.force_destroy && b.location == "europe-west1" && b.storage_class == "STANDARD"])
    error_message = "The archive is not public, in the region, and protected."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["tasks"].service_config[0].environment_variables.ARCHIVE_BUCKET == "acme-prod-gemini-webhook-archive" && output.buckets.archive == "acme-prod-gemini-webhook-archive"
    error_message = "The private door keeps copies in the archive, and not in the state bucket."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["tasks"].service_config[0].environment_variables.GEMINI_API_KEY_SECRET == var.api_key_secret && output.without_api_key == null
    error_message = "The private door has the API key."
  }

  assert {
    condition     = google_pubsub_topic.queue.message_retention_duration == "604800s" && google_pubsub_topic.published["outcomes"].message_retention_duration == "604800s" && google_pubsub_topic.published["results"].message_retention_duration == "259200s"
    error_message = "Topics keep messages, for those who seek back."
  }

  assert {
    condition     = toset(keys(google_pubsub_subscription.inspect)) == toset(["outcomes", "results"])
    error_message = "Outcomes and results have an inspection subscription."
  }

  assert {
    condition     = alltrue([for s in google_pubsub_subscription.inspect : one(s.expiration_policy).ttl == ""])
    error_message = "Inspection subscriptions do not expire."
  }

  assert {
    condition     = strcontains(one(google_logging_project_exclusion.tokens).filter, "([A-Za-z0-9_-]|%(2[5Dd]|[3-7][0-9A-Fa-f])){32}") && strcontains(one(google_logging_project_exclusion.tokens).filter, "service_name=\"gemini-webhook\"")
    error_message = "URLs that hold what has the form of a token, in any encoding, are kept out of the request log of the public door."
  }

  assert {
    condition     = length(google_secret_manager_secret.signing.rotation) == 0 && length(google_secret_manager_secret.signing.topics) == 0
    error_message = "Nothing is due."
  }

  assert {
    condition     = one(google_cloud_scheduler_job.reconcile).schedule == "*/15 * * * *" && output.without_reconcile == null
    error_message = "What Gemini did not deliver is looked for every quarter of an hour."
  }

  assert {
    condition     = !contains(keys(google_project_service.this), "aiplatform.googleapis.com") && length(google_project_iam_member.reconcile_vertex) == 0
    error_message = "Vertex AI is not needed."
  }
}
