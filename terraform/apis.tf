locals {
  apis = toset(concat(
    [
      "artifactregistry.googleapis.com",
      "cloudbuild.googleapis.com",
      "cloudfunctions.googleapis.com",
      "cloudresourcemanager.googleapis.com",
      "iam.googleapis.com",
      "logging.googleapis.com",
      "monitoring.googleapis.com",
      "pubsub.googleapis.com",
      "run.googleapis.com",
      "secretmanager.googleapis.com",
      "storage.googleapis.com",
    ],
    local.rotates || local.reconciles || module.options.workflows != null ? ["eventarc.googleapis.com"] : [],
    local.reconciles ? ["cloudscheduler.googleapis.com"] : [],
    local.reconciles && length(local.vertex_locations) > 0 ? ["aiplatform.googleapis.com"] : [],
    module.options.workflows != null ? ["workflows.googleapis.com", "workflowexecutions.googleapis.com"] : [],
    module.options.bigquery != null ? ["bigquery.googleapis.com"] : [],
    module.options.cmek != null ? ["cloudkms.googleapis.com"] : [],
  ))
}

resource "google_project_service" "this" {
  for_each = var.enable_apis ? local.apis : toset([])

  project            = var.project_id
  service            = each.key
  disable_on_destroy = false # others in the project may use it
}

# Google's own accounts that act for us. They come into being when they are
# first needed, which is too late for the grants below.
resource "google_project_service_identity" "pubsub" {
  provider = google-beta

  project = var.project_id
  service = "pubsub.googleapis.com"

  depends_on = [google_project_service.this]
}

resource "google_project_service_identity" "secretmanager" {
  provider = google-beta
  count    = local.rotates ? 1 : 0

  project = var.project_id
  service = "secretmanager.googleapis.com"

  depends_on = [google_project_service.this]
}

resource "google_project_service_identity" "cloudscheduler" {
  provider = google-beta
  count    = local.reconciles ? 1 : 0

  project = var.project_id
  service = "cloudscheduler.googleapis.com"

  depends_on = [google_project_service.this]
}

resource "google_project_service_identity" "eventarc" {
  provider = google-beta
  count    = local.rotates || local.reconciles || module.options.workflows != null ? 1 : 0

  project = var.project_id
  service = "eventarc.googleapis.com"

  depends_on = [google_project_service.this]
}
