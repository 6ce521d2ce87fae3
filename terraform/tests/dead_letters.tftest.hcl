# What is given up on is kept, and somebody hears of it.

mock_provider "google" {
  source          = "./tests/mocks/google"
  override_during = plan
}

mock_provider "google-beta" {
  source          = "./tests/mocks/google-beta"
  override_during = plan
}

mock_provider "gemini" {
  override_during = plan
}

variables {
  project_id     = "acme-prod"
  region         = "europe-west1"
  api_key_secret = "projects/acme-prod/secrets/gemini-api-key"
}

run "dead_letters_are_kept_and_raise_an_alert" {
  command = plan

  variables {
    alerts   = { notification_channels = ["projects/acme-prod/notificationChannels/1"] }
    bigquery = {}
  }

  assert {
    condition     = module.queue_dead_letters.settings.subscribes && module.queue_dead_letters.settings.expires == ""
    error_message = "A subscription that never expires keeps them."
  }

  assert {
    condition     = module.queue_dead_letters.settings.retention == "2678400s"
    error_message = "For 31 days."
  }

  assert {
    condition     = alltrue([for s in google_pubsub_subscription.queue : one(s.dead_letter_policy).dead_letter_topic == module.queue_dead_letters.topic_id])
    error_message = "Both push subscriptions use them."
  }

  assert {
    condition     = module.queue_dead_letters.settings.publisher == "serviceAccount:service-1234@gcp-sa-pubsub.iam.gserviceaccount.com" && module.queue_dead_letters.settings.role == "roles/pubsub.publisher" && module.queue_dead_letters.settings.granted_on == "gemini-webhook-dead-letters"
    error_message = "It publishes to the dead-letter topic."
  }

  assert {
    condition     = toset([for g in google_pubsub_subscription_iam_member.pubsub_acknowledges : g.subscription]) == toset([for s in google_pubsub_subscription.queue : s.name]) && alltrue([for g in google_pubsub_subscription_iam_member.pubsub_acknowledges : g.member == "serviceAccount:service-1234@gcp-sa-pubsub.iam.gserviceaccount.com" && g.role == "roles/pubsub.subscriber"])
    error_message = "And acknowledges them where they come from: without this they are delivered for ever."
  }

  assert {
    condition     = length(setsubtract(["dead-letters", "work-waiting", "bigquery-dead-letters"], keys(google_monitoring_alert_policy.this))) == 0
    error_message = "One for each dead-letter subscription, and for work that waits."
  }

  assert {
    condition     = strcontains(google_monitoring_alert_policy.this["dead-letters"].conditions[0].condition_threshold[0].filter, "subscription_id = \"gemini-webhook-dead-letters\"") && google_monitoring_alert_policy.this["dead-letters"].conditions[0].condition_threshold[0].threshold_value == 0
    error_message = "A single message is enough."
  }

  assert {
    condition     = alltrue([for p in google_monitoring_alert_policy.this : p.notification_channels == tolist(["projects/acme-prod/notificationChannels/1"])])
    error_message = "It goes to the given channels."
  }
}
