# Everything that is optional and has members. Types, defaults and what is allowed
# stand in modules/options, which refuses a member that there is not: Terraform
# by itself leaves such out of an object without a word.

module "options" {
  source = "./modules/options"

  project_id     = var.project_id
  region         = var.region
  name           = var.name
  single_service = var.single_service

  webhook          = var.webhook
  dynamic          = var.dynamic
  rotation         = var.rotation
  reconcile        = var.reconcile
  public_door      = var.public_door
  private_door     = var.private_door
  public_access    = var.public_access
  receiver         = var.receiver
  results          = var.results
  archive          = var.archive
  state            = var.state
  topics           = var.topics
  service_accounts = var.service_accounts
  network          = var.network
  cmek             = var.cmek
  bigquery         = var.bigquery
  workflows        = var.workflows
  alerts           = var.alerts
  build            = var.build

  given = merge(
    { for name, option in {
      webhook          = var.webhook
      dynamic          = var.dynamic
      rotation         = var.rotation
      reconcile        = var.reconcile
      public_door      = var.public_door
      private_door     = var.private_door
      public_access    = var.public_access
      receiver         = var.receiver
      results          = var.results
      archive          = var.archive
      state            = var.state
      topics           = var.topics
      service_accounts = var.service_accounts
      network          = var.network
      cmek             = var.cmek
      bigquery         = var.bigquery
      workflows        = var.workflows
      alerts           = var.alerts
      build            = var.build
    } : name => try(keys(option), []) },
    { "alerts.thresholds" = try(keys(var.alerts.thresholds), []) },
    { "results.buckets" = distinct(flatten([for bucket in try(var.results.buckets, []) : try(keys(bucket), [])])) },
  )
}

variable "webhook" {
  description = <<-EOT
    The static webhook. `create`: register it at Gemini; false where webhookctl or somebody else does. `enabled`: Gemini delivers.
    `path`: where the public door gets it. `base_url`: the public door's address where it is not the function's own, as behind a custom domain.
    `subscribed_events`: types of events. Changing a value of `rotation_triggers` makes a new signing secret; `revocation` says what becomes
    of the older ones: after_24h or immediately.
  EOT
  type        = any
  default     = {}
  nullable    = false
}

variable "dynamic" {
  description = <<-EOT
    Dynamic webhooks, those given with a single request. `enabled`: make a path token, as a version of the secret NAME-token, and accept
    deliveries below /dynamic/. Changing a value of `rotation_triggers` makes a new token; the old one is accepted for receiver.dynamic_token_overlap_hours.
    `log_exclusion`: keep URLs that hold what has the form of a token out of the request log.
  EOT
  type        = any
  default     = {}
  nullable    = false
}

variable "rotation" {
  description = <<-EOT
    Rotate the signing secret by schedule; null: only by webhook.rotation_triggers and webhookctl. `period`: seconds with an s, such as 2592000s
    for 30 days; one hour at least. `role`: what the function's account gets on the signing secret, see terraform/README.md.
  EOT
  type        = any
  default     = null
}

variable "reconcile" {
  description = <<-EOT
    Look for jobs that ended and whose event did not come, and queue it; null: do not. `schedule`: when, as in cron, in UTC. `lookback_hours`: how far
    back; `grace_minutes`: how long after its end a job's own event may still come; README.md "Configuration" has the defaults. `vertex_locations`: where
    batch jobs of Vertex AI are looked at, too, such as europe-west1 and global; what they wrote is read only where it is within results.buckets.
    `scheduler_region`: another region for Cloud Scheduler, which is not in all. The Gemini API is looked at unless results.files_api is false.
    `canary`: each run also has Gemini ping the webhook that this module registers, to see that deliveries arrive; see docs/operations.md "The canary".
  EOT
  type        = any
  default     = {}
}

variable "public_door" {
  description = "Size and limits of the function that Gemini posts to. It only verifies and queues: small and quick."
  type        = any
  default     = {}
  nullable    = false
}

variable "private_door" {
  description = "Size and limits of the function that Pub/Sub pushes work to. concurrency times max_instances is how many ranges are read at once. With single_service these are the limits of the one function."
  type        = any
  default     = {}
  nullable    = false
}

variable "public_access" {
  description = <<-EOT
    Who may call the public door. `invokers`: IAM members with roles/run.invoker; Gemini cannot authenticate to Google Cloud, so it is allUsers,
    and every delivery is verified by its signature. Where an organization policy forbids allUsers: [], and see terraform/README.md.
    `ingress`: ALLOW_ALL, or ALLOW_INTERNAL_AND_GCLB behind an external load balancer.
  EOT
  type        = any
  default     = {}
  nullable    = false
}

variable "receiver" {
  description = <<-EOT
    Settings of the receiver, README.md "Configuration"; what is not set keeps the default there. `batch_results`: lines or summary.
    `retry_failed`: how often, 0 to 5, lines that failed with 429, 500 or 503 are sent again, at your cost.
    `dynamic_open` accepts dynamic deliveries of anybody's jobs: for trying things out. `extra_environment`: further variables of all functions,
    such as HTTPS_PROXY; what the module sets counts before them.
  EOT
  type        = any
  default     = {}
  nullable    = false
}

variable "results" {
  description = <<-EOT
    Where batch results are read from. `buckets`: existing ones; with `prefix`, which ends with a slash, only what is below it may be read, and the
    bucket must have uniform bucket-level access. `create`: also make the bucket PROJECT-NAME-results, whose objects are deleted after
    `delete_after_days` (null: never). `files_api`: use the Gemini API with the key in api_key_secret, which most batches of it need. With false
    batches without a gs:// pointer are batch.unreadable (no_api_key), and nothing is read of jobs, videos and interactions.
  EOT
  type        = any
  default     = {}
  nullable    = false
}

variable "archive" {
  description = <<-EOT
    Where results, videos and answers are kept that Gemini deletes after two days. By default the bucket PROJECT-NAME-archive is made, in `location`
    (default: the region) and `storage_class`; what is in it is deleted after `delete_after_days` (0: never), and deletion_protection protects it. `bucket`: one
    that is there already in its place, whose location, class and rules are its owner's to set. The private door may create and read there, not delete.
  EOT
  type        = any
  default     = {}
  nullable    = false
}

variable "state" {
  description = "The state bucket, PROJECT-NAME-state: plans and markers. `retention_days`: after which they are deleted; longer than dead letters are kept (31 days), or a redrive repeats what was done."
  type        = any
  default     = {}
  nullable    = false
}

variable "topics" {
  description = <<-EOT
    How long topics keep messages for those who seek back, in days, 1 to 31. Kept messages are billed as storage: results are as big as the results
    of your batches. `existing_outcomes`, `existing_results`: ids of topics of the same project that are there already, to publish to in place of
    topics of the module.
  EOT
  type        = any
  default     = {}
  nullable    = false
}

variable "service_accounts" {
  description = <<-EOT
    E-mail addresses of service accounts that are there already, in place of the module's own: `public`, `tasks`, `push`, `build`, `rotate`, `reconcile`.
    What each needs is granted all the same. Use a different one for each: what separates the doors is that they are not the same.
  EOT
  type        = any
  default     = {}
  nullable    = false
}

variable "network" {
  description = <<-EOT
    Reach Google's services through a network of yours, as some organization policies ask: `connector`: a Serverless VPC Access connector,
    projects/P/locations/REGION/connectors/C. `egress`: ALL_TRAFFIC, or PRIVATE_RANGES_ONLY. The receiver itself needs none.
  EOT
  type        = any
  default     = {}
  nullable    = false
}

variable "cmek" {
  description = <<-EOT
    Customer-managed key for data at rest: topics, buckets, secrets, tables, images, functions. `key_name`: projects/P/locations/REGION/keyRings/R/cryptoKeys/K
    in the region of the receiver. Google's service agents must have the use of it before: modules/key_grants, once for all receivers.
  EOT
  type        = any
  default     = null
}

variable "bigquery" {
  description = <<-EOT
    Write outcomes and results to BigQuery: dataset `dataset_id` (default: the name with underscores), tables outcomes and results by BigQuery
    subscriptions, views outcomes_distinct and results_distinct without repeats. `delete_after_days`: age at which partitions are dropped (null: never).
  EOT
  type        = any
  default     = null
}

variable "workflows" {
  description = "Start a workflow for every outcome: `workflow_id` is projects/P/locations/L/workflows/W in this project. Its argument is the Pub/Sub message as a CloudEvent; it is started again when it cannot be started, so the same outcome_id may come twice."
  type        = any
  default     = null
}

variable "alerts" {
  description = <<-EOT
    Alerts, docs/monitoring.md. `notification_channels`: projects/P/notificationChannels/N, where to; none: no alerts. `thresholds`: from when on, and the
    goals of the service levels. `runbook_base_url`: where docs/runbooks is published, such as https://git.example/receiver/docs/runbooks, which each alert
    links to; default: the source bucket, to which the runbooks are uploaded.
  EOT
  type        = any
  default     = {}
  nullable    = false
}

variable "build" {
  description = <<-EOT
    How the functions are built. `commit`: what published_by of the outcomes names beside the version; default: the hash of the source.
    `source_dir`: the repository, if the module is not inside it. `keep_images`: how many older images are kept to go back to. `runtime`: of Cloud Run
    functions; it gets security releases by itself until it is decommissioned. `worker_pool`: a private pool of Cloud Build, projects/P/locations/REGION/workerPools/W.
    `sources_bucket`: gcf-v2-sources-NUMBER-REGION, which Cloud Functions makes with the first function of a region and builds from. Name it where it is
    there, and the right to read it is on it; else it is on the project with a condition, which others' gcloud commands then ask about.
  EOT
  type        = any
  default     = {}
  nullable    = false
}
