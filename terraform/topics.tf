# What the receiver publishes: one message per event, and one per line of a
# batch. Consumers make subscriptions of their own.

resource "google_pubsub_topic" "outcomes" {
  project                    = var.project_id
  name                       = "${var.name}-outcomes"
  message_retention_duration = "${var.topics.outcomes_retention_days * 86400}s"
  kms_key_name               = local.kms_key_name
  labels                     = var.labels

  depends_on = [google_project_service.this, google_kms_crypto_key_iam_member.agents]
}

resource "google_pubsub_topic" "results" {
  project                    = var.project_id
  name                       = "${var.name}-results"
  message_retention_duration = "${var.topics.results_retention_days * 86400}s"
  kms_key_name               = local.kms_key_name
  labels                     = var.labels

  depends_on = [google_project_service.this, google_kms_crypto_key_iam_member.agents]
}

resource "google_pubsub_topic_iam_member" "tasks_publishes" {
  for_each = {
    outcomes = google_pubsub_topic.outcomes.name
    results  = google_pubsub_topic.results.name
  }

  project = var.project_id
  topic   = each.value
  role    = "roles/pubsub.publisher"
  member  = local.tasks_account.member

  lifecycle {
    replace_triggered_by = [google_pubsub_topic.outcomes.id, google_pubsub_topic.results.id, terraform_data.identity["tasks"].id]
  }
}

# To look at what comes, by "gcloud pubsub subscriptions pull". A day's worth,
# which costs nothing while the topic keeps the messages anyway.
resource "google_pubsub_subscription" "inspect" {
  for_each = {
    outcomes = google_pubsub_topic.outcomes.id
    results  = google_pubsub_topic.results.id
  }

  project                    = var.project_id
  name                       = "${var.name}-${each.key}-inspect"
  topic                      = each.value
  labels                     = var.labels
  ack_deadline_seconds       = 60
  message_retention_duration = "86400s"

  expiration_policy {
    ttl = "" # never
  }
}
