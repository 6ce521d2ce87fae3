# Every option on, for scripts/terraform-test.

labels = { team = "search" }

webhook = {
  path              = "/hooks/gemini"
  rotation_triggers = { drill = "1" }
}
dynamic  = { rotation_triggers = { drill = "1" } }
rotation = { period = "2592000s" }

reconcile = {
  schedule         = "7 * * * *"
  scheduler_region = "europe-west3"
  lookback_hours   = 336
  grace_minutes    = 60
  vertex_locations = ["europe-west4", "global"]
}

public_door  = { memory_mib = 512, min_instances = 1, max_instances = 40 }
private_door = { memory_mib = 2048, max_instances = 50 }

receiver = {
  batch_results                = "lines"
  chunk_bytes                  = 4194304
  max_line_bytes               = 8388608
  retry_failed                 = 2
  max_body_bytes               = 524288
  signing_secret_overlap_hours = 24
  dynamic_token_overlap_hours  = 96
  secret_ttl_seconds           = 300
  stale_limit_hours            = 6
  replay_tolerance_seconds     = 300
  jwt_audiences                = ["acme"]
  jwt_issuers                  = ["https://accounts.google.com"]
  log_level                    = "info"
  extra_environment            = { HTTPS_PROXY = "http://proxy.acme.example:3128" }
}
network = { connector = "projects/acme-prod/locations/europe-west1/connectors/shared" }

results = {
  buckets           = [{ name = "acme-batches" }, { name = "acme-shared", prefix = "team/gemini/" }]
  create            = true
  delete_after_days = 30
}
archive = { delete_after_days = 365, storage_class = "COLDLINE" }
state   = { retention_days = 90 }
topics  = { queue_retention_days = 31, outcomes_retention_days = 31, results_retention_days = 7 }

cmek      = { key_name = "projects/acme-keys/locations/europe-west1/keyRings/ring/cryptoKeys/key" }
bigquery  = { delete_after_days = 365 }
workflows = { workflow_id = "projects/acme-prod/locations/europe-west1/workflows/done" }
alerts    = { notification_channels = ["projects/acme-prod/notificationChannels/1"] }
build     = { commit = "4f2c9aa0b1d3", keep_images = 3, sources_bucket = "gcf-v2-sources-592565405777-europe-west1-0a1b2c", worker_pool = "projects/acme-prod/locations/europe-west1/workerPools/private" }
