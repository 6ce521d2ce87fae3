# Jobs whose event did not come are looked for by schedule, by an account that can
# do no more than that.

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

run "it_is_on_unless_it_is_turned_off" {
  command = plan

  assert {
    condition     = google_cloudfunctions2_function.this["reconcile"].build_config[0].entry_point == "Reconcile" && google_cloudfunctions2_function.this["reconcile"].event_trigger[0].event_type == "google.cloud.pubsub.topic.v1.messagePublished" && google_cloudfunctions2_function.this["reconcile"].event_trigger[0].retry_policy == "RETRY_POLICY_RETRY" && google_cloudfunctions2_function.this["reconcile"].event_trigger[0].pubsub_topic == "projects/acme-prod/topics/gemini-webhook-reconcile"
    error_message = "The function hears of each message, again if it failed."
  }

  assert {
    condition     = [for c in google_cloudfunctions2_function.this["reconcile"].service_config : [c.max_instance_count, c.max_instance_request_concurrency, c.timeout_seconds, c.ingress_settings]] == [[1, 1, 540, "ALLOW_INTERNAL_ONLY"]]
    error_message = "One run at a time, for as long as a function with a trigger may take, called from inside."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["reconcile"].service_config[0].environment_variables == tomap({ GOOGLE_CLOUD_PROJECT = "acme-prod", QUEUE_TOPIC = "gemini-webhook-queue", STATE_BUCKET = "acme-prod-gemini-webhook-state", GEMINI_API_KEY_SECRET = var.api_key_secret, CANARY_WEBHOOK = "gemini-webhook", GOMEMLIMIT = "409MiB" })
    error_message = "What has a default is left to the receiver."
  }

  assert {
    condition     = one(google_cloud_scheduler_job.reconcile).region == "europe-west1" && one(google_cloud_scheduler_job.reconcile).time_zone == "Etc/UTC" && one(google_cloud_scheduler_job.reconcile).schedule == "*/15 * * * *" && one(one(google_cloud_scheduler_job.reconcile).retry_config).retry_count == 3
    error_message = "Every quarter of an hour."
  }

  assert {
    condition     = one(google_cloud_scheduler_job.reconcile).attempt_deadline == null
    error_message = "Cloud Scheduler ignores a deadline for Pub/Sub, and the plan would never be empty again."
  }

  assert {
    condition     = one(one(google_cloud_scheduler_job.reconcile).pubsub_target).data != ""
    error_message = "Pub/Sub takes no empty message."
  }

  assert {
    condition     = length(setsubtract(["cloudscheduler.googleapis.com", "eventarc.googleapis.com"], keys(google_project_service.this))) == 0 && one(google_project_service_identity.eventarc).service == "eventarc.googleapis.com"
    error_message = "The APIs for it."
  }

  assert {
    condition     = output.commands.reconcile == "gcloud scheduler jobs run gemini-webhook-reconcile --project=acme-prod --location=europe-west1" && strcontains(output.next_steps, output.commands.reconcile)
    error_message = "How to start it by hand is said."
  }
}

run "its_account_may_do_that_and_no_more" {
  command = plan

  assert {
    condition     = google_cloudfunctions2_function.this["reconcile"].service_config[0].service_account_email == "gemini-webhook-recon@acme-prod.iam.gserviceaccount.com" && output.service_accounts.reconcile == "gemini-webhook-recon@acme-prod.iam.gserviceaccount.com"
    error_message = "An account of its own."
  }

  assert {
    condition     = { for role, g in google_storage_bucket_iam_member.reconcile_state : role => [g.bucket, g.member] } == { for role in ["roles/storage.objectCreator", "roles/storage.objectViewer"] : role => ["acme-prod-gemini-webhook-state", "serviceAccount:gemini-webhook-recon@acme-prod.iam.gserviceaccount.com"] }
    error_message = "State is created and read, never replaced or deleted."
  }

  assert {
    condition     = google_secret_manager_secret_iam_member.api_key["reconcile"].member == "serviceAccount:gemini-webhook-recon@acme-prod.iam.gserviceaccount.com" && google_secret_manager_secret_iam_member.api_key["reconcile"].role == "roles/secretmanager.secretAccessor"
    error_message = "It reads the API key."
  }

  assert {
    condition     = one(google_pubsub_topic_iam_binding.reconcile_publishers).members == toset(["serviceAccount:service-1234@gcp-sa-cloudscheduler.iam.gserviceaccount.com"]) && one(google_pubsub_topic_iam_binding.reconcile_publishers).topic == "gemini-webhook-reconcile"
    error_message = "Only Cloud Scheduler may say that it is due."
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invokers["reconcile"].members == toset(["serviceAccount:gemini-webhook-recon@acme-prod.iam.gserviceaccount.com"])
    error_message = "Eventarc calls it, as its own account."
  }

  assert {
    condition     = length(google_project_iam_member.reconcile_vertex) == 0
    error_message = "Nothing on the project."
  }
}

run "jobs_of_vertex_ai_are_looked_at_where_it_is_said" {
  command = plan

  variables {
    reconcile = { schedule = "0 6 * * *", scheduler_region = "europe-west3", lookback_hours = 48, grace_minutes = 90, vertex_locations = ["global", "europe-west4"] }
    receiver  = { log_level = "debug" }
  }

  assert {
    condition     = { for k, v in google_cloudfunctions2_function.this["reconcile"].service_config[0].environment_variables : k => v if !contains(["GOOGLE_CLOUD_PROJECT", "QUEUE_TOPIC", "STATE_BUCKET", "GEMINI_API_KEY_SECRET", "CANARY_WEBHOOK", "GOMEMLIMIT"], k) } == { VERTEX_LOCATIONS = "europe-west4,global", RECONCILE_LOOKBACK = "48h", RECONCILE_GRACE = "90m", LOG_LEVEL = "debug" }
    error_message = "The function is told."
  }

  assert {
    condition     = one(google_project_iam_member.reconcile_vertex).role == "roles/aiplatform.viewer" && one(google_project_iam_member.reconcile_vertex).member == "serviceAccount:gemini-webhook-recon@acme-prod.iam.gserviceaccount.com"
    error_message = "It may see jobs, and change none."
  }

  assert {
    condition     = contains(keys(google_project_service.this), "aiplatform.googleapis.com")
    error_message = "The API for it."
  }

  assert {
    condition     = one(google_cloud_scheduler_job.reconcile).schedule == "0 6 * * *" && one(google_cloud_scheduler_job.reconcile).region == "europe-west3" && strcontains(output.commands.reconcile, " --location=europe-west3")
    error_message = "When, and from where Cloud Scheduler is."
  }

  assert {
    condition     = strcontains(output.commands.doctor, " --vertex-locations=europe-west4,global")
    error_message = "And whoever checks the deployment is told where."
  }
}

run "vertex_ai_alone_needs_no_api_key" {
  command = plan

  variables {
    reconcile = { vertex_locations = ["europe-west4"] }
    results   = { files_api = false }
  }

  assert {
    condition     = !contains(keys(google_cloudfunctions2_function.this["reconcile"].service_config[0].environment_variables), "GEMINI_API_KEY_SECRET") && length(google_secret_manager_secret_iam_member.api_key) == 0
    error_message = "The function does not read it and is not told of it."
  }

  assert {
    condition     = output.without_reconcile == null
    error_message = "There is something to look at."
  }

  expect_failures = [check.api_key]
}

run "one_service_leaves_it_as_it_is" {
  command = plan

  variables {
    single_service = true
  }

  assert {
    condition     = google_pubsub_topic_iam_binding.queue_publishers.members == toset(["serviceAccount:gemini-webhook-public@acme-prod.iam.gserviceaccount.com", "serviceAccount:gemini-webhook-recon@acme-prod.iam.gserviceaccount.com"])
    error_message = "A function and an account of its own."
  }
}

run "an_account_that_is_there_is_used" {
  command = plan

  variables {
    service_accounts = { reconcile = "looks@acme-accounts.iam.gserviceaccount.com" }
  }

  assert {
    condition     = !contains(keys(google_service_account.this), "reconcile") && google_cloudfunctions2_function.this["reconcile"].service_config[0].service_account_email == "looks@acme-accounts.iam.gserviceaccount.com" && contains(google_pubsub_topic_iam_binding.queue_publishers.members, "serviceAccount:looks@acme-accounts.iam.gserviceaccount.com")
    error_message = "It runs the function, and has what it needs."
  }
}

run "off_makes_nothing" {
  command = plan

  variables {
    reconcile = null
  }

  assert {
    condition     = toset(keys(google_cloudfunctions2_function.this)) == toset(["public", "tasks"]) && !contains(keys(google_service_account.this), "reconcile") && length(google_pubsub_topic.reconcile) == 0 && length(google_cloud_scheduler_job.reconcile) == 0
    error_message = "No function, account, topic and schedule."
  }

  assert {
    condition     = google_pubsub_topic_iam_binding.queue_publishers.members == toset(["serviceAccount:gemini-webhook-public@acme-prod.iam.gserviceaccount.com", "serviceAccount:gemini-webhook-tasks@acme-prod.iam.gserviceaccount.com"]) && length(google_storage_bucket_iam_member.reconcile_state) == 0 && keys(google_secret_manager_secret_iam_member.api_key) == ["tasks"]
    error_message = "No grants."
  }

  assert {
    condition     = length(google_project_service_identity.cloudscheduler) == 0 && length(google_project_service_identity.eventarc) == 0 && length(setintersection(["cloudscheduler.googleapis.com", "eventarc.googleapis.com", "aiplatform.googleapis.com"], keys(google_project_service.this))) == 0
    error_message = "No APIs."
  }

  assert {
    condition     = output.without_reconcile != null && strcontains(output.commands.doctor, " --without-reconcile") && !contains(keys(output.commands), "reconcile") && !contains(keys(output.service_accounts), "reconcile")
    error_message = "The outputs say so."
  }
}

run "the_canary_is_off_where_that_is_said" {
  command = plan

  variables {
    reconcile = { canary = false }
  }

  assert {
    condition     = !contains(keys(google_cloudfunctions2_function.this["reconcile"].service_config[0].environment_variables), "CANARY_WEBHOOK")
    error_message = "No webhook is pinged."
  }
}

run "there_is_no_canary_without_a_webhook_of_ours" {
  command = plan

  variables {
    webhook = { create = false }
  }

  assert {
    condition     = !contains(keys(google_cloudfunctions2_function.this["reconcile"].service_config[0].environment_variables), "CANARY_WEBHOOK")
    error_message = "Somebody else's webhook is not pinged."
  }
}

run "there_is_no_canary_without_the_key" {
  command = plan

  variables {
    results   = { files_api = false }
    reconcile = { vertex_locations = ["global"] }
  }

  assert {
    condition     = !contains(keys(google_cloudfunctions2_function.this["reconcile"].service_config[0].environment_variables), "CANARY_WEBHOOK")
    error_message = "Who has no API key cannot ask for a ping."
  }

  expect_failures = [check.api_key]
}
