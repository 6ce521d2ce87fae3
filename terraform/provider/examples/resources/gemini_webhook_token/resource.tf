resource "gemini_webhook_token" "main" {
  secret = "projects/my-project/secrets/gemini-webhook-token" # google_secret_manager_secret.token.id

  rotation_triggers = {
    requested = "2026-11-22"
  }
}
