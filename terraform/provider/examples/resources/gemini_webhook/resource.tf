resource "gemini_webhook" "main" {
  name = "gemini-webhook"
  uri  = "https://gemini-webhook-abc123-uc.a.run.app/" # the public door

  subscribed_events = [
    "batch.succeeded",
    "batch.failed",
    "batch.expired",
  ]

  signing_secret = "projects/my-project/secrets/gemini-webhook-signing-secret" # google_secret_manager_secret.signing.id

  # Change a value to rotate now. For a key that has leaked, add
  # revocation = "immediately".
  rotation_triggers = {
    requested = "2026-11-22"
  }
}
