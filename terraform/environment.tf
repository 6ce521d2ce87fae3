# The functions' environment: README.md "Configuration". What the receiver has a
# default for is set only where somebody asks for it.

locals {
  result_buckets = [for b in local.result_places : b.prefix == "" ? b.name : "${b.name}/${b.prefix}"]

  hours = {
    SIGNING_SECRET_OVERLAP = var.receiver.signing_secret_overlap_hours
    DYNAMIC_TOKEN_OVERLAP  = var.receiver.dynamic_token_overlap_hours
    STALE_LIMIT            = var.receiver.stale_limit_hours
  }
  seconds = {
    SECRET_TTL       = var.receiver.secret_ttl_seconds
    REPLAY_TOLERANCE = var.receiver.replay_tolerance_seconds
  }
  texts = {
    DYNAMIC_OPEN     = var.receiver.dynamic_open ? "true" : null
    JWT_AUDIENCES    = one(compact([join(",", var.receiver.jwt_audiences)]))
    JWT_ISSUERS      = one(compact([join(",", var.receiver.jwt_issuers)]))
    REVOKED_VERSIONS = one(compact([join(",", var.receiver.revoked_versions)]))
    MAX_BODY_BYTES   = var.receiver.max_body_bytes
    LOG_LEVEL        = var.receiver.log_level
  }

  common_environment = {
    GOOGLE_CLOUD_PROJECT = var.project_id
    QUEUE_TOPIC          = google_pubsub_topic.queue.name
  }

  public_environment = merge(
    { SIGNING_SECRETS = local.signing_secret },
    var.dynamic.enabled ? { DYNAMIC_TOKEN_SECRET = local.token_secret } : {},
    { for k, v in local.hours : k => "${v}h" if v != null },
    { for k, v in local.seconds : k => "${v}s" if v != null },
    { for k, v in local.texts : k => tostring(v) if v != null },
  )

  tasks_environment = merge(
    {
      OUTCOMES_TOPIC        = local.published.outcomes.name
      RESULTS_TOPIC         = local.published.results.name
      STATE_BUCKET          = google_storage_bucket.state.name
      PUSH_AUDIENCE         = local.push_audience
      PUSH_SERVICE_ACCOUNT  = local.accounts.push.email
      MAX_DELIVERY_ATTEMPTS = tostring(local.max_delivery_attempts)
    },
    length(local.result_buckets) > 0 ? { RESULT_BUCKETS = join(",", local.result_buckets) } : {},
    var.results.files_api ? { GEMINI_API_KEY_SECRET = local.api_key_secret } : {},
    { for k, v in {
      BATCH_RESULTS  = var.receiver.batch_results
      CHUNK_BYTES    = var.receiver.chunk_bytes
      MAX_LINE_BYTES = var.receiver.max_line_bytes
      STALE_LIMIT    = try("${var.receiver.stale_limit_hours}h", null)
      LOG_LEVEL      = var.receiver.log_level
    } : k => tostring(v) if v != null },
  )

  rotate_environment = merge(
    {
      GOOGLE_CLOUD_PROJECT  = var.project_id
      GEMINI_API_KEY_SECRET = local.api_key_secret
      SIGNING_SECRETS       = local.signing_secret
    },
    { for k, v in {
      SIGNING_SECRET_OVERLAP = try("${var.receiver.signing_secret_overlap_hours}h", null)
      LOG_LEVEL              = var.receiver.log_level
    } : k => v if v != null },
  )
}
