output "views" {
  description = "Views by name, PROJECT.DATASET.VIEW: usage, and of each topic the one without repeats."
  value = {
    for k, v in merge(google_bigquery_table.distinct, { usage = google_bigquery_table.usage }) : k => "${var.project_id}.${v.dataset_id}.${v.table_id}"
  }
}

output "dead_letter_subscription_name" {
  description = "Subscription with what could not be written."
  value       = module.dead_letters.subscription_name
}
