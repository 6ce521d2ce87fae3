# Whoever may publish to the queue skips verification: a message there is taken
# for a verified event. So its publishers are exactly the two doors and what
# reconciles, and a grant that somebody adds is gone with the next apply.
#
# A redrive of dead letters publishes to the queue: whoever does it takes the
# right for that time (docs/runbooks/dead-letters.md).

resource "google_pubsub_topic" "queue" {
  project                    = var.project_id
  name                       = "${var.name}-queue"
  message_retention_duration = "${module.options.topics.queue_retention_days * 86400}s"
  kms_key_name               = local.kms_key_name
  labels                     = var.labels

  depends_on = [google_project_service.this]
}

resource "google_pubsub_topic_iam_binding" "queue_publishers" {
  project = var.project_id
  topic   = google_pubsub_topic.queue.name
  role    = "roles/pubsub.publisher"
  members = distinct(concat(
    [local.accounts.public.member, local.tasks_account.member],
    [for key, account in local.accounts : account.member if key == "reconcile"],
  ))

  lifecycle {
    # Any of the accounts: one that there may not be cannot be named here.
    replace_triggered_by = [google_pubsub_topic.queue.id, terraform_data.identity]
  }
}

module "queue_dead_letters" {
  source = "./modules/dead_letters"

  project_id   = var.project_id
  name         = "${var.name}-dead-letters"
  retention    = local.dead_letter_retention
  publisher    = google_project_service_identity.pubsub.member
  kms_key_name = local.kms_key_name
  labels       = var.labels

  depends_on = [google_project_service.this]
}

# A subscription does not follow a dead-letter topic that is made again.
resource "terraform_data" "queue_dead_letters" {
  triggers_replace = module.queue_dead_letters.topic_uid
}

# Two, so that slow or poisoned work of one kind does not hold up the other:
# Pub/Sub slows a subscription down as a whole.
resource "google_pubsub_subscription" "queue" {
  for_each = { events = "event", ranges = "range" }

  project = var.project_id
  name    = "${var.name}-queue-${each.key}"
  topic   = google_pubsub_topic.queue.id
  filter  = "attributes.kind = \"${each.value}\"" # cannot be changed later
  labels  = var.labels

  ack_deadline_seconds       = 600       # Pub/Sub's longest
  message_retention_duration = "604800s" # 7 days, many times what the attempts take

  push_config {
    push_endpoint = "${google_cloudfunctions2_function.this[local.tasks_function].service_config[0].uri}/tasks/process"
    oidc_token {
      service_account_email = local.accounts.push.email
      audience              = local.push_audience
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = module.queue_dead_letters.topic_id
    max_delivery_attempts = local.max_delivery_attempts
  }

  expiration_policy {
    ttl = "" # never
  }

  lifecycle {
    replace_triggered_by = [google_pubsub_topic.queue.id, terraform_data.queue_dead_letters.id]
  }

  depends_on = [
    google_cloud_run_v2_service_iam_binding.invokers,
    google_service_account_iam_member.pubsub_signs_as_push,
  ]
}

# To move a message to the dead letters, Pub/Sub acknowledges it here.
resource "google_pubsub_subscription_iam_member" "pubsub_acknowledges" {
  for_each = google_pubsub_subscription.queue

  project      = var.project_id
  subscription = each.value.name
  role         = "roles/pubsub.subscriber"
  member       = google_project_service_identity.pubsub.member

  lifecycle {
    replace_triggered_by = [google_pubsub_subscription.queue[each.key].id]
  }
}
