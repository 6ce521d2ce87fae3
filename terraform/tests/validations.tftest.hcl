# Wrong inputs are refused before anything is made, with what to do instead. The
# plans are of the variables alone (tests/inputs has links to them), which takes
# no provider and no time.

variables {
  project_id     = "acme-prod"
  region         = "europe-west1"
  api_key_secret = "projects/acme-prod/secrets/gemini-api-key"
}

run "a_project_number_is_not_a_project_id" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    project_id = "123456789012"
  }
  expect_failures = [var.project_id]
}

run "a_zone_is_not_a_region" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    region = "europe-west1-b"
  }
  expect_failures = [var.region]
}

run "a_multi_region_is_not_a_region" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    region = "EU"
  }
  expect_failures = [var.region]
}

run "the_api_key_itself_is_not_its_secret" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    api_key_secret = "AIzaSyExample"
  }
  expect_failures = [var.api_key_secret]
}

run "a_version_is_not_a_secret" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    api_key_secret = "projects/acme-prod/secrets/gemini-api-key/versions/latest"
  }
  expect_failures = [var.api_key_secret]
}

run "a_name_must_leave_room_for_endings" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    name = "gemini-webhook-production"
  }
  expect_failures = [var.name]
}

run "a_name_must_be_lower_case" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    name = "Gemini"
  }
  expect_failures = [var.name]
}

run "a_name_must_not_begin_with_goog" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    name = "google-hooks"
  }
  expect_failures = [var.name]
}

run "labels_must_be_labels" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    labels = { Team = "Search" }
  }
  expect_failures = [var.labels]
}

run "the_webhook_must_not_point_to_the_private_door" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    webhook = { path = "/tasks/process" }
  }
  expect_failures = [var.webhook]
}

run "the_webhook_must_not_point_to_dynamic_paths" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    webhook = { path = "/dynamic/x" }
  }
  expect_failures = [var.webhook]
}

run "the_webhook_needs_a_clean_path" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    webhook = { path = "/a/../b" }
  }
  expect_failures = [var.webhook]
}

run "a_base_url_has_no_path" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    webhook = { base_url = "https://hooks.acme.example/" }
  }
  expect_failures = [var.webhook]
}

run "a_base_url_is_https" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    webhook = { base_url = "http://hooks.acme.example" }
  }
  expect_failures = [var.webhook]
}

run "a_webhook_needs_events" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    webhook = { subscribed_events = [] }
  }
  expect_failures = [var.webhook]
}

run "revocation_is_one_of_two" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    webhook = { revocation = "never" }
  }
  expect_failures = [var.webhook]
}

run "a_rotation_period_has_a_unit" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    rotation = { period = "30d" }
  }
  expect_failures = [var.rotation]
}

run "a_rotation_period_is_an_hour_at_least" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    rotation = { period = "60s" }
  }
  expect_failures = [var.rotation]
}

run "a_rotation_needs_a_role_that_suffices" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    rotation = { period = "2592000s", role = "roles/secretmanager.secretVersionManager" }
  }
  expect_failures = [var.rotation]
}

run "what_is_just_allowed_is_accepted" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    project_id     = "a12345"
    region         = "northamerica-northeast2"
    api_key_secret = "projects/123456789012/secrets/Key_1"
    name           = "a23456789012345678901-3"
    labels         = { a = "" }
    webhook        = { path = "/dynamically/tasks", base_url = "https://hooks.example:8443", subscribed_events = ["new.event"], revocation = "immediately" }
    rotation       = { period = "3600s", role = "organizations/1/roles/rotation" }
    reconcile      = { schedule = "0 6-18/2 * * MON,FRI", lookback_hours = 744, grace_minutes = 0, vertex_locations = ["global"] }
    public_door    = { cpu = 0.5, concurrency = 1, memory_mib = 256, max_instances = 1, timeout_seconds = 60 }
    private_door   = { cpu = 2, concurrency = 1, memory_mib = 768, max_instances = 1, timeout_seconds = 540 }
    public_access  = { invokers = ["serviceAccount:proxy@acme.iam.gserviceaccount.com"] }
    receiver       = { max_body_bytes = 1024, max_line_bytes = 67108864, secret_ttl_seconds = 86400, stale_limit_hours = 0, signing_secret_overlap_hours = 0, replay_tolerance_seconds = 90000 }
    results        = { buckets = [{ name = "a.b_c" }, { name = "a.b_c", prefix = "x y/" }], delete_after_days = 1 }
    state          = { retention_days = 32 }
    topics         = { queue_retention_days = 1, results_retention_days = 31 }
    cmek           = { key_name = "projects/k/locations/northamerica-northeast2/keyRings/r/cryptoKeys/k" }
    bigquery       = { dataset_id = "Gemini_1", delete_after_days = 1 }
    build          = { commit = "v0.1.0-3-g4f2c9aa", keep_images = 1 }
  }

  assert {
    condition     = var.name == "a23456789012345678901-3"
    error_message = "A value at the border was changed."
  }
}
