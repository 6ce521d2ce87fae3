# Options do what they say.

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

run "settings_reach_the_receiver_and_the_rotation" {
  command = plan

  variables {
    receiver = {
      batch_results                = "summary"
      chunk_bytes                  = 1048576
      max_line_bytes               = 4194304
      retry_failed                 = 2
      max_body_bytes               = 524288
      signing_secret_overlap_hours = 48
      dynamic_token_overlap_hours  = 24
      secret_ttl_seconds           = 60
      stale_limit_hours            = 2
      replay_tolerance_seconds     = 600
      revoked_versions             = ["projects/acme-prod/secrets/gemini-webhook-token/versions/3"]
      jwt_audiences                = ["a", "b"]
      jwt_issuers                  = ["https://issuer.example"]
      dynamic_open                 = true
      log_level                    = "debug"
    }
    rotation = { period = "2592000s" }
  }

  assert {
    condition     = { for k, v in google_cloudfunctions2_function.this["public"].service_config[0].environment_variables : k => v if !contains(["DOORS", "GOOGLE_CLOUD_PROJECT", "QUEUE_TOPIC", "SIGNING_SECRETS", "DYNAMIC_TOKEN_SECRET", "GOMEMLIMIT"], k) } == { MAX_BODY_BYTES = "524288", SIGNING_SECRET_OVERLAP = "48h", DYNAMIC_TOKEN_OVERLAP = "24h", SECRET_TTL = "60s", STALE_LIMIT = "2h", REPLAY_TOLERANCE = "600s", REVOKED_VERSIONS = "projects/acme-prod/secrets/gemini-webhook-token/versions/3", JWT_AUDIENCES = "a,b", JWT_ISSUERS = "https://issuer.example", DYNAMIC_OPEN = "true", LOG_LEVEL = "debug" }
    error_message = "Those of the public door."
  }

  assert {
    condition     = { for k in ["BATCH_RESULTS", "CHUNK_BYTES", "MAX_LINE_BYTES", "RETRY_FAILED", "STALE_LIMIT", "LOG_LEVEL"] : k => google_cloudfunctions2_function.this["tasks"].service_config[0].environment_variables[k] } == { BATCH_RESULTS = "summary", CHUNK_BYTES = "1048576", MAX_LINE_BYTES = "4194304", RETRY_FAILED = "2", STALE_LIMIT = "2h", LOG_LEVEL = "debug" }
    error_message = "Those of the private door."
  }

  assert {
    condition     = { for k, v in google_cloudfunctions2_function.this["rotate"].service_config[0].environment_variables : k => v if k != "GOMEMLIMIT" } == { GOOGLE_CLOUD_PROJECT = "acme-prod", GEMINI_API_KEY_SECRET = var.api_key_secret, SIGNING_SECRETS = "projects/acme-prod/secrets/gemini-webhook-signing-secret", SIGNING_SECRET_OVERLAP = "48h", LOG_LEVEL = "debug" }
    error_message = "Those of the rotation."
  }

  assert {
    condition     = one(google_secret_manager_secret.signing.rotation).rotation_period == "2592000s" && length(google_secret_manager_secret.signing.topics) == 1
    error_message = "Secret Manager says when it is due."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["rotate"].build_config[0].entry_point == "RotateSigningSecret" && google_cloudfunctions2_function.this["rotate"].event_trigger[0].event_type == "google.cloud.pubsub.topic.v1.messagePublished" && google_cloudfunctions2_function.this["rotate"].event_trigger[0].retry_policy == "RETRY_POLICY_RETRY"
    error_message = "The function hears of it, again if it failed."
  }

  assert {
    condition     = google_project_service_identity.eventarc[0].service == "eventarc.googleapis.com" && contains(keys(google_project_service.this), "eventarc.googleapis.com")
    error_message = "Eventarc is there to tell it."
  }
}

run "labels_are_on_everything_that_takes_them" {
  command = plan

  variables {
    labels   = { team = "search" }
    rotation = { period = "2592000s" }
    results  = { create = true }
  }

  assert {
    condition     = alltrue([for l in concat([for f in google_cloudfunctions2_function.this : f.labels], [for s in google_pubsub_subscription.queue : s.labels], [for s in google_pubsub_subscription.inspect : s.labels], [google_pubsub_topic.queue.labels, google_pubsub_topic.published["outcomes"].labels, google_pubsub_topic.published["results"].labels, one(google_pubsub_topic.rotation).labels, one(google_pubsub_topic.reconcile).labels, google_storage_bucket.state.labels, google_storage_bucket.source.labels, one(google_storage_bucket.results).labels, one(google_storage_bucket.archive).labels, google_secret_manager_secret.signing.labels, one(google_secret_manager_secret.token).labels, google_artifact_registry_repository.images.labels]) : l == tomap({ team = "search" })])
    error_message = "One of the resources lacks the labels."
  }
}

run "data_at_rest_takes_a_key" {
  command = plan

  variables {
    cmek     = { key_name = "projects/keys/locations/europe-west1/keyRings/r/cryptoKeys/k" }
    bigquery = {}
    results  = { create = true }
  }

  assert {
    condition     = alltrue([for t in [google_pubsub_topic.queue, google_pubsub_topic.published["outcomes"], google_pubsub_topic.published["results"], one(google_pubsub_topic.reconcile)] : t.kms_key_name == var.cmek.key_name])
    error_message = "Topics."
  }

  assert {
    condition     = alltrue([for b in [google_storage_bucket.state, google_storage_bucket.source, one(google_storage_bucket.results), one(google_storage_bucket.archive)] : one(b.encryption).default_kms_key_name == var.cmek.key_name])
    error_message = "Buckets."
  }

  assert {
    condition     = alltrue([for s in [google_secret_manager_secret.signing, one(google_secret_manager_secret.token)] : s.replication[0].user_managed[0].replicas[0].customer_managed_encryption[0].kms_key_name == var.cmek.key_name && s.replication[0].user_managed[0].replicas[0].location == "europe-west1"])
    error_message = "Secrets, in the region of the key."
  }

  assert {
    condition     = google_artifact_registry_repository.images.kms_key_name == var.cmek.key_name && alltrue([for f in google_cloudfunctions2_function.this : f.kms_key_name == var.cmek.key_name])
    error_message = "Images and functions."
  }

  assert {
    condition     = one(one(google_project_iam_member.build_reads_source).condition).expression == "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-1234-europe-west1-\")"
    error_message = "With a key, Cloud Functions builds from a bucket whose name ends with a hash of it."
  }
}

run "what_others_do_can_be_left_to_them" {
  command = plan

  variables {
    cmek        = { key_name = "projects/keys/locations/europe-west1/keyRings/r/cryptoKeys/k" }
    enable_apis = false
    dynamic     = { enabled = false }
    webhook     = { create = false }
  }

  assert {
    condition     = length(google_project_service.this) == 0
    error_message = "No API is enabled."
  }

  assert {
    condition     = length(google_secret_manager_secret.token) == 0 && length(gemini_webhook_token.this) == 0 && length(google_logging_project_exclusion.tokens) == 0
    error_message = "No token, and nothing about it."
  }

  assert {
    condition     = !contains(keys(google_cloudfunctions2_function.this["public"].service_config[0].environment_variables), "DYNAMIC_TOKEN_SECRET") && output.dynamic_webhook_base == null
    error_message = "The door refuses them."
  }

  assert {
    condition     = toset(keys(google_secret_manager_secret_iam_member.public)) == toset(["signing-secretAccessor", "signing-viewer"])
    error_message = "No grant for a secret that is not there."
  }

  assert {
    condition     = length(gemini_webhook.this) == 0 && google_secret_manager_secret.signing.secret_id == "gemini-webhook-signing-secret"
    error_message = "The secret is there for whoever registers it."
  }
}

run "a_domain_of_ones_own_and_a_workflow" {
  command = plan

  variables {
    webhook   = { base_url = "https://hooks.acme.example", path = "/a/b" }
    workflows = { workflow_id = "projects/acme-prod/locations/europe-west1/workflows/done" }
  }

  assert {
    condition     = output.webhook_uri == "https://hooks.acme.example/a/b" && output.dynamic_webhook_base == "https://hooks.acme.example/dynamic"
    error_message = "Gemini is told the domain."
  }

  assert {
    condition     = length(module.workflow) == 1
    error_message = "A trigger."
  }

  assert {
    condition     = contains(keys(google_project_service.this), "workflowexecutions.googleapis.com") && contains(keys(google_project_service.this), "eventarc.googleapis.com")
    error_message = "The APIs for it."
  }
}

run "what_is_there_already_is_used" {
  command = plan

  variables {
    rotation = { period = "2592000s" }
    topics   = { existing_outcomes = "team-events" }
    archive  = { bucket = "acme-kept" }
    service_accounts = {
      public = "door@acme-accounts.iam.gserviceaccount.com"
      build  = "builder@acme-prod.iam.gserviceaccount.com"
    }
    network  = { connector = "projects/acme-prod/locations/europe-west1/connectors/shared" }
    receiver = { extra_environment = { HTTPS_PROXY = "http://proxy:3128", QUEUE_TOPIC = "somebody-elses" } }
    build    = { runtime = "go127", worker_pool = "projects/acme-prod/locations/europe-west1/workerPools/private" }
  }

  assert {
    condition     = toset(keys(google_service_account.this)) == toset(["tasks", "push", "rotate", "reconcile"]) && keys(google_pubsub_topic.published) == ["results"]
    error_message = "What is there is not made again."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["public"].service_config[0].service_account_email == "door@acme-accounts.iam.gserviceaccount.com" && google_pubsub_topic_iam_binding.queue_publishers.members == toset(["serviceAccount:door@acme-accounts.iam.gserviceaccount.com", "serviceAccount:gemini-webhook-tasks@acme-prod.iam.gserviceaccount.com", "serviceAccount:gemini-webhook-recon@acme-prod.iam.gserviceaccount.com"])
    error_message = "The existing account runs the door, and has what it needs."
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.build_config[0].service_account == "projects/acme-prod/serviceAccounts/builder@acme-prod.iam.gserviceaccount.com" && f.build_config[0].runtime == "go127" && f.build_config[0].worker_pool == "projects/acme-prod/locations/europe-west1/workerPools/private"])
    error_message = "The existing account builds, in the pool, for the runtime."
  }

  assert {
    condition     = google_pubsub_topic_iam_member.tasks_publishes["outcomes"].topic == "team-events" && google_cloudfunctions2_function.this["tasks"].service_config[0].environment_variables["OUTCOMES_TOPIC"] == "team-events" && output.topics.outcomes == "projects/acme-prod/topics/team-events"
    error_message = "Outcomes go to the existing topic, where the private door may publish."
  }

  assert {
    condition     = length(google_storage_bucket.archive) == 0 && alltrue([for g in google_storage_bucket_iam_member.tasks_archive : g.bucket == "acme-kept"]) && google_cloudfunctions2_function.this["tasks"].service_config[0].environment_variables["ARCHIVE_BUCKET"] == "acme-kept" && strcontains(output.commands.doctor, " --archive-bucket=acme-kept")
    error_message = "Copies go to the existing bucket, where the private door may create and read."
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.service_config[0].vpc_connector == var.network.connector && f.service_config[0].vpc_connector_egress_settings == "ALL_TRAFFIC"])
    error_message = "Every function goes through the connector."
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.service_config[0].environment_variables["HTTPS_PROXY"] == "http://proxy:3128"]) && google_cloudfunctions2_function.this["public"].service_config[0].environment_variables["QUEUE_TOPIC"] == "gemini-webhook-queue"
    error_message = "The extra environment is there, and does not replace what the module sets."
  }
}

run "grants_that_google_is_late_with_are_waited_for" {
  command = plan

  variables {
    rotation = { period = "2592000s" }
  }

  assert {
    condition     = time_sleep.granted.create_duration == "60s" && toset(keys(time_sleep.granted.triggers)) == toset(["images", "logs", "source", "bucket", "eventarc"])
    error_message = "Before the functions: the build's grants and Eventarc's agent, each time one of them is made again."
  }
}
