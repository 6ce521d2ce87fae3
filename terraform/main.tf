# The receiver of Gemini's webhooks in one project. Where what is:
#
#   variables.tf, options.tf             inputs; types of those with members in modules/options
#   functions.tf, environment.tf         the functions, and what they are told
#   queue.tf, topics.tf                  queue and dead letters; what is published
#   secrets.tf, rotation.tf, gemini.tf   secrets, their rotation, the webhook
#   reconcile.tf                         what finds jobs whose event did not come
#   storage.tf, source.tf                state, results, archive; how the code gets there
#   accounts.tf, apis.tf, cmek.tf        service accounts, APIs, keys
#   protection.tf                        what is refused before it destroys anything
#   monitoring.tf, alerts.tf, monitoring/ metrics, service levels, dashboard, alerts
#   sinks.tf, logging.tf                 consumers, what is not logged
#   outputs.tf                           what to do next
#
# README.md has every role that is granted; ../docs/deploy.md the steps.

locals {
  functions = {
    public    = var.name
    tasks     = "${var.name}-tasks"
    rotate    = "${var.name}-rotate"
    reconcile = "${var.name}-reconcile"
  }
  # The function that serves /tasks/process.
  tasks_function = var.single_service ? "public" : "tasks"

  state_bucket   = "${var.project_id}-${var.name}-state"
  archive_bucket = "${var.project_id}-${var.name}-archive"
  source_bucket  = "${var.project_id}-${var.name}-source"
  results_bucket = "${var.project_id}-${var.name}-results"

  api_key_secret = coalesce(var.api_key_secret, "projects/${var.project_id}/secrets/gemini-api-key")

  rotates = module.options.rotation != null
  # There must be something to look at.
  reconciles       = module.options.reconcile != null && (module.options.results.files_api || length(local.vertex_locations) > 0)
  canary           = module.options.webhook.create && module.options.results.files_api && try(module.options.reconcile.canary, false)
  vertex_locations = sort(flatten(module.options.reconcile[*].vertex_locations))

  # In the address of Pub/Sub's service agent: saves looking up the project, which
  # a new one cannot answer before its APIs are enabled.
  project_number = regex("service-([0-9]+)@", google_project_service_identity.pubsub.email)[0]

  # Audience of the push subscriptions' tokens. Cloud Run lets in only tokens for
  # an address of the service, and the function, which checks the audience again,
  # must know it before it is made: so it is the address that is known before,
  # SERVICE-NUMBER.REGION.run.app, beside the one with a hash that is pushed to.
  push_audience         = "https://${local.functions[local.tasks_function]}-${local.project_number}.${var.region}.run.app"
  max_delivery_attempts = 30 # the receiver counts along: the last but one reports

  # Longer than a batch may take to be noticed and repaired, and Pub/Sub's maximum.
  dead_letter_retention = "2678400s" # 31 days

  kms_key_name = one(module.options.cmek[*].key_name)
}
