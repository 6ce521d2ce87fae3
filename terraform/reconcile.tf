# Reconciliation: Cloud Scheduler says when, and the function Reconcile looks for
# jobs that ended and whose event did not come, and queues it.

locals {
  without_reconcile = module.options.reconcile == null ? "reconcile is null: an event that Gemini does not deliver is missed." : "Nothing is reconciled: results.files_api is false, and reconcile.vertex_locations names no location, so there are no jobs to look at. An event that Gemini does not deliver is missed. Take files_api = false away, name locations, or set reconcile = null if that is meant."
}

# Said at every plan, and stops none.
check "reconcile" {
  assert {
    condition     = module.options.reconcile == null || local.reconciles
    error_message = local.without_reconcile
  }
}

resource "google_pubsub_topic" "reconcile" {
  count = local.reconciles ? 1 : 0

  project                    = var.project_id
  name                       = "${var.name}-reconcile"
  message_retention_duration = "86400s" # a day, to see what Cloud Scheduler sent
  kms_key_name               = local.kms_key_name
  labels                     = var.labels

  depends_on = [google_project_service.this]
}

# Whoever may publish here can make us ask Gemini for all jobs. Authoritative, as
# the queue's. In most projects Cloud Scheduler may publish to every topic anyway.
resource "google_pubsub_topic_iam_binding" "reconcile_publishers" {
  count = local.reconciles ? 1 : 0

  project = var.project_id
  topic   = one(google_pubsub_topic.reconcile[*].name)
  role    = "roles/pubsub.publisher"
  members = [one(google_project_service_identity.cloudscheduler[*].member)]

  lifecycle {
    replace_triggered_by = [google_pubsub_topic.reconcile[0].id]
  }
}

# A deadline for attempts is not set: Cloud Scheduler has none for Pub/Sub, and
# the plan would never be empty again.
resource "google_cloud_scheduler_job" "reconcile" {
  count = local.reconciles ? 1 : 0

  project     = var.project_id
  region      = coalesce(module.options.reconcile.scheduler_region, var.region)
  name        = "${var.name}-reconcile"
  description = "Looks for jobs of Gemini whose event did not come."
  schedule    = module.options.reconcile.schedule
  time_zone   = "Etc/UTC"

  pubsub_target {
    topic_name = one(google_pubsub_topic.reconcile[*].id)
    data       = base64encode("reconcile") # Pub/Sub takes no empty message
  }

  retry_config {
    retry_count = 3
  }

  lifecycle {
    replace_triggered_by = [google_pubsub_topic.reconcile[0].id]
  }

  depends_on = [google_pubsub_topic_iam_binding.reconcile_publishers]
}

# Which jobs were worked on is read and listed; who comes first, and what a run
# found, is created. Nothing is replaced or deleted.
resource "google_storage_bucket_iam_member" "reconcile_state" {
  for_each = local.reconciles ? toset(["roles/storage.objectCreator", "roles/storage.objectViewer"]) : toset([])

  bucket = google_storage_bucket.state.name
  role   = each.key
  member = local.accounts.reconcile.member

  lifecycle {
    replace_triggered_by = [google_storage_bucket.state.id, terraform_data.identity["reconcile"].id]
  }
}

# Batch jobs are listed and read, which are asked of the project: Vertex AI has
# no policy on a job. Of the predefined roles the viewer's is the smallest with
# aiplatform.batchPredictionJobs.list and .get; it changes nothing, and reads
# what else Vertex AI has in the project. A custom role is not made here, for its
# name could not be used again for weeks after a destroy.
resource "google_project_iam_member" "reconcile_vertex" {
  count = local.reconciles && length(local.vertex_locations) > 0 ? 1 : 0

  project = var.project_id
  role    = "roles/aiplatform.viewer"
  member  = local.accounts.reconcile.member

  lifecycle {
    replace_triggered_by = [terraform_data.identity["reconcile"].id]
  }
}
