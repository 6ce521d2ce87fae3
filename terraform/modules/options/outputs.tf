output "webhook" {
  description = "With its defaults."
  value       = var.webhook
}

output "dynamic" {
  description = "With its defaults."
  value       = var.dynamic
}

output "rotation" {
  description = "With its defaults."
  value       = var.rotation
}

output "reconcile" {
  description = "With its defaults."
  value       = var.reconcile
}

output "public_door" {
  description = "With its defaults."
  value       = var.public_door
}

output "private_door" {
  description = "With its defaults."
  value       = var.private_door
}

output "public_access" {
  description = "With its defaults."
  value       = var.public_access
}

output "receiver" {
  description = "With its defaults."
  value       = var.receiver
}

output "results" {
  description = "With its defaults."
  value       = var.results
}

output "archive" {
  description = "With its defaults."
  value       = var.archive
}

output "state" {
  description = "With its defaults."
  value       = var.state
}

output "topics" {
  description = "With its defaults."
  value       = var.topics
}

output "service_accounts" {
  description = "With its defaults."
  value       = var.service_accounts
}

output "network" {
  description = "With its defaults."
  value       = var.network
}

output "cmek" {
  description = "With its defaults."
  value       = var.cmek
}

output "bigquery" {
  description = "With its defaults."
  value       = var.bigquery
}

output "workflows" {
  description = "With its defaults."
  value       = var.workflows
}

output "alerts" {
  description = "With its defaults."
  value       = var.alerts
}

output "build" {
  description = "With its defaults."
  value       = var.build
}
