# A key of one's own: whom it is granted to, and what would be made again without
# naming it.

mock_provider "google" {
  source          = "./tests/mocks/google"
  override_during = plan
}

mock_provider "google-beta" {
  source          = "./tests/mocks/google-beta"
  override_during = plan
}

mock_provider "time" {
  override_during = plan
}

run "the_key_is_granted_to_the_agents_that_googles_documents_name" {
  command = plan

  module {
    source = "./modules/key_grants"
  }

  variables {
    project_id = "acme-prod"
    key_name   = "projects/acme-keys/locations/europe-west1/keyRings/r/cryptoKeys/k"
  }

  assert {
    condition     = toset(keys(google_kms_crypto_key_iam_member.agents)) == toset(["artifactregistry", "bigquery", "cloudfunctions", "eventarc", "pubsub", "run", "secretmanager", "storage"])
    error_message = "Functions need those of Cloud Functions, Cloud Run, Artifact Registry, Eventarc and Cloud Storage."
  }

  assert {
    condition     = alltrue([for g in google_kms_crypto_key_iam_member.agents : g.crypto_key_id == var.key_name && g.role == "roles/cloudkms.cryptoKeyEncrypterDecrypter" && length(g.condition) == 0])
    error_message = "Without a condition, which others' gcloud commands would stop at."
  }

  assert {
    condition     = time_sleep.granted.create_duration == "60s"
    error_message = "A grant on a key takes a while."
  }
}

run "tables_name_their_key_themselves" {
  command = plan

  module {
    source = "./modules/bigquery"
  }

  variables {
    project_id            = "acme-prod"
    name                  = "gemini-webhook"
    dataset_id            = "gemini"
    location              = "europe-west1"
    delete_after_days     = null
    deletion_protection   = true
    topics                = { results = "projects/acme-prod/topics/results" }
    pubsub_agent          = "serviceAccount:service-1234@gcp-sa-pubsub.iam.gserviceaccount.com"
    dead_letter_retention = "2678400s"
    kms_key_name          = "projects/acme-keys/locations/europe-west1/keyRings/r/cryptoKeys/k"
    labels                = {}
  }

  assert {
    condition     = alltrue([for t in google_bigquery_table.this : one(t.encryption_configuration).kms_key_name == var.kms_key_name])
    error_message = "What comes from the dataset's default is a difference that replaces the table."
  }
}
