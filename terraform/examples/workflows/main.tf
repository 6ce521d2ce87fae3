# A workflow for each outcome: here it writes a log line when a batch is complete.

resource "google_service_account" "workflow" {
  project      = var.project_id
  account_id   = "gemini-webhook-workflow"
  display_name = "What the workflow may do"
}

# logging.logWriter is project-wide: Cloud Logging has nothing smaller.
resource "google_project_iam_member" "workflow_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.workflow.member
}

resource "google_workflows_workflow" "batch_done" {
  project             = var.project_id
  region              = var.region
  name                = "gemini-batch-done"
  service_account     = google_service_account.workflow.id
  deletion_protection = false

  # The argument is a CloudEvent; a message may start it twice, so whatever it
  # does must be done by outcome_id.
  source_contents = <<-EOT
    main:
      params: [event]
      steps:
        - read:
            assign:
              - outcome: $${json.decode(base64.decode(event.data.message.data))}
        - only_complete_batches:
            switch:
              - condition: $${outcome.type != "batch.completed"}
                return: "not for us"
        - say:
            call: sys.log
            args:
              severity: NOTICE
              json:
                batch: $${outcome.resource_id}
                outcome_id: $${outcome.outcome_id}
                results: $${outcome.results}
  EOT
}

module "receiver" {
  source = "../.."

  project_id     = var.project_id
  region         = var.region
  api_key_secret = var.api_key_secret

  deletion_protection = var.deletion_protection

  results   = { create = true }
  workflows = { workflow_id = google_workflows_workflow.batch_done.id }
}

output "workflow" {
  description = "The workflow that is started."
  value       = google_workflows_workflow.batch_done.id
}
