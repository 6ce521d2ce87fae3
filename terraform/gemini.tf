# At Gemini: the static webhook, and the token of dynamic ones. What they make
# goes into Secret Manager; neither is in the state.

locals {
  public_url  = coalesce(module.options.webhook.base_url, google_cloudfunctions2_function.this["public"].service_config[0].uri)
  webhook_uri = "${local.public_url}${module.options.webhook.path}"
}

resource "gemini_webhook" "this" {
  count = module.options.webhook.create ? 1 : 0

  name              = var.name
  uri               = local.webhook_uri
  subscribed_events = module.options.webhook.subscribed_events
  enabled           = module.options.webhook.enabled
  signing_secret    = local.public_secrets.signing
  api_key_secret    = local.api_key_secret
  rotation_triggers = module.options.webhook.rotation_triggers
  revocation        = module.options.webhook.revocation

  # Gemini gives up on a webhook that keeps failing: first the door, then the
  # webhook, and the other way round when all is destroyed.
  depends_on = [
    google_cloud_run_v2_service_iam_binding.invokers,
    google_pubsub_subscription.queue,
    google_secret_manager_secret_iam_member.public,
  ]
}

resource "gemini_webhook_token" "this" {
  count = module.options.dynamic.enabled ? 1 : 0

  secret            = local.public_secrets.token
  rotation_triggers = module.options.dynamic.rotation_triggers
}
