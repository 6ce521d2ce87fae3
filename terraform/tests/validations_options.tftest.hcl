# Wrong options, as wrong inputs in validations.tftest.hcl. The
# plans are of the variables alone (tests/inputs has links to them), which takes
# no provider and no time.

variables {
  project_id     = "acme-prod"
  region         = "europe-west1"
  api_key_secret = "projects/acme-prod/secrets/gemini-api-key"
}

run "half_a_cpu_serves_one_request" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    public_door = { cpu = 0.5 }
  }
  expect_failures = [var.public_door]
}

run "the_public_door_needs_memory" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    public_door = { memory_mib = 128 }
  }
  expect_failures = [var.public_door]
}

run "the_public_door_answers_soon" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    public_door = { timeout_seconds = 600 }
  }
  expect_failures = [var.public_door]
}

run "max_instances_is_not_below_min_instances" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    public_door = { min_instances = 30 }
  }
  expect_failures = [var.public_door]
}

run "the_private_door_has_few_requests_at_once" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    private_door = { concurrency = 80 }
  }
  expect_failures = [var.private_door]
}

run "the_private_door_has_memory_for_its_longest_line" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    private_door = { memory_mib = 767 }
    receiver     = { max_line_bytes = 67108864 }
  }
  expect_failures = [var.private_door]
}

run "one_service_for_both_doors_has_memory_for_both" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    single_service = true
    private_door   = { memory_mib = 512 }
    receiver       = { max_line_bytes = 16777217 }
  }
  expect_failures = [var.private_door]
}

run "the_private_door_is_not_cut_off_early" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    private_door = { timeout_seconds = 60 }
  }
  expect_failures = [var.private_door]
}

run "the_private_door_is_not_longer_than_pubsub_waits" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    private_door = { timeout_seconds = 900 }
  }
  expect_failures = [var.private_door]
}

run "all_authenticated_users_is_no_invoker" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    public_access = { invokers = ["allAuthenticatedUsers"] }
  }
  expect_failures = [var.public_access]
}

run "internal_only_keeps_gemini_out" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    public_access = { ingress = "ALLOW_INTERNAL_ONLY" }
  }
  expect_failures = [var.public_access]
}

run "failed_lines_are_sent_again_at_most_five_times" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    receiver = { retry_failed = 6 }
  }
  expect_failures = [var.receiver]
}

run "failed_lines_are_sent_again_with_the_gemini_api" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    receiver = { retry_failed = 1 }
    results  = { files_api = false }
  }
  expect_failures = [var.receiver]
}

run "batch_results_is_one_of_two" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    receiver = { batch_results = "none" }
  }
  expect_failures = [var.receiver]
}

run "limits_are_those_of_the_receiver" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    receiver = { max_body_bytes = 10 }
  }
  expect_failures = [var.receiver]
}

run "an_overlap_has_a_limit" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    receiver = { signing_secret_overlap_hours = 9000 }
  }
  expect_failures = [var.receiver]
}

run "latest_cannot_be_revoked" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    receiver = { revoked_versions = ["projects/acme-prod/secrets/s/versions/latest"] }
  }
  expect_failures = [var.receiver]
}

run "a_bucket_is_a_name" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    results = { buckets = [{ name = "gs://acme-batches" }] }
  }
  expect_failures = [var.results]
}

run "a_prefix_ends_with_a_slash" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    results = { buckets = [{ name = "acme-batches", prefix = "team" }] }
  }
  expect_failures = [var.results]
}

run "a_prefix_cannot_break_out_of_its_condition" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    results = { buckets = [{ name = "acme-batches", prefix = "a\"/" }] }
  }
  expect_failures = [var.results]
}

run "a_place_is_named_once" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    results = { buckets = [{ name = "acme-batches" }, { name = "acme-batches" }] }
  }
  expect_failures = [var.results]
}

run "results_are_not_read_from_the_state_bucket" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    results = { buckets = [{ name = "acme-prod-gemini-webhook-state" }] }
  }
  expect_failures = [var.results]
}

run "the_archive_is_not_read_as_results" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    results = { buckets = [{ name = "acme-prod-gemini-webhook-archive" }] }
  }
  expect_failures = [var.results]
}

run "results_and_archive_are_two_buckets" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    results = { buckets = [{ name = "acme-kept" }] }
    archive = { bucket = "acme-kept" }
  }
  expect_failures = [var.results]
}

run "state_and_archive_are_two_buckets" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    archive = { bucket = "acme-prod-gemini-webhook-state" }
  }
  expect_failures = [var.archive]
}

run "an_archive_is_a_whole_bucket" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    archive = { bucket = "gs://acme-kept/gemini" }
  }
  expect_failures = [var.archive]
}

run "an_existing_archive_has_its_owners_rules" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    archive = { bucket = "acme-kept", delete_after_days = 365 }
    given   = { archive = ["bucket", "delete_after_days"] }
  }
  expect_failures = [var.given]
}

run "a_zone_keeps_no_archive" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    archive = { location = "europe-west1-b" }
  }
  expect_failures = [var.archive]
}

run "an_archive_elsewhere_takes_no_regional_key" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    archive = { location = "EU" }
    cmek    = { key_name = "projects/keys/locations/europe-west1/keyRings/r/cryptoKeys/k" }
  }
  expect_failures = [var.archive]
}

run "an_archive_has_a_class_of_cloud_storage" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    archive = { storage_class = "REGIONAL" }
  }
  expect_failures = [var.archive]
}

run "copies_outlive_dead_letters" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    archive = { delete_after_days = 14 }
  }
  expect_failures = [var.archive]
}

run "copies_are_kept_for_what_is_billed" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    archive = { storage_class = "ARCHIVE" }
  }
  expect_failures = [var.archive]
}

run "an_archive_may_be_elsewhere_and_for_ever" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    archive = { location = "EUR4", storage_class = "ARCHIVE", delete_after_days = 0 }
    given   = { archive = ["location", "storage_class", "delete_after_days"] }
  }
}

run "state_outlives_dead_letters" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    state = { retention_days = 14 }
  }
  expect_failures = [var.state]
}

run "topics_keep_31_days_at_most" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    topics = { queue_retention_days = 60 }
  }
  expect_failures = [var.topics]
}

run "a_key_version_is_not_a_key" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    cmek = { key_name = "projects/keys/locations/europe-west1/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1" }
  }
  expect_failures = [var.cmek]
}

run "a_key_is_in_the_region" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    cmek = { key_name = "projects/keys/locations/us-east1/keyRings/r/cryptoKeys/k" }
  }
  expect_failures = [var.cmek]
}

run "a_dataset_has_no_hyphen" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    bigquery = { dataset_id = "gemini-webhook" }
  }
  expect_failures = [var.bigquery]
}

run "a_workflow_is_a_full_name" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    workflows = { workflow_id = "done" }
  }
  expect_failures = [var.workflows]
}

run "a_channel_is_a_full_name" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    alerts = { notification_channels = ["ops@acme.example"] }
  }
  expect_failures = [var.alerts]
}

run "a_commit_is_one_word" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    build = { commit = "main branch" }
  }
  expect_failures = [var.build]
}

run "a_rotation_needs_a_webhook" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    rotation = { period = "2592000s" }
    webhook  = { create = false }
  }
  expect_failures = [var.rotation]
}

run "one_account_is_not_for_two_functions" {
  command = plan
  module { source = "./tests/inputs" }
  variables { service_accounts = { public = "door@acme-prod.iam.gserviceaccount.com", tasks = "door@acme-prod.iam.gserviceaccount.com" } }
  expect_failures = [var.service_accounts]
}

run "an_account_is_an_address" {
  command = plan
  module { source = "./tests/inputs" }
  variables { service_accounts = { public = "serviceAccount:door@acme-prod.iam.gserviceaccount.com" } }
  expect_failures = [var.service_accounts]
}

run "outcomes_do_not_go_to_the_queue" {
  command = plan
  module { source = "./tests/inputs" }
  variables { topics = { existing_outcomes = "gemini-webhook-queue" } }
  expect_failures = [var.topics]
}

run "an_existing_topic_is_an_id" {
  command = plan
  module { source = "./tests/inputs" }
  variables { topics = { existing_results = "projects/acme-prod/topics/results" } }
  expect_failures = [var.topics]
}

run "a_connector_is_in_the_region" {
  command = plan
  module { source = "./tests/inputs" }
  variables { network = { connector = "projects/acme-prod/locations/us-central1/connectors/shared" } }
  expect_failures = [var.network]
}

run "the_platforms_variables_are_its_own" {
  command = plan
  module { source = "./tests/inputs" }
  variables { receiver = { extra_environment = { PORT = "80" } } }
  expect_failures = [var.receiver]
}

run "a_runtime_is_new_enough" {
  command = plan
  module { source = "./tests/inputs" }
  variables { build = { runtime = "go125" } }
  expect_failures = [var.build]
}

run "a_schedule_has_the_five_fields_of_cron" {
  command = plan
  module { source = "./tests/inputs" }
  variables { reconcile = { schedule = "every 15 minutes" } }
  expect_failures = [var.reconcile]
}

run "a_scheduler_has_a_region" {
  command = plan
  module { source = "./tests/inputs" }
  variables { reconcile = { scheduler_region = "EU" } }
  expect_failures = [var.reconcile]
}

run "what_is_looked_back_at_is_known" {
  command = plan
  module { source = "./tests/inputs" }
  variables { reconcile = { lookback_hours = 24 * 60 } }
  expect_failures = [var.reconcile]
}

run "state_that_goes_sooner_shortens_the_look_back" {
  command = plan
  module { source = "./tests/inputs" }
  variables {
    reconcile = { lookback_hours = 24 * 32 }
    state     = { retention_days = 32 }
  }
  expect_failures = [var.reconcile]
}

run "looking_back_is_an_hour_at_least" {
  command = plan
  module { source = "./tests/inputs" }
  variables { reconcile = { lookback_hours = 0 } }
  expect_failures = [var.reconcile]
}

run "a_grace_ends_before_the_look_back" {
  command = plan
  module { source = "./tests/inputs" }
  variables { reconcile = { lookback_hours = 2, grace_minutes = 120 } }
  expect_failures = [var.reconcile]
}

run "a_grace_is_not_negative" {
  command = plan
  module { source = "./tests/inputs" }
  variables { reconcile = { grace_minutes = -1 } }
  expect_failures = [var.reconcile]
}

run "a_continent_is_not_a_location_of_vertex_ai" {
  command = plan
  module { source = "./tests/inputs" }
  variables { reconcile = { vertex_locations = ["europe"] } }
  expect_failures = [var.reconcile]
}

run "a_runbooks_address_has_no_slash_at_its_end" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    alerts = { runbook_base_url = "https://git.example/runbooks/" }
  }
  expect_failures = [var.alerts]
}

run "an_alert_looks_back_for_a_day" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    alerts = { thresholds = { absence_hours = 48 } }
  }
  expect_failures = [var.alerts]
}

run "thresholds_are_whole" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    alerts = { thresholds = { dead_letters = 0.5 } }
  }
  expect_failures = [var.alerts]
}

run "a_goal_leaves_a_budget" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    alerts = { thresholds = { fresh_goal = 1 } }
  }
  expect_failures = [var.alerts]
}

run "a_share_is_below_one" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    alerts = { thresholds = { failed_lines_share = 20 } }
  }
  expect_failures = [var.alerts]
}

run "work_waits_for_five_minutes_at_least" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    alerts = { thresholds = { waiting_seconds = 60 } }
  }
  expect_failures = [var.alerts]
}

run "a_reconciliation_is_missed_after_its_schedule" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    alerts = { thresholds = { reconciliation_minutes = 5 } }
  }
  expect_failures = [var.alerts]
}
