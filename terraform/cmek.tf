# Google's service agents that encrypt and decrypt for us. Functions' images and
# source archives in Google's own buckets hold code and no data, and stay with
# Google's keys.

data "google_storage_project_service_account" "this" {
  count = module.options.cmek != null ? 1 : 0

  project = var.project_id

  depends_on = [google_project_service.this]
}

data "google_bigquery_default_service_account" "this" {
  count = module.options.cmek != null && module.options.bigquery != null ? 1 : 0

  project = var.project_id

  depends_on = [google_project_service.this]
}

resource "google_kms_crypto_key_iam_member" "agents" {
  for_each = try(module.options.cmek.grant_service_agents, false) ? merge(
    {
      pubsub        = google_project_service_identity.pubsub.member
      secretmanager = one(google_project_service_identity.secretmanager[*].member)
      storage       = one(data.google_storage_project_service_account.this[*].member)
    },
    module.options.bigquery != null ? { bigquery = one(data.google_bigquery_default_service_account.this[*].member) } : {},
  ) : {}

  crypto_key_id = module.options.cmek.key_name
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value
}
