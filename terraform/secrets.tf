# The secrets are made here and their versions are not: those go from Gemini, or
# from the random source of the provider, straight into Secret Manager. So no
# secret is ever in the state, in a plan or in a variable.

locals {
  # By the project's id: the receiver compares these names as texts.
  signing_secret = "projects/${var.project_id}/secrets/${google_secret_manager_secret.signing.secret_id}"
  token_secret   = module.options.dynamic.enabled ? "projects/${var.project_id}/secrets/${one(google_secret_manager_secret.token[*].secret_id)}" : null
}

resource "google_secret_manager_secret" "signing" {
  project   = var.project_id
  secret_id = "${var.name}-signing-secret"
  labels    = var.labels

  deletion_protection = var.deletion_protection

  # In the region of the functions: nothing else reads it, and organization
  # policies on locations refuse automatic replication.
  replication {
    user_managed {
      replicas {
        location = var.region
        dynamic "customer_managed_encryption" {
          for_each = module.options.cmek[*]
          content {
            kms_key_name = customer_managed_encryption.value.key_name
          }
        }
      }
    }
  }

  # Secret Manager says when it is due; RotateSigningSecret does it.
  dynamic "topics" {
    for_each = google_pubsub_topic.rotation
    content {
      name = "projects/${var.project_id}/topics/${topics.value.name}"
    }
  }
  dynamic "rotation" {
    for_each = module.options.rotation[*]
    content {
      rotation_period    = rotation.value.period
      next_rotation_time = timeadd(plantimestamp(), rotation.value.period) # the first; Secret Manager sets those that follow
    }
  }

  lifecycle {
    ignore_changes = [
      # Which webhook the keys are of, and whether a run is at work, stand in the
      # annotations gemini-webhook-*: taking them away orphans the webhook.
      annotations,
      rotation[0].next_rotation_time,
    ]
  }

  depends_on = [
    google_project_service.this,
    google_pubsub_topic_iam_binding.rotation_publishers,
  ]
}

resource "google_secret_manager_secret" "token" {
  count = module.options.dynamic.enabled ? 1 : 0

  project   = var.project_id
  secret_id = "${var.name}-token"
  labels    = var.labels

  replication {
    user_managed {
      replicas {
        location = var.region
        dynamic "customer_managed_encryption" {
          for_each = module.options.cmek[*]
          content {
            kms_key_name = customer_managed_encryption.value.key_name
          }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [annotations]
  }

  depends_on = [google_project_service.this]
}

locals {
  # By id, which is not known while the secret is being made again: so all that
  # goes by it is made again too.
  public_secrets = merge(
    { signing = google_secret_manager_secret.signing.id },
    module.options.dynamic.enabled ? { token = one(google_secret_manager_secret.token[*].id) } : {},
  )
  # Access reads a version, viewer lists which there are: secretAccessor alone
  # cannot list.
  public_secret_grants = { for pair in setproduct(keys(local.public_secrets), ["secretAccessor", "viewer"]) :
    "${pair[0]}-${pair[1]}" => { secret = pair[0], role = "roles/secretmanager.${pair[1]}" }
  }
}

resource "google_secret_manager_secret_iam_member" "public" {
  for_each = local.public_secret_grants

  project   = var.project_id
  secret_id = local.public_secrets[each.value.secret]
  role      = each.value.role
  member    = local.accounts.public.member

  lifecycle {
    replace_triggered_by = [terraform_data.identity["public"].id]
  }
}

# The Gemini API key: for results, videos and answers that the Gemini API has, to
# rotate, and to reconcile. It is somebody else's secret: this adds members and touches no other.
resource "google_secret_manager_secret_iam_member" "api_key" {
  for_each = merge(
    module.options.results.files_api ? { tasks = local.tasks_account.member } : {},
    local.rotates ? { rotate = local.accounts.rotate.member } : {},
    local.reconciles && module.options.results.files_api ? { reconcile = local.accounts.reconcile.member } : {},
  )

  secret_id = local.api_key_secret
  role      = "roles/secretmanager.secretAccessor"
  member    = each.value

  lifecycle {
    replace_triggered_by = [terraform_data.identity[each.key].id]
  }
}

locals {
  without_api_key = "The private door has no Gemini API key (results.files_api is false): batches without a gs:// pointer, which are most of the Gemini API's, are published as batch.unreadable (no_api_key) and their results are gone after two days; videos are not kept, interactions come without their answer, and events without what the API says of the job. Take files_api = false away, unless all jobs write to Cloud Storage."
}

# Said at every plan, and stops none.
check "api_key" {
  assert {
    condition     = module.options.results.files_api
    error_message = local.without_api_key
  }
}
