# Starts a workflow for every message of a topic, by Eventarc.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8"
    }
  }
}

resource "google_service_account" "this" {
  project      = var.project_id
  account_id   = "${var.name}-start" # starts the workflow; what the workflow may do is its own account's
  display_name = "Gemini webhook: starts a workflow"
}

# Project-wide: Workflows has no policy on a single workflow.
resource "google_project_iam_member" "invoker" {
  project = var.project_id
  role    = "roles/workflows.invoker"
  member  = google_service_account.this.member

  lifecycle {
    replace_triggered_by = [google_service_account.this.unique_id]
  }
}

resource "google_eventarc_trigger" "this" {
  project         = var.project_id
  location        = var.region
  name            = "${var.name}-outcomes"
  service_account = google_service_account.this.email
  labels          = var.labels

  matching_criteria {
    attribute = "type"
    value     = "google.cloud.pubsub.topic.v1.messagePublished"
  }

  transport {
    pubsub {
      topic = var.topic
    }
  }

  destination {
    workflow = var.workflow_id
  }

  depends_on = [google_project_iam_member.invoker]
}
