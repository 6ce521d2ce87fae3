# Outcomes and results in BigQuery: written by Pub/Sub, no code in between.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8"
    }
    time = {
      source  = "hashicorp/time"
      version = "~> 0.12"
    }
  }
}

# Another dataset would be made after this one was destroyed, with its rows.
resource "terraform_data" "placement" {
  input = { dataset_id = var.dataset_id, location = var.location }

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.output.dataset_id == var.dataset_id && lower(self.output.location) == lower(var.location)
      error_message = "The rows are in the dataset ${self.output.dataset_id} in ${self.output.location}, which cannot become ${var.dataset_id} in ${var.location}: it would be destroyed first. Set bigquery.dataset_id and bigquery.location back. For another dataset add a BigQuery subscription of your own to the topics, or delete the rows: apply with deletion_protection = false, then with bigquery = null, then with both as you want them."
    }
  }
}

resource "google_bigquery_dataset" "this" {
  project     = var.project_id
  dataset_id  = var.dataset_id
  location    = var.location
  description = "What Gemini's webhooks announced: query the views usage and *_distinct."
  labels      = var.labels

  delete_contents_on_destroy = !var.deletion_protection

  dynamic "default_encryption_configuration" {
    for_each = var.kms_key_name[*]
    content {
      kms_key_name = default_encryption_configuration.value
    }
  }
}

locals {
  # What a BigQuery subscription writes with write_metadata; names and types are
  # Pub/Sub's. data is valid JSON in every message of the receiver.
  schema = jsonencode([
    { name = "subscription_name", type = "STRING", mode = "NULLABLE", description = "Who wrote the row." },
    { name = "message_id", type = "STRING", mode = "NULLABLE", description = "Pub/Sub's id of the message." },
    { name = "publish_time", type = "TIMESTAMP", mode = "NULLABLE", description = "When it was published; the partition." },
    { name = "data", type = "JSON", mode = "NULLABLE", description = "The outcome, docs/schemas." },
    { name = "attributes", type = "JSON", mode = "NULLABLE", description = "Its attributes: type, outcome_id, status, meta_…" },
  ])
}

resource "google_bigquery_table" "this" {
  for_each = var.topics

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.this.dataset_id
  table_id            = each.key
  description         = "Messages of the topic ${each.key}, as they came; a message may be here twice."
  deletion_protection = var.deletion_protection
  schema              = local.schema
  labels              = var.labels

  # What the dataset's default would give, so that no plan sees a difference:
  # another key is another table.
  dynamic "encryption_configuration" {
    for_each = var.kms_key_name[*]
    content {
      kms_key_name = encryption_configuration.value
    }
  }

  time_partitioning {
    type          = "DAY"
    field         = "publish_time"
    expiration_ms = var.delete_after_days == null ? null : var.delete_after_days * 86400000
  }

  lifecycle {
    replace_triggered_by = [google_bigquery_dataset.this.id]
  }
}

# Without repeats: at least once is what Pub/Sub promises, and outcome_id is
# what makes two of them one. A column that is new comes last.
resource "google_bigquery_table" "distinct" {
  for_each = var.topics

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.this.dataset_id
  table_id            = "${each.key}_distinct"
  description         = "Each outcome of ${each.key} once, by outcome_id. It reads all of ${each.key}, whatever it is filtered by."
  deletion_protection = false # a view holds nothing
  labels              = var.labels

  view {
    use_legacy_sql = false
    query = trimspace(templatefile("${path.module}/views/distinct.sql", {
      from = "${var.project_id}.${google_bigquery_dataset.this.dataset_id}.${google_bigquery_table.this[each.key].table_id}"
    }))
  }

  lifecycle {
    replace_triggered_by = [google_bigquery_dataset.this.id]
  }
}

resource "google_bigquery_table" "usage" {
  project             = var.project_id
  dataset_id          = google_bigquery_dataset.this.dataset_id
  table_id            = "usage"
  description         = "Results and their tokens by day, batch and model; each result once, by outcome_id."
  deletion_protection = false # a view holds nothing
  labels              = var.labels

  view {
    use_legacy_sql = false
    query = trimspace(templatefile("${path.module}/views/usage.sql", {
      from = "${var.project_id}.${google_bigquery_dataset.this.dataset_id}.${google_bigquery_table.distinct["results"].table_id}"
    }))
  }

  lifecycle {
    replace_triggered_by = [google_bigquery_dataset.this.id]
  }
}

resource "google_bigquery_table_iam_member" "pubsub_writes" {
  for_each = google_bigquery_table.this

  project    = var.project_id
  dataset_id = google_bigquery_dataset.this.dataset_id
  table_id   = each.value.table_id
  role       = "roles/bigquery.dataEditor"
  member     = var.pubsub_agent

  lifecycle {
    replace_triggered_by = [google_bigquery_table.this[each.key].id]
  }
}

# A grant is there at once, and works after a while.
resource "time_sleep" "granted" {
  create_duration = "60s"
  triggers        = { for table, grant in google_bigquery_table_iam_member.pubsub_writes : table => grant.id }
}

module "dead_letters" {
  source = "../dead_letters"

  project_id   = var.project_id
  name         = "${var.name}-bigquery-dead-letters"
  retention    = var.dead_letter_retention
  publisher    = var.pubsub_agent
  kms_key_name = var.kms_key_name
  labels       = var.labels
}

# A subscription does not follow a dead-letter topic that is made again.
resource "terraform_data" "dead_letters" {
  triggers_replace = module.dead_letters.topic_uid
}

resource "google_pubsub_subscription" "this" {
  for_each = var.topics

  project                    = var.project_id
  name                       = "${var.name}-${each.key}-bigquery"
  topic                      = each.value
  labels                     = var.labels
  message_retention_duration = "604800s" # 7 days, for a table that cannot be written to

  bigquery_config {
    table               = "${var.project_id}.${google_bigquery_dataset.this.dataset_id}.${google_bigquery_table.this[each.key].table_id}"
    use_topic_schema    = false
    write_metadata      = true
    drop_unknown_fields = false
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = module.dead_letters.topic_id
    max_delivery_attempts = 30
  }

  expiration_policy {
    ttl = "" # never
  }

  lifecycle {
    replace_triggered_by = [google_bigquery_table.this[each.key].id, terraform_data.dead_letters.id]
  }

  # Pub/Sub looks at the table when the subscription is made.
  depends_on = [time_sleep.granted]
}

# To move a message to the dead letters, Pub/Sub acknowledges it here.
resource "google_pubsub_subscription_iam_member" "pubsub_acknowledges" {
  for_each = google_pubsub_subscription.this

  project      = var.project_id
  subscription = each.value.name
  role         = "roles/pubsub.subscriber"
  member       = var.pubsub_agent

  lifecycle {
    replace_triggered_by = [google_pubsub_subscription.this[each.key].id]
  }
}
