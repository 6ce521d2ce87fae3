# The least: both doors, queue, dead letters, secrets, the webhook.

module "receiver" {
  source = "../.."

  project_id     = var.project_id
  region         = var.region
  api_key_secret = var.api_key_secret

  deletion_protection = var.deletion_protection

  # A bucket for results of batches. Without one, only the Files API is read.
  results = { create = true }
}

output "webhook_uri" {
  description = "Where Gemini delivers."
  value       = module.receiver.webhook_uri
}

output "next_steps" {
  description = "What to do next: terraform output -raw next_steps."
  value       = module.receiver.next_steps
}
