# What the receiver publishes: one message per event, and one per line of a
# batch. Consumers make subscriptions of their own.

locals {
  published_retention_days = {
    outcomes = module.options.topics.outcomes_retention_days
    results  = module.options.topics.results_retention_days
  }
  # Those made here, and those that were there. id is not known while a topic is
  # being made again: what is bound to it follows.
  published = { for key, existing in { outcomes = module.options.topics.existing_outcomes, results = module.options.topics.existing_results } : key => {
    name = existing == null ? google_pubsub_topic.published[key].name : existing
    id   = existing == null ? google_pubsub_topic.published[key].id : "projects/${var.project_id}/topics/${existing}"
  } }
}

resource "google_pubsub_topic" "published" {
  for_each = { for key, days in local.published_retention_days : key => days if module.options.topics["existing_${key}"] == null }

  project                    = var.project_id
  name                       = "${var.name}-${each.key}"
  message_retention_duration = "${each.value * 86400}s"
  kms_key_name               = local.kms_key_name
  labels                     = var.labels

  depends_on = [google_project_service.this]
}

moved {
  from = google_pubsub_topic.outcomes
  to   = google_pubsub_topic.published["outcomes"]
}
moved {
  from = google_pubsub_topic.results
  to   = google_pubsub_topic.published["results"]
}

resource "terraform_data" "published" {
  for_each = local.published

  triggers_replace = each.value.id
}

resource "google_pubsub_topic_iam_member" "tasks_publishes" {
  for_each = { for key, topic in local.published : key => topic.name }

  project = var.project_id
  topic   = each.value
  role    = "roles/pubsub.publisher"
  member  = local.tasks_account.member

  lifecycle {
    replace_triggered_by = [terraform_data.published[each.key].id, terraform_data.identity["tasks"].id]
  }
}

# To look at what comes, by "gcloud pubsub subscriptions pull". A day's worth,
# which costs nothing while the topic keeps the messages anyway.
resource "google_pubsub_subscription" "inspect" {
  for_each = { for key, topic in local.published : key => topic.id }

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
