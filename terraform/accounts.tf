# One account for each function, one that Pub/Sub calls as, one that builds.
# What each is granted stands beside the resource that it is granted on.

locals {
  account_uses = merge(
    {
      public = var.single_service ? "both doors" : "public door"
      push   = "Pub/Sub calls the private door"
      build  = "builds the functions"
    },
    var.single_service ? {} : { tasks = "private door" },
    local.rotates ? { rotate = "rotation of the signing secret" } : {},
    local.reconciles ? { reconcile = "looks for jobs whose event did not come" } : {},
  )

  # Those made here, and those that were there. identity is another one for an
  # account that was made again under the same address.
  accounts = { for key, existing in { for key in keys(local.account_uses) : key => module.options.service_accounts[key] } : key => {
    email    = existing == null ? google_service_account.this[key].email : existing
    member   = existing == null ? google_service_account.this[key].member : "serviceAccount:${existing}"
    name     = existing == null ? google_service_account.this[key].name : "projects/${regex("@([^.]+)", existing)[0]}/serviceAccounts/${existing}"
    identity = existing == null ? google_service_account.this[key].unique_id : existing
  } }

  # The account that works on the queue.
  tasks_account = local.accounts[var.single_service ? "public" : "tasks"]
}

resource "google_service_account" "this" {
  for_each = { for key, use in local.account_uses : key => use if module.options.service_accounts[key] == null }

  project      = var.project_id
  account_id   = "${var.name}-${each.key == "reconcile" ? "recon" : each.key}" # 30 characters at most
  display_name = "Gemini webhook: ${each.value}"

  depends_on = [google_project_service.this]
}

moved {
  from = google_service_account.public
  to   = google_service_account.this["public"]
}
moved {
  from = google_service_account.tasks[0]
  to   = google_service_account.this["tasks"]
}
moved {
  from = google_service_account.rotate[0]
  to   = google_service_account.this["rotate"]
}
moved {
  from = google_service_account.push
  to   = google_service_account.this["push"]
}
moved {
  from = google_service_account.build
  to   = google_service_account.this["build"]
}

# An account that is made again is another one with the same address: grants to
# the former one are dead, though nothing in them changes. They are made again
# when this is replaced.
resource "terraform_data" "identity" {
  for_each = merge({ tasks = local.tasks_account.identity }, { for key, account in local.accounts : key => account.identity })

  triggers_replace = each.value
}

# Pub/Sub signs the push tokens as this account. Projects in which Pub/Sub was
# used before 8 April 2021 need the grant; elsewhere it changes nothing.
resource "google_service_account_iam_member" "pubsub_signs_as_push" {
  service_account_id = local.accounts.push.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_project_service_identity.pubsub.member
}
