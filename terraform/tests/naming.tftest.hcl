# Names that scripts, docs and webhookctl doctor rely on.

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

run "names_are_the_documented_ones" {
  command = plan

  variables {
    rotation = { period = "2592000s" }
    results  = { create = true }
  }

  assert {
    condition     = [for k in ["public", "tasks", "rotate", "reconcile"] : google_cloudfunctions2_function.this[k].name] == ["gemini-webhook", "gemini-webhook-tasks", "gemini-webhook-rotate", "gemini-webhook-reconcile"]
    error_message = "Functions."
  }

  assert {
    condition     = [google_pubsub_topic.queue.name, google_pubsub_topic.published["outcomes"].name, google_pubsub_topic.published["results"].name, module.queue_dead_letters.settings.topic, one(google_pubsub_topic.rotation).name, one(google_pubsub_topic.reconcile).name, one(google_cloud_scheduler_job.reconcile).name] == ["gemini-webhook-queue", "gemini-webhook-outcomes", "gemini-webhook-results", "gemini-webhook-dead-letters", "gemini-webhook-rotation", "gemini-webhook-reconcile", "gemini-webhook-reconcile"]
    error_message = "Topics."
  }

  assert {
    condition     = [google_pubsub_subscription.queue["events"].name, google_pubsub_subscription.queue["ranges"].name, module.queue_dead_letters.subscription_name, google_pubsub_subscription.inspect["outcomes"].name, google_pubsub_subscription.inspect["results"].name] == ["gemini-webhook-queue-events", "gemini-webhook-queue-ranges", "gemini-webhook-dead-letters", "gemini-webhook-outcomes-inspect", "gemini-webhook-results-inspect"]
    error_message = "Subscriptions."
  }

  assert {
    condition     = [google_secret_manager_secret.signing.secret_id, one(google_secret_manager_secret.token).secret_id] == ["gemini-webhook-signing-secret", "gemini-webhook-token"]
    error_message = "Secrets."
  }

  assert {
    condition     = [google_storage_bucket.state.name, google_storage_bucket.source.name, one(google_storage_bucket.results).name] == ["acme-prod-gemini-webhook-state", "acme-prod-gemini-webhook-source", "acme-prod-gemini-webhook-results"]
    error_message = "Buckets."
  }

  assert {
    condition     = [google_service_account.this["public"].account_id, google_service_account.this["tasks"].account_id, google_service_account.this["push"].account_id, google_service_account.this["rotate"].account_id, google_service_account.this["build"].account_id, google_service_account.this["reconcile"].account_id] == ["gemini-webhook-public", "gemini-webhook-tasks", "gemini-webhook-push", "gemini-webhook-rotate", "gemini-webhook-build", "gemini-webhook-recon"]
    error_message = "Service accounts."
  }
}

run "another_prefix_renames_everything" {
  command = plan

  variables {
    name     = "search-gemini"
    bigquery = {}
    results  = { create = true }
  }

  assert {
    condition     = alltrue([for n in concat([for f in google_cloudfunctions2_function.this : f.name], [for s in google_pubsub_subscription.queue : s.name], [google_pubsub_topic.queue.name, google_secret_manager_secret.signing.secret_id, google_service_account.this["push"].account_id, module.queue_dead_letters.subscription_name, one(gemini_webhook.this).name]) : startswith(n, "search-gemini")])
    error_message = "Two receivers in one project do not collide."
  }

  assert {
    condition     = output.bigquery.results == "acme-prod.search_gemini.results_distinct"
    error_message = "A dataset takes no hyphen."
  }

  assert {
    condition     = google_storage_bucket.state.name == "acme-prod-search-gemini-state"
    error_message = "Buckets are named by the project, since their names are global."
  }
}
