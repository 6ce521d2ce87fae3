# The functions' environment: README.md "Configuration". What the receiver has a
# default for is set only where somebody asks for it.

locals {
  result_buckets = [for b in local.result_places : b.prefix == "" ? b.name : "${b.name}/${b.prefix}"]

  hours = {
    SIGNING_SECRET_OVERLAP = module.options.receiver.signing_secret_overlap_hours
    DYNAMIC_TOKEN_OVERLAP  = module.options.receiver.dynamic_token_overlap_hours
    STALE_LIMIT            = module.options.receiver.stale_limit_hours
  }
  seconds = {
    SECRET_TTL       = module.options.receiver.secret_ttl_seconds
    REPLAY_TOLERANCE = module.options.receiver.replay_tolerance_seconds
  }
  texts = {
    DYNAMIC_OPEN     = module.options.receiver.dynamic_open ? "true" : null
    JWT_AUDIENCES    = one(compact([join(",", module.options.receiver.jwt_audiences)]))
    JWT_ISSUERS      = one(compact([join(",", module.options.receiver.jwt_issuers)]))
    REVOKED_VERSIONS = one(compact([join(",", module.options.receiver.revoked_versions)]))
    MAX_BODY_BYTES   = module.options.receiver.max_body_bytes
    LOG_LEVEL        = module.options.receiver.log_level
  }

  common_environment = {
    GOOGLE_CLOUD_PROJECT = var.project_id
    QUEUE_TOPIC          = google_pubsub_topic.queue.name
  }

  public_environment = merge(
    { SIGNING_SECRETS = local.signing_secret },
    module.options.dynamic.enabled ? { DYNAMIC_TOKEN_SECRET = local.token_secret } : {},
    { for k, v in local.hours : k => "${v}h" if v != null },
    { for k, v in local.seconds : k => "${v}s" if v != null },
    { for k, v in local.texts : k => tostring(v) if v != null },
  )

  tasks_environment = merge(
    {
      OUTCOMES_TOPIC        = local.published.outcomes.name
      RESULTS_TOPIC         = local.published.results.name
      STATE_BUCKET          = google_storage_bucket.state.name
      ARCHIVE_BUCKET        = local.archive.name
      PUSH_AUDIENCE         = local.push_audience
      PUSH_SERVICE_ACCOUNT  = local.accounts.push.email
      MAX_DELIVERY_ATTEMPTS = tostring(local.max_delivery_attempts)
    },
    length(local.result_buckets) > 0 ? { RESULT_BUCKETS = join(",", local.result_buckets) } : {},
    module.options.results.files_api ? { GEMINI_API_KEY_SECRET = local.api_key_secret } : {},
    { for k, v in {
      BATCH_RESULTS  = module.options.receiver.batch_results
      CHUNK_BYTES    = module.options.receiver.chunk_bytes
      MAX_LINE_BYTES = module.options.receiver.max_line_bytes
      RETRY_FAILED   = module.options.receiver.retry_failed
      STALE_LIMIT    = try("${module.options.receiver.stale_limit_hours}h", null)
      LOG_LEVEL      = module.options.receiver.log_level
    } : k => tostring(v) if v != null },
  )

  reconcile_environment = merge(
    local.common_environment,
    { STATE_BUCKET = google_storage_bucket.state.name },
    module.options.results.files_api ? { GEMINI_API_KEY_SECRET = local.api_key_secret } : {},
    # By name: its id is not known before the functions are there.
    local.canary ? { CANARY_WEBHOOK = var.name } : {},
    length(local.vertex_locations) > 0 ? { VERTEX_LOCATIONS = join(",", local.vertex_locations) } : {},
    { for k, v in {
      RECONCILE_LOOKBACK = try("${module.options.reconcile.lookback_hours}h", null)
      RECONCILE_GRACE    = try("${module.options.reconcile.grace_minutes}m", null)
      LOG_LEVEL          = module.options.receiver.log_level
    } : k => v if v != null },
  )

  rotate_environment = merge(
    {
      GOOGLE_CLOUD_PROJECT  = var.project_id
      GEMINI_API_KEY_SECRET = local.api_key_secret
      SIGNING_SECRETS       = local.signing_secret
    },
    { for k, v in {
      SIGNING_SECRET_OVERLAP = try("${module.options.receiver.signing_secret_overlap_hours}h", null)
      LOG_LEVEL              = module.options.receiver.log_level
    } : k => v if v != null },
  )
}
