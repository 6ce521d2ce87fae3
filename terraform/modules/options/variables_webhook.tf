variable "webhook" {
  description = "See the module's own variable."
  type = object({
    create            = optional(bool, true)
    enabled           = optional(bool, true)
    path              = optional(string, "/gemini")
    base_url          = optional(string)
    subscribed_events = optional(set(string), ["batch.succeeded", "batch.expired", "batch.failed", "interaction.requires_action", "interaction.completed", "interaction.failed", "video.generated"])
    rotation_triggers = optional(map(string), {})
    revocation        = optional(string, "after_24h")
  })
  default  = {}
  nullable = false
  validation {
    condition     = can(regex("^/[A-Za-z0-9._~/-]+$", var.webhook.path)) && !can(regex("(?i)^/(tasks|dynamic)(/|$)", var.webhook.path)) && !can(regex("//|/\\.\\.?(/|$)", var.webhook.path))
    error_message = "webhook.path must be a path such as /gemini, without empty or dot segments; /tasks/ is the private door's, and /dynamic/ is for dynamic webhooks: choose another one."
  }
  validation {
    condition     = var.webhook.base_url == null || can(regex("^https://[^/?#@]+$", var.webhook.base_url))
    error_message = "webhook.base_url must be https://HOST without a path and without a slash at the end: put the path into webhook.path."
  }
  validation {
    condition     = length(var.webhook.subscribed_events) > 0
    error_message = "webhook.subscribed_events must name one type at least: use enabled = false to pause deliveries, or create = false to have no webhook."
  }
  validation {
    condition     = contains(["after_24h", "immediately"], var.webhook.revocation)
    error_message = "webhook.revocation must be after_24h, or immediately where a signing secret has leaked."
  }
}

variable "dynamic" {
  description = "See the module's own variable."
  type = object({
    enabled           = optional(bool, true)
    rotation_triggers = optional(map(string), {})
    log_exclusion     = optional(bool, true)
  })
  default  = {}
  nullable = false
}

variable "rotation" {
  description = "See the module's own variable."
  type = object({
    period = string
    role   = optional(string, "roles/secretmanager.admin")
  })
  default = null
  validation {
    condition     = var.rotation == null || try(tonumber(trimsuffix(var.rotation.period, "s")) >= 3600 && endswith(var.rotation.period, "s"), false)
    error_message = "rotation.period must be whole seconds followed by s, 3600s or more: write 2592000s for 30 days."
  }
  validation {
    condition     = var.rotation == null || can(regex("^(roles/secretmanager\\.admin|(projects|organizations)/[^/]+/roles/[A-Za-z0-9_.]+)$", var.rotation.role))
    error_message = "rotation.role must be roles/secretmanager.admin or a custom role, projects/PROJECT/roles/ROLE: no smaller predefined role has secretmanager.secrets.update."
  }
  validation {
    condition     = var.rotation == null || var.webhook.create
    error_message = "rotation rotates the webhook that this module registers: set webhook.create = true, or rotation = null and rotate with webhookctl."
  }
}

variable "reconcile" {
  description = "See the module's own variable."
  type = object({
    schedule         = optional(string, "*/15 * * * *")
    scheduler_region = optional(string)
    lookback_hours   = optional(number)
    grace_minutes    = optional(number)
    vertex_locations = optional(set(string), [])
    canary           = optional(bool, true)
  })
  default = {}
  validation {
    condition     = var.reconcile == null || can(regex("^[0-9A-Za-z*/,-]+( [0-9A-Za-z*/,-]+){4}$", var.reconcile.schedule))
    error_message = "reconcile.schedule must be the five fields of cron, in UTC: write */15 * * * * for every quarter of an hour, or reconcile = null for never."
  }
  validation {
    condition     = try(var.reconcile.scheduler_region == null, true) || can(regex("^[a-z]+-[a-z]+[0-9]+$", var.reconcile.scheduler_region))
    error_message = "reconcile.scheduler_region must be a region such as europe-west1: see \"gcloud scheduler locations list\"."
  }
  validation {
    # Which jobs were worked on stands in the state bucket: of one whose record is gone, everything would come again.
    condition     = try(var.reconcile.lookback_hours == null, true) || try(var.reconcile.lookback_hours >= 1 && var.reconcile.lookback_hours <= 24 * min(366, var.state.retention_days - 1), false)
    error_message = "reconcile.lookback_hours must be from 1 to a day less than state.retention_days, and to a year: what was worked on is known for that long, and would be published a second time after it."
  }
  validation {
    condition     = try(var.reconcile.grace_minutes == null, true) || try(var.reconcile.grace_minutes >= 0 && var.reconcile.grace_minutes < 60 * coalesce(var.reconcile.lookback_hours, 168), false)
    error_message = "reconcile.grace_minutes must be 0 or more, and less than lookback_hours (168 unless it is set), or no job is ever looked at."
  }
  validation {
    condition     = alltrue([for l in try(var.reconcile.vertex_locations, []) : can(regex("^(global|us|eu|[a-z]+-[a-z]+[0-9]+)$", l))])
    error_message = "reconcile.vertex_locations must be locations of Vertex AI: regions such as europe-west1, or global, us, eu."
  }
}
