# Rotation by schedule: Secret Manager publishes SECRET_ROTATE when it is due,
# and the function RotateSigningSecret does it.

resource "google_pubsub_topic" "rotation" {
  count = local.rotates ? 1 : 0

  project                    = var.project_id
  name                       = "${var.name}-rotation"
  message_retention_duration = "604800s" # 7 days, to see what Secret Manager sent
  kms_key_name               = local.kms_key_name
  labels                     = var.labels

  depends_on = [google_project_service.this]
}

# Whoever may publish here can make us rotate. Authoritative, as the queue's.
resource "google_pubsub_topic_iam_binding" "rotation_publishers" {
  count = local.rotates ? 1 : 0

  project = var.project_id
  topic   = one(google_pubsub_topic.rotation[*].name)
  role    = "roles/pubsub.publisher"
  members = [one(google_project_service_identity.secretmanager[*].member)]

  lifecycle {
    replace_triggered_by = [google_pubsub_topic.rotation[0].id]
  }
}

# The rotation needs secrets.get and secrets.update (the annotations that it
# keeps its state in), versions.add, .list and .disable. Of the predefined roles
# only admin has secrets.update, and it is granted on this one secret. A custom
# role with exactly these five is better; it is not made here, because the name
# of a custom role that was deleted cannot be used again for weeks, and a
# destroy followed by an apply would fail. Make it once, outside, and give it as
# rotation.role.
resource "google_secret_manager_secret_iam_member" "rotate" {
  count = local.rotates ? 1 : 0

  project   = var.project_id
  secret_id = google_secret_manager_secret.signing.id
  role      = module.options.rotation.role
  member    = local.accounts.rotate.member

  lifecycle {
    replace_triggered_by = [google_secret_manager_secret.signing.id, terraform_data.identity["rotate"].id]
  }
}
