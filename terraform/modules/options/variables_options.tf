variable "receiver" {
  description = "See the module's own variable."
  type = object({
    batch_results                = optional(string)
    chunk_bytes                  = optional(number)
    max_line_bytes               = optional(number)
    retry_failed                 = optional(number)
    max_body_bytes               = optional(number)
    signing_secret_overlap_hours = optional(number)
    dynamic_token_overlap_hours  = optional(number)
    secret_ttl_seconds           = optional(number)
    stale_limit_hours            = optional(number)
    replay_tolerance_seconds     = optional(number)
    revoked_versions             = optional(list(string), [])
    jwt_audiences                = optional(list(string), [])
    jwt_issuers                  = optional(list(string), [])
    dynamic_open                 = optional(bool, false)
    log_level                    = optional(string)
    extra_environment            = optional(map(string), {})
  })
  default  = {}
  nullable = false
  validation {
    condition     = contains(["lines", "summary"], coalesce(var.receiver.batch_results, "lines"))
    error_message = "receiver.batch_results must be lines (a message per line of a batch) or summary (batch.completed alone)."
  }
  validation {
    condition     = contains(["debug", "info", "warn", "error"], coalesce(var.receiver.log_level, "info"))
    error_message = "receiver.log_level must be debug, info, warn or error."
  }
  validation {
    condition = alltrue([
      coalesce(var.receiver.chunk_bytes, 1) >= 1,
      coalesce(var.receiver.max_line_bytes, 1) >= 1 && coalesce(var.receiver.max_line_bytes, 1) <= 67108864,
      coalesce(var.receiver.max_body_bytes, 1024) >= 1024 && coalesce(var.receiver.max_body_bytes, 1024) <= 8388608,
      coalesce(var.receiver.secret_ttl_seconds, 1) >= 1 && coalesce(var.receiver.secret_ttl_seconds, 1) <= 86400,
      coalesce(var.receiver.replay_tolerance_seconds, 1) >= 1 && coalesce(var.receiver.replay_tolerance_seconds, 1) <= 90000,
      try(var.receiver.signing_secret_overlap_hours >= 0 && var.receiver.signing_secret_overlap_hours <= 8784, true),
      try(var.receiver.dynamic_token_overlap_hours >= 0 && var.receiver.dynamic_token_overlap_hours <= 8784, true),
      try(var.receiver.stale_limit_hours >= 0 && var.receiver.stale_limit_hours <= 720, true),
    ])
    error_message = "receiver: a limit is out of range, and the function would not start. chunk_bytes from 1; max_line_bytes from 1 to 67108864; max_body_bytes from 1024 to 8388608; secret_ttl_seconds from 1 to 86400; replay_tolerance_seconds from 1 to 90000; overlaps from 0 to 8784 hours; stale_limit_hours from 0 to 720."
  }
  validation {
    condition     = contains(range(var.results.files_api ? 6 : 1), coalesce(var.receiver.retry_failed, 0))
    error_message = "receiver.retry_failed must be 0 to 5, how often failed lines are sent again, and over 0 it needs the Gemini API: take results.files_api = false away."
  }
  validation {
    condition     = alltrue([for v in var.receiver.revoked_versions : can(regex("^projects/[a-z0-9.:-]+/secrets/[A-Za-z0-9_-]+/versions/[1-9][0-9]*$", v))])
    error_message = "receiver.revoked_versions must be versions as projects/PROJECT/secrets/SECRET/versions/NUMBER, with a number and not latest."
  }
  validation {
    condition     = alltrue([for v in concat(var.receiver.jwt_audiences, var.receiver.jwt_issuers) : can(regex("^[^,[:space:]]+$", v))])
    error_message = "receiver.jwt_audiences and jwt_issuers must be texts without commas and white space, one entry each."
  }
  validation {
    condition     = alltrue([for k in keys(var.receiver.extra_environment) : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", k)) && !can(regex("^(PORT|K_|CLOUD_RUN_|X_GOOGLE_|FUNCTION_TARGET$|FUNCTION_SIGNATURE_TYPE$)", k))])
    error_message = "receiver.extra_environment must not set names of the platform (PORT, K_…, CLOUD_RUN_…, X_GOOGLE_…, FUNCTION_TARGET), and names are letters, digits and '_'."
  }
}

variable "results" {
  description = "See the module's own variable."
  type = object({
    buckets           = optional(list(object({ name = string, prefix = optional(string, "") })), [])
    create            = optional(bool, false)
    delete_after_days = optional(number)
    files_api         = optional(bool, true)
  })
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for b in var.results.buckets : can(regex("^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", b.name)) && !startswith(b.name, "goog")])
    error_message = "results.buckets: name must be a bucket's name without gs:// and without a path: put the path into prefix."
  }
  validation {
    condition     = alltrue([for b in var.results.buckets : b.prefix == "" || can(regex("^([^/\"\\\\,[:cntrl:]]+/)+$", b.prefix)) && !can(regex("(^|/)\\.\\.?/", b.prefix))])
    error_message = "results.buckets: prefix must end with a slash and must not begin with one, without empty or dot segments, quotes, backslashes and commas: batches/2026/."
  }
  validation {
    condition     = length(distinct([for b in var.results.buckets : "${b.name}/${b.prefix}"])) == length(var.results.buckets)
    error_message = "results.buckets names a place twice: write each bucket and prefix once."
  }
  validation {
    condition     = alltrue([for b in var.results.buckets : !contains(["${var.project_id}-${var.name}-state", "${var.project_id}-${var.name}-source", coalesce(var.archive.bucket, "${var.project_id}-${var.name}-archive")], b.name)])
    error_message = "results.buckets must not name the receiver's own state or source bucket, nor that of the archive: no pointer to there is followed."
  }
  validation {
    condition     = try(var.results.delete_after_days >= 1, true)
    error_message = "results.delete_after_days must be 1 or more, or left out to keep results for ever."
  }
}

variable "archive" {
  description = "See the module's own variable."
  type = object({
    bucket            = optional(string)
    location          = optional(string)
    storage_class     = optional(string, "STANDARD")
    delete_after_days = optional(number, 90)
  })
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for b in var.archive.bucket[*] : can(regex("^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", b)) && !startswith(b, "goog")])
    error_message = "archive.bucket must be a bucket's name without gs:// and without a path: copies are below archive/ in it."
  }
  validation {
    condition     = length(setintersection(var.archive.bucket[*], [for b in ["state", "source", "results"] : "${var.project_id}-${var.name}-${b}"])) == 0
    error_message = "archive.bucket must not be the receiver's own state, source or results bucket. Leave it out for a bucket of its own."
  }
  validation {
    condition     = var.archive.location == null || can(regex("^([a-z]+-[a-z]+[0-9]+|EU|US|ASIA|ASIA1|EUR[4578]|NAM4)$", var.archive.location))
    error_message = "archive.location must be a region such as europe-west1, EU, US, ASIA, or a pair of regions such as EUR4. Leave it out for the region of the receiver."
  }
  validation {
    condition     = var.cmek == null || try(coalesce(var.archive.location, var.region) == split("/", var.cmek.key_name)[3], true)
    error_message = "archive.location must be the location of cmek.key_name: Cloud Storage takes no key from elsewhere. Leave it out for the region of the receiver."
  }
  validation {
    condition     = contains(["STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"], var.archive.storage_class)
    error_message = "archive.storage_class must be STANDARD, NEARLINE, COLDLINE or ARCHIVE."
  }
  validation {
    condition     = var.archive.delete_after_days == 0 || var.archive.delete_after_days >= 32
    error_message = "archive.delete_after_days must be 32 or more, or 0 to keep copies for ever: a dead letter that is redriven after 31 days must find the results that Gemini has deleted. Leave it out for 90."
  }
  validation {
    condition     = var.archive.delete_after_days == 0 || var.archive.delete_after_days >= lookup({ COLDLINE = 90, ARCHIVE = 365 }, var.archive.storage_class, 0)
    error_message = "archive.storage_class is billed for 90 days (COLDLINE) or 365 (ARCHIVE) at least: raise archive.delete_after_days to that, or take STANDARD or NEARLINE."
  }
}

variable "state" {
  description = "See the module's own variable."
  type = object({
    retention_days = optional(number, 60)
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.state.retention_days >= 32
    error_message = "state.retention_days must be 32 or more: a dead letter that is redriven after 31 days must find its plan. Leave it out for 60."
  }
}

variable "topics" {
  description = "See the module's own variable."
  type = object({
    queue_retention_days    = optional(number, 7)
    outcomes_retention_days = optional(number, 7)
    results_retention_days  = optional(number, 3)
    existing_outcomes       = optional(string)
    existing_results        = optional(string)
  })
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for d in [var.topics.queue_retention_days, var.topics.outcomes_retention_days, var.topics.results_retention_days] : d >= 1 && d <= 31 && floor(d) == d])
    error_message = "topics: retention must be whole days from 1 to 31, which is Pub/Sub's limit."
  }
  validation {
    condition     = alltrue([for t in [var.topics.existing_outcomes, var.topics.existing_results] : t == null || can(regex("^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$", t))])
    error_message = "topics.existing_outcomes and existing_results must be a topic's id in project_id, without projects/P/topics/: the receiver publishes in its own project."
  }
  validation {
    condition     = alltrue([for t in [var.topics.existing_outcomes, var.topics.existing_results] : t == null || t != "${var.name}-queue"])
    error_message = "topics.existing_outcomes and existing_results must not be the queue: what is there counts as a verified event."
  }
}

variable "service_accounts" {
  description = "See the module's own variable."
  type = object({
    public    = optional(string)
    tasks     = optional(string)
    push      = optional(string)
    build     = optional(string)
    rotate    = optional(string)
    reconcile = optional(string)
  })
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for a in values(var.service_accounts) : a == null || can(regex("^[a-z0-9-]+@[a-z0-9-]+(\\.[a-z0-9-]+)?\\.iam\\.gserviceaccount\\.com$", a))])
    error_message = "service_accounts must be e-mail addresses, NAME@PROJECT.iam.gserviceaccount.com, without serviceAccount: before them."
  }
  validation {
    condition     = length(distinct(compact(values(var.service_accounts)))) == length(compact(values(var.service_accounts)))
    error_message = "service_accounts names one account twice: each function needs one of its own, or one door has the rights of the other."
  }
}

variable "network" {
  description = "See the module's own variable."
  type = object({
    connector = optional(string)
    egress    = optional(string, "ALL_TRAFFIC")
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.network.connector == null || can(regex("^projects/[^/]+/locations/[^/]+/connectors/[^/]+$", var.network.connector))
    error_message = "network.connector must be projects/P/locations/REGION/connectors/C: see \"gcloud compute networks vpc-access connectors list\"."
  }
  validation {
    condition     = try(split("/", var.network.connector)[3] == var.region, true)
    error_message = "network.connector must be a connector in the region of the functions."
  }
  validation {
    condition     = contains(["ALL_TRAFFIC", "PRIVATE_RANGES_ONLY"], var.network.egress)
    error_message = "network.egress must be ALL_TRAFFIC or PRIVATE_RANGES_ONLY."
  }
}

variable "cmek" {
  description = "See the module's own variable."
  type = object({
    key_name = string
  })
  default = null
  validation {
    condition     = var.cmek == null || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.cmek.key_name))
    error_message = "cmek.key_name must be projects/P/locations/L/keyRings/R/cryptoKeys/K, without a version."
  }
  validation {
    condition     = var.cmek == null || try(split("/", var.cmek.key_name)[3] == var.region, true)
    error_message = "cmek.key_name must be a key in the region of the receiver: buckets and secrets are regional and take no key from elsewhere. Make a key in var.region."
  }
}

variable "bigquery" {
  description = "See the module's own variable."
  type = object({
    dataset_id        = optional(string)
    location          = optional(string)
    delete_after_days = optional(number)
  })
  default = null
  validation {
    condition     = try(var.bigquery.dataset_id == null, true) || can(regex("^[A-Za-z0-9_]+$", var.bigquery.dataset_id))
    error_message = "bigquery.dataset_id must be letters, digits and underscores: BigQuery takes no '-' here."
  }
  validation {
    condition     = try(var.bigquery.location == null, true) || can(regex("^(EU|US|[a-z]+-[a-z]+[0-9]+)$", var.bigquery.location))
    error_message = "bigquery.location must be EU, US or a region such as europe-west1."
  }
  validation {
    condition     = var.cmek == null || try(coalesce(var.bigquery.location, var.region) == split("/", var.cmek.key_name)[3], true)
    error_message = "bigquery.location must be the location of cmek.key_name: BigQuery takes no key of a region for a dataset in EU or US, or in another region. Leave it out for the region of the receiver."
  }
  validation {
    condition     = try(var.bigquery.delete_after_days >= 1, true)
    error_message = "bigquery.delete_after_days must be 1 or more, or left out to keep rows for ever."
  }
}

variable "workflows" {
  description = "See the module's own variable."
  type = object({
    workflow_id = string
  })
  default = null
  validation {
    condition     = var.workflows == null || can(regex("^projects/[^/]+/locations/[a-z]+-[a-z]+[0-9]+/workflows/[^/]+$", var.workflows.workflow_id))
    error_message = "workflows.workflow_id must be projects/P/locations/L/workflows/W with a region such as europe-west1 as L: use the id of the google_workflows_workflow."
  }
  validation {
    condition     = try(split("/", var.workflows.workflow_id)[1] == var.project_id, true)
    error_message = "workflows.workflow_id must be a workflow of project_id: Eventarc starts none of another project. Deploy it there, and have it call the other one."
  }
}

variable "alerts" {
  description = "See the module's own variable."
  type = object({
    notification_channels = optional(list(string), [])
    runbook_base_url      = optional(string)
    thresholds = optional(object({
      door_5xx_in_10m          = optional(number, 5)
      door_429_in_10m          = optional(number, 5)
      door_401_in_10m          = optional(number, 50)
      absence_hours            = optional(number, 23)
      rotation_late_hours      = optional(number, 24)
      dead_letters             = optional(number, 0)
      waiting_seconds          = optional(number, 3600)
      failed_instances_in_10m  = optional(number, 2)
      bigquery_backlog_seconds = optional(number, 3600)
      failed_lines_share       = optional(number, 0.2)
      reconciliation_minutes   = optional(number, 60)
      accepted_goal            = optional(number, 0.999)
      complete_goal            = optional(number, 0.99)
      fresh_goal               = optional(number, 0.99)
    }), {})
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.alerts.runbook_base_url == null || can(regex("^https://[^?#[:space:]\"\\\\]+[^/?#[:space:]\"\\\\]$", var.alerts.runbook_base_url))
    error_message = "alerts.runbook_base_url must be https://HOST/PATH without a slash at the end: a runbook's name follows, as in /dead-letters.md."
  }
  validation {
    condition = alltrue([for name in ["door_5xx_in_10m", "door_429_in_10m", "door_401_in_10m", "dead_letters", "failed_instances_in_10m", "rotation_late_hours"] :
    var.alerts.thresholds[name] >= 0 && floor(var.alerts.thresholds[name]) == var.alerts.thresholds[name]])
    error_message = "alerts.thresholds: door_5xx_in_10m, door_429_in_10m, door_401_in_10m, dead_letters, failed_instances_in_10m and rotation_late_hours must be whole numbers of 0 or more; an alert fires above them."
  }
  validation {
    # Cloud Monitoring looks back for a day, and an hour of that is the one that each hour is looked at with.
    condition     = var.alerts.thresholds.absence_hours >= 1 && var.alerts.thresholds.absence_hours <= 23 && floor(var.alerts.thresholds.absence_hours) == var.alerts.thresholds.absence_hours
    error_message = "alerts.thresholds.absence_hours must be whole hours from 1 to 23: an alert looks back for a day at most."
  }
  validation {
    condition     = alltrue([for s in [var.alerts.thresholds.waiting_seconds, var.alerts.thresholds.bigquery_backlog_seconds] : s >= 300 && s <= 604800])
    error_message = "alerts.thresholds: waiting_seconds and bigquery_backlog_seconds must be from 300, the time that is looked at, to 604800: after 7 days messages are gone."
  }
  validation {
    condition     = var.alerts.thresholds.reconciliation_minutes >= 30 && var.alerts.thresholds.reconciliation_minutes <= 720 && floor(var.alerts.thresholds.reconciliation_minutes) == var.alerts.thresholds.reconciliation_minutes
    error_message = "alerts.thresholds.reconciliation_minutes must be whole minutes from 30 to 720, and longer than the schedule of reconcile waits: four times that is a good choice."
  }
  validation {
    condition     = var.alerts.thresholds.failed_lines_share >= 0 && var.alerts.thresholds.failed_lines_share < 1
    error_message = "alerts.thresholds.failed_lines_share must be from 0 to below 1: 0.2 is a fifth of the lines."
  }
  validation {
    condition     = alltrue([for g in [var.alerts.thresholds.accepted_goal, var.alerts.thresholds.complete_goal, var.alerts.thresholds.fresh_goal] : g >= 0.5 && g <= 0.9999])
    error_message = "alerts.thresholds: goals must be from 0.5 to 0.9999, such as 0.99 for 99 of 100: with 1 there is no budget to burn."
  }
  validation {
    condition     = alltrue([for c in var.alerts.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[^/]+$", c))])
    error_message = "alerts.notification_channels must be projects/P/notificationChannels/N: see \"gcloud beta monitoring channels list\"."
  }
}

variable "build" {
  description = "See the module's own variable."
  type = object({
    commit         = optional(string)
    source_dir     = optional(string)
    keep_images    = optional(number, 10)
    runtime        = optional(string, "go126")
    worker_pool    = optional(string)
    sources_bucket = optional(string)
  })
  default  = {}
  nullable = false
  validation {
    condition     = can(regex("^[0-9A-Za-z.-]{1,40}$", coalesce(var.build.commit, "none")))
    error_message = "build.commit must be up to 40 letters, digits, '.' and '-': it follows a '+' in the version. Use $(git describe --always --dirty --exclude='*')."
  }
  validation {
    condition     = var.build.keep_images >= 1
    error_message = "build.keep_images must be 1 or more: the image in use is one of them."
  }
  validation {
    condition     = can(regex("^go(12[6-9]|1[3-9][0-9])$", var.build.runtime))
    error_message = "build.runtime must be go126 or newer: go.mod asks for Go 1.26. See \"gcloud functions runtimes list --region=REGION\"."
  }
  validation {
    condition     = var.build.worker_pool == null || can(regex("^projects/[^/]+/locations/[^/]+/workerPools/[^/]+$", var.build.worker_pool))
    error_message = "build.worker_pool must be projects/P/locations/REGION/workerPools/W: see \"gcloud builds worker-pools list --region=REGION\"."
  }
  validation {
    condition     = try(regex("^gcf-v2-sources-[0-9]+-(.*)$", var.build.sources_bucket)[0] == var.region || startswith(regex("^gcf-v2-sources-[0-9]+-(.*)$", var.build.sources_bucket)[0], "${var.region}-"), var.build.sources_bucket == null)
    error_message = "build.sources_bucket must be Cloud Functions' own bucket in the region, gcf-v2-sources-NUMBER-REGION, with a hash behind it where the functions have a key: see \"gcloud storage buckets list\"."
  }
  validation {
    condition     = try(split("/", var.build.worker_pool)[3] == var.region, true)
    error_message = "build.worker_pool must be a pool in the region of the functions: Cloud Functions builds nowhere else."
  }
}
