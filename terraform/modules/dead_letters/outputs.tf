output "topic_id" {
  description = "For dead_letter_policy. It is there when Pub/Sub may publish to it and something keeps what comes."
  value       = "projects/${var.project_id}/topics/${google_pubsub_topic.this.name}" # known in a plan, as id is not
  depends_on  = [google_pubsub_topic_iam_member.publisher, google_pubsub_subscription.this]
}

output "topic_uid" {
  description = "Not known while the topic is being made again: what must follow it goes by this."
  value       = google_pubsub_topic.this.id
}

output "subscription_id" {
  description = "projects/P/subscriptions/S."
  value       = google_pubsub_subscription.this.id
}

output "subscription_name" {
  description = "S alone."
  value       = google_pubsub_subscription.this.name
}

output "settings" {
  description = "What keeps messages from being lost, for tests."
  value = {
    topic      = google_pubsub_topic.this.name
    retention  = google_pubsub_subscription.this.message_retention_duration
    expires    = one(google_pubsub_subscription.this.expiration_policy[*].ttl)
    subscribes = google_pubsub_subscription.this.topic == "projects/${var.project_id}/topics/${google_pubsub_topic.this.name}"
    publisher  = google_pubsub_topic_iam_member.publisher.member
    role       = google_pubsub_topic_iam_member.publisher.role
    granted_on = google_pubsub_topic_iam_member.publisher.topic
  }
}
