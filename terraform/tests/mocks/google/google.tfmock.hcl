# What Google Cloud would answer, so that the tests ask nobody and cost nothing.

override_resource {
  target = google_service_account.this["public"]
  values = {
    id     = "projects/acme-prod/serviceAccounts/gemini-webhook-public@acme-prod.iam.gserviceaccount.com"
    name   = "projects/acme-prod/serviceAccounts/gemini-webhook-public@acme-prod.iam.gserviceaccount.com"
    email  = "gemini-webhook-public@acme-prod.iam.gserviceaccount.com"
    member = "serviceAccount:gemini-webhook-public@acme-prod.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.this["tasks"]
  values = {
    id     = "projects/acme-prod/serviceAccounts/gemini-webhook-tasks@acme-prod.iam.gserviceaccount.com"
    name   = "projects/acme-prod/serviceAccounts/gemini-webhook-tasks@acme-prod.iam.gserviceaccount.com"
    email  = "gemini-webhook-tasks@acme-prod.iam.gserviceaccount.com"
    member = "serviceAccount:gemini-webhook-tasks@acme-prod.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.this["push"]
  values = {
    id     = "projects/acme-prod/serviceAccounts/gemini-webhook-push@acme-prod.iam.gserviceaccount.com"
    name   = "projects/acme-prod/serviceAccounts/gemini-webhook-push@acme-prod.iam.gserviceaccount.com"
    email  = "gemini-webhook-push@acme-prod.iam.gserviceaccount.com"
    member = "serviceAccount:gemini-webhook-push@acme-prod.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.this["rotate"]
  values = {
    id     = "projects/acme-prod/serviceAccounts/gemini-webhook-rotate@acme-prod.iam.gserviceaccount.com"
    name   = "projects/acme-prod/serviceAccounts/gemini-webhook-rotate@acme-prod.iam.gserviceaccount.com"
    email  = "gemini-webhook-rotate@acme-prod.iam.gserviceaccount.com"
    member = "serviceAccount:gemini-webhook-rotate@acme-prod.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.this["reconcile"]
  values = {
    id     = "projects/acme-prod/serviceAccounts/gemini-webhook-recon@acme-prod.iam.gserviceaccount.com"
    name   = "projects/acme-prod/serviceAccounts/gemini-webhook-recon@acme-prod.iam.gserviceaccount.com"
    email  = "gemini-webhook-recon@acme-prod.iam.gserviceaccount.com"
    member = "serviceAccount:gemini-webhook-recon@acme-prod.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.this["build"]
  values = {
    id     = "projects/acme-prod/serviceAccounts/gemini-webhook-build@acme-prod.iam.gserviceaccount.com"
    name   = "projects/acme-prod/serviceAccounts/gemini-webhook-build@acme-prod.iam.gserviceaccount.com"
    email  = "gemini-webhook-build@acme-prod.iam.gserviceaccount.com"
    member = "serviceAccount:gemini-webhook-build@acme-prod.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_secret_manager_secret.signing
  values = { id = "projects/acme-prod/secrets/gemini-webhook-signing-secret" }
}

override_resource {
  target = google_secret_manager_secret.token
  values = { id = "projects/acme-prod/secrets/gemini-webhook-token" }
}

mock_resource "google_cloudfunctions2_function" {
  defaults = {
    service_config = { uri = "https://function-hash-ew.a.run.app" }
  }
}

mock_data "google_storage_project_service_account" {
  defaults = { member = "serviceAccount:service-1234@gs-project-accounts.iam.gserviceaccount.com" }
}

mock_data "google_bigquery_default_service_account" {
  defaults = { member = "serviceAccount:bq-1234@bigquery-encryption.iam.gserviceaccount.com" }
}
