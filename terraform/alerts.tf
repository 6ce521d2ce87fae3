locals {
  alerts = length(module.options.alerts.notification_channels) == 0 ? {} : merge(
    {
      dead-letters = {
        text         = "A message is in the dead letters: work was given up on."
        subscription = module.queue_dead_letters.subscription_name
        metric       = "num_undelivered_messages"
        threshold    = 0
        runbook      = "Nothing is lost. docs/runbooks/dead-letters.md: find the cause, repair it, redrive."
      }
      events-waiting = {
        text         = "An event has waited for an hour."
        subscription = google_pubsub_subscription.queue["events"].name
        metric       = "oldest_unacked_message_age"
        threshold    = 3600
        runbook      = "The private door fails or is not called: look at its log for \"task not done\". After 30 attempts a message goes to the dead letters."
      }
      ranges-waiting = {
        text         = "A part of a batch has waited for an hour."
        subscription = google_pubsub_subscription.queue["ranges"].name
        metric       = "oldest_unacked_message_age"
        threshold    = 3600
        runbook      = "The private door fails, or there is more work than it can do: look at its log, and raise private_door.max_instances."
      }
    },
    module.options.bigquery == null ? {} : {
      bigquery-dead-letters = {
        text         = "A message could not be written to BigQuery."
        subscription = one(module.bigquery[*].dead_letter_subscription_name)
        metric       = "num_undelivered_messages"
        threshold    = 0
        runbook      = "Look at the attributes CloudPubSubDeadLetterSource* of the message for the table, repair it, and publish the message to its topic again."
      }
    },
  )
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  project               = var.project_id
  display_name          = "${var.name}: ${each.key}"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = module.options.alerts.notification_channels
  user_labels           = var.labels

  conditions {
    display_name = each.value.text
    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${each.value.subscription}\" AND metric.type = \"pubsub.googleapis.com/subscription/${each.value.metric}\""
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = "300s"
      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = each.value.runbook
  }

  depends_on = [google_project_service.this]
}
