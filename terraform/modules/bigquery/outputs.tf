output "views" {
  description = "Topic to view without repeats, PROJECT.DATASET.VIEW."
  value       = { for k, v in google_bigquery_table.distinct : k => "${var.project_id}.${v.dataset_id}.${v.table_id}" }
}

output "dead_letter_subscription_name" {
  description = "Subscription with what could not be written."
  value       = module.dead_letters.subscription_name
}
