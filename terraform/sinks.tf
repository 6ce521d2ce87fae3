# Ready-made consumers of outcomes and results.

module "bigquery" {
  source = "./modules/bigquery"
  count  = module.options.bigquery != null ? 1 : 0

  project_id          = var.project_id
  name                = var.name
  dataset_id          = coalesce(module.options.bigquery.dataset_id, replace(var.name, "-", "_"))
  location            = coalesce(module.options.bigquery.location, var.region)
  delete_after_days   = module.options.bigquery.delete_after_days
  deletion_protection = var.deletion_protection
  topics = {
    outcomes = local.published.outcomes.id
    results  = local.published.results.id
  }
  pubsub_agent          = google_project_service_identity.pubsub.member
  dead_letter_retention = local.dead_letter_retention
  kms_key_name          = local.kms_key_name
  labels                = var.labels

  depends_on = [google_project_service.this]
}

module "workflow" {
  source = "./modules/workflow"
  count  = module.options.workflows != null ? 1 : 0

  project_id  = var.project_id
  region      = var.region
  name        = var.name
  topic       = local.published.outcomes.id
  workflow_id = module.options.workflows.workflow_id
  labels      = var.labels

  depends_on = [google_project_service.this, time_sleep.granted]
}
