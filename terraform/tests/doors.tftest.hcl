# Who can reach what, and with which limits.

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

run "the_public_door_is_open_and_small_and_the_private_door_is_pubsubs_alone" {
  command = plan

  assert {
    condition     = google_cloudfunctions2_function.this["public"].service_config[0].environment_variables.DOORS == "public"
    error_message = "The public function serves the public door alone."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["public"].service_config[0].ingress_settings == "ALLOW_ALL" && google_cloud_run_v2_service_iam_binding.invokers["public"].members == toset(["allUsers"])
    error_message = "Gemini has no Google Cloud identity: the door is open, and signatures are checked."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["public"].service_config[0].max_instance_request_concurrency == 80 && google_cloudfunctions2_function.this["public"].service_config[0].timeout_seconds == 15 && google_cloudfunctions2_function.this["public"].service_config[0].available_cpu == "1" && google_cloudfunctions2_function.this["public"].service_config[0].available_memory == "256Mi" && google_cloudfunctions2_function.this["public"].service_config[0].max_instance_count == 20
    error_message = "Limits of the public door are explicit."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["public"].service_config[0].service_account_email == "gemini-webhook-public@acme-prod.iam.gserviceaccount.com"
    error_message = "The public door has an account of its own."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["public"].service_config[0].environment_variables.GOMEMLIMIT == "204MiB"
    error_message = "GOMEMLIMIT is 80% of the memory."
  }

  assert {
    condition     = toset(keys(google_cloudfunctions2_function.this["public"].service_config[0].environment_variables)) == toset(["DOORS", "GOOGLE_CLOUD_PROJECT", "QUEUE_TOPIC", "SIGNING_SECRETS", "DYNAMIC_TOKEN_SECRET", "GOMEMLIMIT"])
    error_message = "The environment of the public door has the queue and its secrets, nothing else."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["public"].service_config[0].environment_variables.QUEUE_TOPIC == "gemini-webhook-queue" && google_cloudfunctions2_function.this["public"].service_config[0].environment_variables.SIGNING_SECRETS == "projects/acme-prod/secrets/gemini-webhook-signing-secret" && google_cloudfunctions2_function.this["public"].service_config[0].environment_variables.DYNAMIC_TOKEN_SECRET == "projects/acme-prod/secrets/gemini-webhook-token"
    error_message = "Names in the environment are those of the resources."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["tasks"].service_config[0].environment_variables.DOORS == "tasks" && google_cloudfunctions2_function.this["tasks"].service_config[0].ingress_settings == "ALLOW_INTERNAL_ONLY"
    error_message = "The private door is not on the internet."
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invokers["tasks"].members == toset(["serviceAccount:gemini-webhook-push@acme-prod.iam.gserviceaccount.com"])
    error_message = "Only the push account may call the private door."
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invokers["tasks"].name == "gemini-webhook-tasks" && google_cloud_run_v2_service_iam_binding.invokers["tasks"].role == "roles/run.invoker"
    error_message = "The grant is on the private service."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["tasks"].service_config[0].max_instance_request_concurrency == 4 && google_cloudfunctions2_function.this["tasks"].service_config[0].timeout_seconds == 600 && google_cloudfunctions2_function.this["tasks"].service_config[0].available_cpu == "1" && google_cloudfunctions2_function.this["tasks"].service_config[0].available_memory == "1024Mi" && google_cloudfunctions2_function.this["tasks"].service_config[0].max_instance_count == 10
    error_message = "Limits of the private door are explicit."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["tasks"].service_config[0].service_account_email == "gemini-webhook-tasks@acme-prod.iam.gserviceaccount.com" && google_cloudfunctions2_function.this["tasks"].service_config[0].environment_variables.GOMEMLIMIT == "819MiB"
    error_message = "The private door has an account of its own and 80% of its memory as GOMEMLIMIT."
  }

  assert {
    condition     = !contains(keys(google_cloudfunctions2_function.this["tasks"].service_config[0].environment_variables), "SIGNING_SECRETS") && !contains(keys(google_cloudfunctions2_function.this["tasks"].service_config[0].environment_variables), "DYNAMIC_TOKEN_SECRET")
    error_message = "The private door has no signing secret."
  }

  assert {
    condition     = toset([for s in google_pubsub_subscription.queue : s.filter]) == toset(["attributes.kind = \"event\"", "attributes.kind = \"range\""])
    error_message = "Each kind of work has its subscription."
  }

  assert {
    condition     = alltrue([for s in google_pubsub_subscription.queue : one(one(s.push_config).oidc_token).service_account_email == "gemini-webhook-push@acme-prod.iam.gserviceaccount.com"])
    error_message = "Every push carries a token of the push account."
  }

  assert {
    condition     = alltrue([for s in google_pubsub_subscription.queue : one(one(s.push_config).oidc_token).audience == google_cloudfunctions2_function.this["tasks"].service_config[0].environment_variables.PUSH_AUDIENCE])
    error_message = "The audience is the one that the function checks."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["tasks"].service_config[0].environment_variables.PUSH_SERVICE_ACCOUNT == "gemini-webhook-push@acme-prod.iam.gserviceaccount.com"
    error_message = "The function expects the account that pushes."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["tasks"].service_config[0].environment_variables.PUSH_AUDIENCE == "https://gemini-webhook-tasks-1234.europe-west1.run.app"
    error_message = "Cloud Run lets in only tokens whose audience is an address of the service."
  }

  assert {
    condition     = alltrue([for s in google_pubsub_subscription.queue : one(s.push_config).push_endpoint == "https://function-hash-ew.a.run.app/tasks/process"])
    error_message = "Work is pushed to /tasks/process."
  }

  assert {
    condition     = alltrue([for s in google_pubsub_subscription.queue : s.ack_deadline_seconds == 600 && one(s.retry_policy).minimum_backoff == "10s" && one(s.retry_policy).maximum_backoff == "600s"])
    error_message = "Back-off 10 to 600 s, and Pub/Sub waits as long as the function may run."
  }

  assert {
    condition     = alltrue([for s in google_pubsub_subscription.queue : tostring(one(s.dead_letter_policy).max_delivery_attempts) == google_cloudfunctions2_function.this["tasks"].service_config[0].environment_variables.MAX_DELIVERY_ATTEMPTS && one(s.dead_letter_policy).max_delivery_attempts == 30])
    error_message = "The receiver counts the same 30 attempts."
  }

  assert {
    condition     = alltrue([for s in google_pubsub_subscription.queue : one(s.expiration_policy).ttl == ""])
    error_message = "Push subscriptions do not expire in a quiet month."
  }
}

run "one_service_can_serve_both_doors" {
  command = plan

  variables {
    single_service = true
  }

  assert {
    condition     = toset(keys(google_cloudfunctions2_function.this)) == toset(["public", "reconcile"]) && google_cloudfunctions2_function.this["public"].service_config[0].environment_variables.DOORS == "both"
    error_message = "One function with both doors."
  }

  assert {
    condition     = !contains(keys(google_service_account.this), "tasks") && google_pubsub_topic_iam_binding.queue_publishers.members == toset(["serviceAccount:gemini-webhook-public@acme-prod.iam.gserviceaccount.com", "serviceAccount:gemini-webhook-recon@acme-prod.iam.gserviceaccount.com"])
    error_message = "One account for both doors, and none for the private one publishes to the queue."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["public"].service_config[0].timeout_seconds == 600 && google_cloudfunctions2_function.this["public"].service_config[0].available_memory == "1024Mi" && google_cloudfunctions2_function.this["public"].service_config[0].environment_variables.GOMEMLIMIT == "819MiB"
    error_message = "It has the limits that the work needs."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["public"].service_config[0].environment_variables.PUSH_AUDIENCE == "https://gemini-webhook-1234.europe-west1.run.app"
    error_message = "The audience is the address of the one service."
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invokers["public"].members == toset(["allUsers", "serviceAccount:gemini-webhook-push@acme-prod.iam.gserviceaccount.com"])
    error_message = "Gemini and Pub/Sub may call it."
  }
}

run "the_public_door_can_be_closed_to_all_users" {
  command = plan

  variables {
    public_access = { invokers = [], ingress = "ALLOW_INTERNAL_AND_GCLB" }
  }

  assert {
    condition     = toset(keys(google_cloud_run_v2_service_iam_binding.invokers)) == toset(["tasks", "reconcile"])
    error_message = "Nobody is granted the public door."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["public"].service_config[0].ingress_settings == "ALLOW_INTERNAL_AND_GCLB"
    error_message = "Only a load balancer reaches it."
  }

  assert {
    condition     = strcontains(output.commands.open_public_door, "--no-invoker-iam-check")
    error_message = "The command that opens it without allUsers is given."
  }
}
