# Outputs. Terraform prints them in the order of their names.

output "webhook_uri" {
  description = "Where Gemini delivers to the static webhook."
  value       = local.webhook_uri
}

output "dynamic_webhook_base" {
  description = "What the URLs of dynamic webhooks begin with: a token follows, and a label if you like. commands.dynamic_uri makes a whole one; it is a password and not an output. null where dynamic webhooks are off."
  value       = module.options.dynamic.enabled ? "${local.public_url}/dynamic" : null
}

output "topics" {
  description = "Full names of the topics to subscribe to (outcomes, results), and of the queue, to which nobody else may publish."
  value = {
    queue    = google_pubsub_topic.queue.id
    outcomes = local.published.outcomes.id
    results  = local.published.results.id
  }
}

output "dead_letter_subscription" {
  description = "Subscription that keeps what was given up on, for 31 days."
  value       = module.queue_dead_letters.subscription_id
}

output "service_accounts" {
  description = "E-mail addresses of the accounts. Let tasks read the buckets that results are in, where somebody else grants that."
  value = merge(
    {
      public = local.accounts.public.email
      tasks  = local.tasks_account.email
      push   = local.accounts.push.email
      build  = local.accounts.build.email
    },
    local.rotates ? { rotate = local.accounts.rotate.email } : {},
    local.reconciles ? { reconcile = local.accounts.reconcile.email } : {},
  )
}

output "secrets" {
  description = "Names of the secrets, projects/P/secrets/S; not what is in them."
  value = {
    signing = local.signing_secret
    token   = local.token_secret
  }
}

output "buckets" {
  description = "Names of the buckets: state, archive, and results where one was made."
  value = {
    state   = google_storage_bucket.state.name
    archive = local.archive.name
    results = one(google_storage_bucket.results[*].name)
  }
}

output "bigquery" {
  description = "Full names of the views to query (outcomes, results, usage), PROJECT.DATASET.VIEW; null without bigquery."
  value       = one(module.bigquery[*].views)
}

output "source_archive" {
  description = "Path of the archive that the functions are built from."
  value       = data.archive_file.source.output_path
}

output "commands" {
  description = "What to do next by name: doctor, ping, dynamic_uri, outcomes, reconcile, redrive, open_public_door; only those that make sense here. Run them in the repository. next_steps has them as text."
  value       = local.commands
}

output "without_api_key" {
  description = "What does not work because results.files_api is false and the private door has no Gemini API key; null where it has one."
  value       = module.options.results.files_api ? null : local.without_api_key
}

output "without_reconcile" {
  description = "Why nothing looks for jobs whose event did not come; null where something does."
  value       = local.reconciles ? null : local.without_reconcile
}

output "deployment" {
  description = "What this is a deployment of: project_id, region, name, api_key_secret. \"make deploy\" and \"make destroy\" read it when they are not told."
  value = {
    project_id     = var.project_id
    region         = var.region
    name           = var.name
    api_key_secret = local.api_key_secret
  }
}

output "next_steps" {
  description = "The commands for people, one a line: terraform output -raw next_steps."
  value = join("\n", concat(
    ["# In the repository. ${var.name} is in project ${var.project_id}, region ${var.region}."],
    module.options.results.files_api ? [] : ["# ${local.without_api_key}"],
    flatten([for step in local.next_steps : [
      "",
      "# ${step.what}",
      local.commands[step.command],
    ] if contains(keys(local.commands), step.command)]),
    [""],
  ))
}

locals {
  next_steps = [
    { command = "open_public_door", what = "Let Gemini in, where an organization policy forbids allUsers." },
    { command = "doctor", what = "Check the deployment from outside." },
    { command = "ping", what = "Have Gemini send a test delivery." },
    { command = "outcomes", what = "See what has come." },
    { command = "dynamic_uri", what = "A URL for webhook_config of a request; it is a password." },
    { command = "reconcile", what = "Look for jobs whose event did not come now, and not when it is due." },
    { command = "redrive", what = "Names for docs/runbooks/dead-letters.md, step 2." },
  ]
  commands = { for name, command in {
    doctor = join(" ", compact([
      "go run ./cmd/webhookctl doctor --project=${var.project_id} --name=${var.name} --url=${local.public_url} --api-key-secret=${local.api_key_secret}",
      var.single_service ? "--single-service" : "",
      module.options.dynamic.enabled ? "" : "--token-secret=",
      module.options.results.files_api ? "" : "--without-api-key",
      module.options.reconcile == null ? "--without-reconcile" : "",
      local.reconciles && length(local.vertex_locations) > 0 ? "--vertex-locations=${join(",", local.vertex_locations)}" : "",
      module.options.archive.bucket == null ? "" : "--archive-bucket=${module.options.archive.bucket}",
      length(local.result_buckets) > 0 ? "--result-buckets=${join(",", local.result_buckets)}" : "",
    ]))
    ping        = "go run ./cmd/webhookctl webhook ping --secret=${local.signing_secret} --api-key-secret=${local.api_key_secret}"
    dynamic_uri = module.options.dynamic.enabled ? "go run ./cmd/webhookctl dynamic-uri --secret=${local.token_secret} --url=${local.public_url} --label=nightly" : null
    outcomes    = "gcloud pubsub subscriptions pull ${google_pubsub_subscription.inspect["outcomes"].name} --project=${var.project_id} --auto-ack --limit=10"
    reconcile   = local.reconciles ? "gcloud scheduler jobs run ${one(google_cloud_scheduler_job.reconcile[*].name)} --project=${var.project_id} --location=${one(google_cloud_scheduler_job.reconcile[*].region)}" : null
    redrive     = "PROJECT=${var.project_id} QUEUE=${google_pubsub_topic.queue.name} DEAD=${module.queue_dead_letters.subscription_name}"
    # Where an organization policy forbids allUsers (public_access.invokers = []).
    open_public_door = length(module.options.public_access.invokers) > 0 ? null : "gcloud run services update ${local.functions.public} --project=${var.project_id} --region=${var.region} --no-invoker-iam-check"
  } : name => command if command != null }
}
