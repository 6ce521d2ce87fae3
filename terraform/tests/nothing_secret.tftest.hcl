# No secret in variables, environment or outputs. The states that real applies
# leave are searched for every secret that was stored, by scripts/terraform-test.

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

run "secrets_are_named_and_never_held" {
  command = plan

  variables {
    rotation = { period = "2592000s" }
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : length(f.service_config[0].secret_environment_variables) == 0 && length(f.service_config[0].secret_volumes) == 0])
    error_message = "Secrets are read at run time, with all their versions: as a variable there would be one, until the next deployment."
  }

  assert {
    condition     = alltrue(flatten([for f in google_cloudfunctions2_function.this : [for v in values(f.service_config[0].environment_variables) : !can(regex("whsec_|AIza", v))]]))
    error_message = "No key in the environment."
  }

  assert {
    condition     = !can(regex("whsec_|AIza|/dynamic/", jsonencode([output.commands, output.webhook_uri, output.dynamic_webhook_base, output.secrets])))
    error_message = "No output holds a secret, or a URL with a token."
  }

  assert {
    condition     = output.secrets == { signing = "projects/acme-prod/secrets/gemini-webhook-signing-secret", token = "projects/acme-prod/secrets/gemini-webhook-token" }
    error_message = "Secrets are named."
  }
}
