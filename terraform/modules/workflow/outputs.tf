output "service_account" {
  description = "E-mail address of the account that starts the workflow."
  value       = google_service_account.this.email
}
