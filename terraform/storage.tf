# State: plans and markers, all of which can be made again by repeating work.

resource "google_storage_bucket" "state" {
  project                     = var.project_id
  name                        = local.state_bucket
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection
  labels                      = var.labels

  lifecycle_rule {
    condition {
      age = module.options.state.retention_days
    }
    action {
      type = "Delete"
    }
  }

  # Markers are small, many and short-lived: soft delete would keep and bill
  # each for another week.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  dynamic "encryption" {
    for_each = module.options.cmek[*]
    content {
      default_kms_key_name = encryption.value.key_name
    }
  }

  depends_on = [google_project_service.this]
}

# Objects are created, read and listed, never replaced or deleted.
resource "google_storage_bucket_iam_member" "tasks_state" {
  for_each = toset(["roles/storage.objectCreator", "roles/storage.objectViewer"])

  bucket = google_storage_bucket.state.name
  role   = each.key
  member = local.tasks_account.member

  lifecycle {
    replace_triggered_by = [google_storage_bucket.state.id, terraform_data.identity["tasks"].id]
  }
}

# Results: read only.

resource "google_storage_bucket" "results" {
  count = module.options.results.create ? 1 : 0

  project                     = var.project_id
  name                        = local.results_bucket
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection
  labels                      = var.labels

  dynamic "lifecycle_rule" {
    for_each = module.options.results.delete_after_days[*]
    content {
      condition {
        age = lifecycle_rule.value
      }
      action {
        type = "Delete"
      }
    }
  }

  dynamic "encryption" {
    for_each = module.options.cmek[*]
    content {
      default_kms_key_name = encryption.value.key_name
    }
  }

  depends_on = [google_project_service.this]
}

locals {
  result_places = concat(module.options.results.buckets, [for name in google_storage_bucket.results[*].name : { name = name, prefix = "" }])

  # Known before anything is made, so that they can be keys.
  result_grants = merge(
    { for b in module.options.results.buckets : trimsuffix("${b.name}/${b.prefix}", "/") => b },
    module.options.results.create ? { (local.results_bucket) = { name = one(google_storage_bucket.results[*].id), prefix = "" } } : {}, # the name, unknown while it is being made
  )
}

resource "google_storage_bucket_iam_member" "tasks_results" {
  for_each = local.result_grants

  bucket = each.value.name
  role   = "roles/storage.objectViewer"
  member = local.tasks_account.member

  # Reading is asked of the object; listing is asked of the bucket, with the
  # prefix as an attribute.
  dynamic "condition" {
    for_each = each.value.prefix == "" ? [] : [each.value.prefix]
    content {
      title       = "${var.name}-results"
      description = "Only what is below ${condition.value}"
      expression = join(" || ", [
        "resource.name.startsWith(\"projects/_/buckets/${each.value.name}/objects/${condition.value}\")",
        "(resource.type == \"storage.googleapis.com/Bucket\" && api.getAttribute(\"storage.googleapis.com/objectListPrefix\", \"\").startsWith(\"${condition.value}\"))",
      ])
    }
  }

  lifecycle {
    replace_triggered_by = [terraform_data.identity["tasks"].id]
  }
}

# The archive: copies of what Gemini deletes.

resource "google_storage_bucket" "archive" {
  count = module.options.archive.bucket == null ? 1 : 0

  project                     = var.project_id
  name                        = local.archive_bucket
  location                    = coalesce(module.options.archive.location, var.region)
  storage_class               = module.options.archive.storage_class
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection
  labels                      = var.labels

  dynamic "lifecycle_rule" {
    for_each = module.options.archive.delete_after_days == 0 ? [] : [module.options.archive.delete_after_days]
    content {
      condition {
        age = lifecycle_rule.value
      }
      action {
        type = "Delete"
      }
    }
  }

  # After two days a copy is the only one: what somebody deletes by mistake can
  # be had back for a week.
  soft_delete_policy {
    retention_duration_seconds = 604800
  }

  dynamic "encryption" {
    for_each = module.options.cmek[*]
    content {
      default_kms_key_name = encryption.value.key_name
    }
  }

  depends_on = [google_project_service.this]
}

locals {
  # By id in grants: the name, unknown while the bucket is being made.
  archive = {
    name = coalesce(module.options.archive.bucket, one(google_storage_bucket.archive[*].name))
    id   = coalesce(module.options.archive.bucket, one(google_storage_bucket.archive[*].id))
  }
}

# Copies are created and read, never replaced or deleted. Reading takes the right
# to list: without it Cloud Storage does not say that an object is missing.
resource "google_storage_bucket_iam_member" "tasks_archive" {
  for_each = toset(["roles/storage.objectCreator", "roles/storage.objectViewer"])

  bucket = local.archive.id
  role   = each.key
  member = local.tasks_account.member

  lifecycle {
    replace_triggered_by = [terraform_data.identity["tasks"].id]
  }
}
