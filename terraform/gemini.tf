# At Gemini: the static webhook, and the token of dynamic ones. What they make
# goes into Secret Manager; neither is in the state.

locals {
  public_url  = coalesce(var.webhook.base_url, google_cloudfunctions2_function.this["public"].service_config[0].uri)
  webhook_uri = "${local.public_url}${var.webhook.path}"
}

resource "gemini_webhook" "this" {
  count = var.webhook.create ? 1 : 0

  name              = var.name
  uri               = local.webhook_uri
  subscribed_events = var.webhook.subscribed_events
  enabled           = var.webhook.enabled
  signing_secret    = local.public_secrets.signing
  api_key_secret    = local.api_key_secret
  rotation_triggers = var.webhook.rotation_triggers
  revocation        = var.webhook.revocation

  # Gemini gives up on a webhook that keeps failing: first the door, then the
  # webhook, and the other way round when all is destroyed.
  depends_on = [
    google_cloud_run_v2_service_iam_binding.invokers,
    google_pubsub_subscription.queue,
    google_secret_manager_secret_iam_member.public,
  ]
}

resource "gemini_webhook_token" "this" {
  count = var.dynamic.enabled ? 1 : 0

  secret            = local.public_secrets.token
  rotation_triggers = var.dynamic.rotation_triggers
}
