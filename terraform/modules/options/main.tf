# The module's options with their types, defaults and limits. It makes nothing.

terraform {
  required_version = ">= 1.9"
}

locals {
  members = merge(
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
    { "alerts.thresholds" = keys(var.alerts.thresholds) },
    { "results.buckets" = try(keys(var.results.buckets[0]), []) },
  )
}

variable "given" {
  description = "Which members each option was given, before its type has left out those that it has not."
  type        = map(set(string))
  default     = {}
  validation {
    condition     = alltrue([for name, members in var.given : length(setsubtract(members, local.members[name])) == 0])
    error_message = join(" ", [for name, members in var.given : "${name} has no member ${join(", ", setsubtract(members, local.members[name]))}; it has ${join(", ", local.members[name])}." if length(setsubtract(members, local.members[name])) > 0])
  }
  validation {
    condition     = var.archive.bucket == null || length(setintersection(lookup(var.given, "archive", []), ["location", "storage_class", "delete_after_days"])) == 0
    error_message = "archive.bucket is there already: leave out location, storage_class and delete_after_days, and set them on the bucket (gcloud storage buckets update --lifecycle-file)."
  }
}
