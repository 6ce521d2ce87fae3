# Every account has what it needs, on the resource. That there is nothing beyond
# the list in README.md is checked on applied states, by tests/scan.

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

run "every_account_has_what_it_needs_on_the_resource" {
  command = plan

  assert {
    condition     = google_pubsub_topic_iam_binding.queue_publishers.members == toset(["serviceAccount:gemini-webhook-public@acme-prod.iam.gserviceaccount.com", "serviceAccount:gemini-webhook-tasks@acme-prod.iam.gserviceaccount.com", "serviceAccount:gemini-webhook-recon@acme-prod.iam.gserviceaccount.com"])
    error_message = "Whoever may publish to the queue skips verification: exactly the two doors, and what reconciles."
  }

  assert {
    condition     = google_pubsub_topic_iam_binding.queue_publishers.topic == "gemini-webhook-queue" && google_pubsub_topic_iam_binding.queue_publishers.role == "roles/pubsub.publisher"
    error_message = "The binding, which is authoritative, is on the queue."
  }

  assert {
    condition     = toset(keys(google_secret_manager_secret_iam_member.public)) == toset(["signing-secretAccessor", "signing-viewer", "token-secretAccessor", "token-viewer"])
    error_message = "Access and list, on the two secrets."
  }

  assert {
    condition     = alltrue([for g in google_secret_manager_secret_iam_member.public : g.member == "serviceAccount:gemini-webhook-public@acme-prod.iam.gserviceaccount.com" && contains(["roles/secretmanager.secretAccessor", "roles/secretmanager.viewer"], g.role)])
    error_message = "For the public door alone."
  }

  assert {
    condition     = alltrue([for g in google_pubsub_topic_iam_member.tasks_publishes : g.member == "serviceAccount:gemini-webhook-tasks@acme-prod.iam.gserviceaccount.com" && g.role == "roles/pubsub.publisher"]) && length(google_pubsub_topic_iam_member.tasks_publishes) == 2
    error_message = "Outcomes and results are published by the private door."
  }

  assert {
    condition     = toset(keys(google_storage_bucket_iam_member.tasks_state)) == toset(["roles/storage.objectCreator", "roles/storage.objectViewer"]) && alltrue([for g in google_storage_bucket_iam_member.tasks_state : g.member == "serviceAccount:gemini-webhook-tasks@acme-prod.iam.gserviceaccount.com" && g.bucket == "acme-prod-gemini-webhook-state"])
    error_message = "State is created and read, never replaced or deleted."
  }

  assert {
    condition     = { for role, g in google_storage_bucket_iam_member.tasks_archive : role => g.member } == { for role in ["roles/storage.objectCreator", "roles/storage.objectViewer"] : role => "serviceAccount:gemini-webhook-tasks@acme-prod.iam.gserviceaccount.com" }
    error_message = "Copies are created and read, never replaced or deleted."
  }

  assert {
    condition     = toset(keys(google_secret_manager_secret_iam_member.api_key)) == toset(["tasks", "reconcile"]) && google_secret_manager_secret_iam_member.api_key["tasks"].member == "serviceAccount:gemini-webhook-tasks@acme-prod.iam.gserviceaccount.com" && google_secret_manager_secret_iam_member.api_key["tasks"].secret_id == var.api_key_secret && google_secret_manager_secret_iam_member.api_key["tasks"].role == "roles/secretmanager.secretAccessor"
    error_message = "The API key is read by the private door and what reconciles, and its secret keeps its other members."
  }

  assert {
    condition     = length(google_storage_bucket_iam_member.tasks_results) == 0
    error_message = "Without result buckets there is nothing to read."
  }

  assert {
    condition     = google_artifact_registry_repository_iam_member.build_writes.member == "serviceAccount:gemini-webhook-build@acme-prod.iam.gserviceaccount.com" && google_artifact_registry_repository_iam_member.build_writes.repository == "gemini-webhook"
    error_message = "Images go into a repository of our own."
  }

  assert {
    condition     = one(one(google_project_iam_member.build_reads_source).condition).expression == "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-1234-europe-west1/\")"
    error_message = "The grant on the project is narrowed to the bucket that Cloud Functions builds from."
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.build_config[0].service_account == "projects/acme-prod/serviceAccounts/gemini-webhook-build@acme-prod.iam.gserviceaccount.com"])
    error_message = "The functions are built by the account for it, and not by the default one."
  }

  assert {
    condition     = google_service_account_iam_member.pubsub_signs_as_push.member == "serviceAccount:service-1234@gcp-sa-pubsub.iam.gserviceaccount.com" && google_service_account_iam_member.pubsub_signs_as_push.role == "roles/iam.serviceAccountTokenCreator" && endswith(google_service_account_iam_member.pubsub_signs_as_push.service_account_id, "/gemini-webhook-push@acme-prod.iam.gserviceaccount.com")
    error_message = "Granted on that account, not on the project."
  }
}

run "results_are_read_where_they_were_named_and_nowhere_else" {
  command = plan

  variables {
    results = {
      buckets   = [{ name = "acme-batches" }, { name = "acme-shared", prefix = "team/gemini/" }]
      create    = true
      files_api = false
    }
  }

  assert {
    condition     = alltrue([for g in google_storage_bucket_iam_member.tasks_results : g.member == "serviceAccount:gemini-webhook-tasks@acme-prod.iam.gserviceaccount.com" && g.role == "roles/storage.objectViewer"]) && length(google_storage_bucket_iam_member.tasks_results) == 3
    error_message = "Reading alone, on the three buckets."
  }

  assert {
    condition     = length(google_storage_bucket_iam_member.tasks_results["acme-batches"].condition) == 0
    error_message = "The whole of the first bucket."
  }

  assert {
    condition     = strcontains(one(google_storage_bucket_iam_member.tasks_results["acme-shared/team/gemini"].condition).expression, "resource.name.startsWith(\"projects/_/buckets/acme-shared/objects/team/gemini/\")")
    error_message = "Reading only below the prefix."
  }

  assert {
    condition     = strcontains(one(google_storage_bucket_iam_member.tasks_results["acme-shared/team/gemini"].condition).expression, "objectListPrefix\", \"\").startsWith(\"team/gemini/\")")
    error_message = "Listing only below the prefix."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["tasks"].service_config[0].environment_variables.RESULT_BUCKETS == "acme-batches,acme-shared/team/gemini/,acme-prod-gemini-webhook-results"
    error_message = "RESULT_BUCKETS says the same."
  }

  assert {
    condition     = length(google_secret_manager_secret_iam_member.api_key) == 0
    error_message = "Without the Files API nobody reads the API key."
  }

  assert {
    condition     = !contains(keys(google_cloudfunctions2_function.this["tasks"].service_config[0].environment_variables), "GEMINI_API_KEY_SECRET")
    error_message = "And the function is not told of it."
  }

  assert {
    condition     = strcontains(output.without_api_key, "batch.unreadable (no_api_key)") && strcontains(output.next_steps, output.without_api_key) && strcontains(output.commands.doctor, " --without-api-key ")
    error_message = "What does not work then is said."
  }

  assert {
    condition     = !contains(keys(google_cloudfunctions2_function.this), "reconcile") && strcontains(output.without_reconcile, "no jobs to look at")
    error_message = "Nor is there anything to reconcile, which is said, too."
  }

  expect_failures = [check.api_key, check.reconcile]
}

run "the_rotation_may_change_one_secret" {
  command = plan

  variables {
    rotation = { period = "2592000s" }
  }

  assert {
    condition     = one(google_secret_manager_secret_iam_member.rotate).member == "serviceAccount:gemini-webhook-rotate@acme-prod.iam.gserviceaccount.com" && one(google_secret_manager_secret_iam_member.rotate).secret_id == output.secrets.signing
    error_message = "On the signing secret, for its own account."
  }

  assert {
    condition     = google_secret_manager_secret_iam_member.api_key["rotate"].member == "serviceAccount:gemini-webhook-rotate@acme-prod.iam.gserviceaccount.com"
    error_message = "It reads the API key."
  }

  assert {
    condition     = one(google_pubsub_topic_iam_binding.rotation_publishers).members == toset(["serviceAccount:service-1234@gcp-sa-secretmanager.iam.gserviceaccount.com"])
    error_message = "Only Secret Manager may say that a rotation is due."
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invokers["rotate"].members == toset(["serviceAccount:gemini-webhook-rotate@acme-prod.iam.gserviceaccount.com"]) && google_cloudfunctions2_function.this["rotate"].service_config[0].ingress_settings == "ALLOW_INTERNAL_ONLY"
    error_message = "Eventarc calls it, as its own account."
  }

  assert {
    condition     = !contains(google_pubsub_topic_iam_binding.queue_publishers.members, "serviceAccount:gemini-webhook-rotate@acme-prod.iam.gserviceaccount.com")
    error_message = "It may not publish to the queue."
  }
}

run "a_named_bucket_of_sources_needs_no_condition_on_the_project" {
  command = plan

  variables {
    build = { sources_bucket = "gcf-v2-sources-1234-europe-west1" }
  }

  assert {
    condition     = length(google_project_iam_member.build_reads_source) == 0 && length(google_project_iam_member.build_logs.condition) == 0
    error_message = "The project's policy has no condition of ours: gcloud would ask everybody for theirs."
  }

  assert {
    condition     = one(google_storage_bucket_iam_member.build_reads_sources).bucket == "gcf-v2-sources-1234-europe-west1" && one(google_storage_bucket_iam_member.build_reads_sources).member == "serviceAccount:gemini-webhook-build@acme-prod.iam.gserviceaccount.com" && length(one(google_storage_bucket_iam_member.build_reads_sources).condition) == 0
    error_message = "The build reads that one bucket."
  }
}
