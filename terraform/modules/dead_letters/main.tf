# A dead-letter topic with what it needs to lose nothing: Pub/Sub may publish to
# it, and a subscription keeps what comes.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8"
    }
  }
}

resource "google_pubsub_topic" "this" {
  project                    = var.project_id
  name                       = var.name
  message_retention_duration = var.retention
  kms_key_name               = var.kms_key_name
  labels                     = var.labels
}

resource "google_pubsub_topic_iam_member" "publisher" {
  project = var.project_id
  topic   = google_pubsub_topic.this.name
  role    = "roles/pubsub.publisher"
  member  = var.publisher

  lifecycle {
    replace_triggered_by = [google_pubsub_topic.this.id]
  }
}

# Without a subscription a dead letter would be gone at once.
resource "google_pubsub_subscription" "this" {
  project                    = var.project_id
  name                       = var.name
  topic                      = "projects/${var.project_id}/topics/${google_pubsub_topic.this.name}"
  labels                     = var.labels
  ack_deadline_seconds       = 600 # time to look at what was pulled
  message_retention_duration = var.retention

  expiration_policy {
    ttl = "" # never, however long nobody looks
  }

  lifecycle {
    replace_triggered_by = [google_pubsub_topic.this.id]
  }
}
