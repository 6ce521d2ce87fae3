# Lets Google's service agents in a project encrypt and decrypt with a key. Once
# for each project and key, beside the receivers: a grant is the same for all of
# them, so a receiver that made it would take it from the others when it goes.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8"
    }
    google-beta = {
      source  = "hashicorp/google-beta" # for google_project_service_identity alone
      version = ">= 6.50, < 8"
    }
    time = {
      source  = "hashicorp/time"
      version = "~> 0.12"
    }
  }
}

locals {
  # Whose agents Terraform can bring into being; of the two others it is asked.
  services = toset([
    "artifactregistry.googleapis.com",
    "cloudfunctions.googleapis.com",
    "eventarc.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
  ])
}

resource "google_project_service" "this" {
  for_each = var.enable_apis ? setunion(local.services, ["bigquery.googleapis.com", "cloudkms.googleapis.com", "storage.googleapis.com"]) : toset([])

  project            = var.project_id
  service            = each.key
  disable_on_destroy = false # others in the project may use it
}

resource "google_project_service_identity" "this" {
  provider = google-beta
  for_each = local.services

  project = var.project_id
  service = each.key

  depends_on = [google_project_service.this]
}

data "google_storage_project_service_account" "this" {
  project = var.project_id

  depends_on = [google_project_service.this]
}

data "google_bigquery_default_service_account" "this" {
  project = var.project_id

  depends_on = [google_project_service.this]
}

resource "google_kms_crypto_key_iam_member" "agents" {
  for_each = merge(
    { for service, agent in google_project_service_identity.this : trimsuffix(service, ".googleapis.com") => agent.member },
    {
      storage  = data.google_storage_project_service_account.this.member
      bigquery = data.google_bigquery_default_service_account.this.member
    },
  )

  crypto_key_id = var.key_name
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value
}

# Grants on keys take a while until all services go by them.
resource "time_sleep" "granted" {
  create_duration = "60s"
  triggers        = { for name, grant in google_kms_crypto_key_iam_member.agents : name => grant.id }
}
