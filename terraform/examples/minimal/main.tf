# The least: both doors, queue, dead letters, secrets, the webhook.

module "receiver" {
  source = "../.."

  project_id     = var.project_id
  region         = var.region
  api_key_secret = var.api_key_secret

  # A bucket for results of batches. Without one, only the Files API is read.
  results = { create = true }
}

output "webhook_uri" {
  description = "Where Gemini delivers."
  value       = module.receiver.webhook_uri
}

output "commands" {
  description = "What to do next."
  value       = module.receiver.commands
}
