# Every line of every batch, and every other event, as a row in BigQuery.

module "receiver" {
  source = "../.."

  project_id     = var.project_id
  region         = var.region
  api_key_secret = var.api_key_secret

  deletion_protection = var.deletion_protection

  results = { create = true }

  bigquery = {
    dataset_id        = "gemini"
    delete_after_days = 90
  }
}

output "query" {
  description = "Yesterday's failed requests by reason."
  value       = "bq query --use_legacy_sql=false 'SELECT error_code, finish_reason, COUNT(*) AS requests FROM `${module.receiver.bigquery.results}` WHERE status != \"succeeded\" AND DATE(publish_time) >= CURRENT_DATE() - 1 GROUP BY error_code, finish_reason ORDER BY requests DESC'"
}

output "usage" {
  description = "Last week's tokens by batch."
  value       = "bq query --use_legacy_sql=false 'SELECT resource_id, model_version, SUM(results) AS results, SUM(cached_tokens) AS cached, SUM(total_tokens) AS tokens FROM `${module.receiver.bigquery.usage}` WHERE day >= CURRENT_DATE() - 7 GROUP BY resource_id, model_version ORDER BY tokens DESC'"
}
