# What consumers find in BigQuery. tests/views runs the SQL.

mock_provider "google" {
  source          = "./tests/mocks/google"
  override_during = plan
}

mock_provider "time" {
  override_during = plan
}

run "tables_stay_and_views_count_each_outcome_once" {
  command = plan

  module {
    source = "./modules/bigquery"
  }

  variables {
    project_id            = "acme-prod"
    name                  = "gemini-webhook"
    dataset_id            = "gemini"
    location              = "europe-west1"
    delete_after_days     = null
    deletion_protection   = true
    topics                = { outcomes = "projects/acme-prod/topics/outcomes", results = "projects/acme-prod/topics/results" }
    pubsub_agent          = "serviceAccount:service-1234@gcp-sa-pubsub.iam.gserviceaccount.com"
    dead_letter_retention = "2678400s"
    kms_key_name          = null
    labels                = {}
  }

  assert {
    condition     = alltrue([for t in google_bigquery_table.this : [for c in jsondecode(t.schema) : "${c.name} ${c.type} ${c.mode}"] == ["subscription_name STRING NULLABLE", "message_id STRING NULLABLE", "publish_time TIMESTAMP NULLABLE", "data JSON NULLABLE", "attributes JSON NULLABLE"]])
    error_message = "Pub/Sub writes these columns. What a message has is in data and attributes, so new members need no new column, and no table is replaced."
  }

  assert {
    condition     = alltrue([for t in google_bigquery_table.this : t.deletion_protection])
    error_message = "The rows are protected."
  }

  assert {
    condition     = join(",", slice(regexall("AS ([a-z_]+),?\n", one(google_bigquery_table.distinct["results"].view).query)[*][0], 0, 5)) == "outcome_id,type,resource_id,status,key"
    error_message = "Former columns keep their places."
  }

  assert {
    condition     = length(setsubtract(["display_name", "origin", "confirmed", "finish_reason", "error_code", "model_version", "prompt_tokens", "candidates_tokens", "thoughts_tokens", "cached_tokens", "tool_use_tokens", "total_tokens"], regexall("AS ([a-z_]+)", one(google_bigquery_table.distinct["outcomes"].view).query)[*][0])) == 0
    error_message = "And the members of the contract have columns of their own."
  }

  assert {
    condition     = alltrue([for k, v in google_bigquery_table.distinct : strcontains(one(v.view).query, "FROM `acme-prod.gemini.${k}`") && strcontains(one(v.view).query, "PARTITION BY JSON_VALUE(attributes, '$.outcome_id')")])
    error_message = "Each reads its table, and has each outcome_id once."
  }

  assert {
    condition     = strcontains(one(google_bigquery_table.usage.view).query, "FROM `acme-prod.gemini.results_distinct`") && output.views == { outcomes = "acme-prod.gemini.outcomes_distinct", results = "acme-prod.gemini.results_distinct", usage = "acme-prod.gemini.usage" }
    error_message = "Usage is counted over what is there once."
  }
}
